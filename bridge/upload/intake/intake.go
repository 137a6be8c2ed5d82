// Package intake reads the files of a command, or says why one waits or is refused. What is small becomes a payload in the store, and of a
// large file it notes what tells that it is still the same when it is sent. It knows records alone, which it fills in and does not save.
//
// A file is read as often as it takes: what passes lets it wait (tried, postpone), up to a time that depends on the reason. One that is on
// another machine is sought there.
package intake

import (
	"cmp"
	"context"
	"errors"
	"io"
	"time"

	"gphotos2mqtt/bridge/capacity"
	"gphotos2mqtt/bridge/media"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
)

// Config says where files are read from and put to. Its fields are those of upload.Config.
type Config struct {
	MaxPublish func() int
	Patience   media.Patience
	Machine    string
	Seek       func(seen store.Source, machine string)

	Store    *store.Store
	Media    *media.Folders
	Capacity *capacity.Capacity
}

// maxFound is how many files one command takes by patterns and folders: its result has about 1,000 bytes for each, and the record of its
// job is written anew with every step.
const maxFound = 256

const (
	takeLimit = 2 * time.Second  // for one file of a command that is not acknowledged yet; what takes longer is read after that
	acceptFor = 10 * time.Second // for all of its files
	dropGrace = 2 * time.Second  // for a cluster to remove a payload at a stop
)

// errTurn: a file can be read, but not at once.
var errTurn = errors.New("others are read first")

// An Intake reads the files of one entry's commands.
type Intake struct{ cfg Config }

// New returns an intake.
func New(cfg Config) *Intake { return &Intake{cfg} }

// Take fills in the files of a new job. One that is refused fails alone, and one that cannot be read yet waits; a full disk or queue refuses
// the whole command, but for what is found by a pattern or in a folder.
func (in *Intake) Take(ctx context.Context, r *store.Job, cmd mqttapi.Upload) error {
	began := time.Now()
	for _, named := range cmd.Files {
		files, err := in.filesOf(ctx, r, cmd, named)
		if err != nil {
			return err
		}
		for _, f := range files {
			switch payload := payloadName(r, len(r.Files)); {
			case named.Path == "":
				err = in.tried(&f, in.takeData(ctx, &f, named.Data, payload))
			case !f.Expand && f.Status != store.FileFailed:
				err = in.tried(&f, in.soon(ctx, f.Path, func(soon context.Context) error {
					if time.Since(began) >= acceptFor {
						return errTurn
					}
					return in.takePath(ctx, soon, &f, payload)
				}))
			}
			if err == nil && !f.Expand { // a pattern has no name of its own
				rename(&f, r)
			}
			if r.Files = append(r.Files, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// Again tries to read a file of a job that waits. It returns the file as it is now, queued, waiting or failed, or those that its pattern or
// folder stands for, and how many more those are than are taken. When ctx ends, nothing is left behind.
func (in *Intake) Again(ctx context.Context, r *store.Job, n int) (files []store.File, more int, err error) {
	files = []store.File{r.Files[n]}
	f := &files[0]
	if f.Expand {
		var found []store.File
		if found, more, err = in.find(ctx, f, len(r.Files)); err == nil {
			for i := range found {
				found[i].Wait.Reason, found[i].ErrorMessage = string(mqttapi.WaitTurn), Called(&found[i])+" is read after others."
				rename(&found[i], r)
			}
			return found, more, ctx.Err()
		}
	} else {
		err = in.takePath(ctx, ctx, f, payloadName(r, n))
	}
	if ctx.Err() != nil {
		in.Drop(ctx, f)
		return nil, 0, ctx.Err()
	}
	if err = in.tried(f, err); f.Status == store.FileQueued {
		rename(f, r)
	}
	return files, 0, err
}

// Room is how many files a job of so many may have in place of a pattern.
func (in *Intake) Room(has int) int { return max(min(maxFound, in.cfg.MaxPublish()/1024)-has, 1) }

// Await lets a large file wait again whose folder went away, and reports whether that is what an error of sending it says.
func (in *Intake) Await(f *store.File, cause error) bool {
	if f.Source == nil {
		return false
	}
	f.Wait = &store.Wait{}
	return in.postpone(f, cause) == nil
}

// Open returns a file's bytes from an offset on. A source that is not what it was at the time of the command is the error changed; one whose
// folder is away is an *media.UnavailableError.
func (in *Intake) Open(ctx context.Context, f *store.File, offset int64) (io.ReadCloser, error) {
	if f.Source == nil {
		return in.cfg.Store.OpenPayload(ctx, *f, offset)
	}
	src, err := in.cfg.Media.Open(ctx, f.Source.Path)
	if err != nil {
		return nil, err
	}
	if err := same(f, src); err != nil {
		return nil, errors.Join(err, src.Close())
	}
	src.SeekTo(offset)
	return src, nil
}

// Drop removes a file's payload, and gives back its room.
func (in *Intake) Drop(ctx context.Context, f *store.File) {
	if f.Payload != "" {
		in.cfg.Capacity.Exchange(capacity.Room{Bytes: f.Size}, capacity.Room{})
		removing, done := wake.Outlive(ctx, 0, dropGrace)
		_ = in.cfg.Store.RemovePayload(removing, f.Payload) // one that stays behind is swept at the next start
		done()
		f.Payload, f.SHA256 = "", ""
	}
}

// filesOf returns the files that one of a command stands for, not tried yet, or else one that waits or failed.
func (in *Intake) filesOf(ctx context.Context, r *store.Job, cmd mqttapi.Upload, named mqttapi.UploadFile) ([]store.File, error) {
	f := store.File{Path: named.Path, Name: named.Name, Description: named.Description, Status: store.FileQueued}
	if named.Path == "" {
		return []store.File{f}, nil
	}
	f.Wait = &store.Wait{Missing: cmd.Wait}
	if cmd.Wait < 0 {
		f.Wait.Missing = in.cfg.Patience.Missing
	}
	if action := cmd.After.Action; action == "delete" || action == "move" {
		f.After = &store.After{}
		if action == "move" {
			if f.After.Folder = in.cfg.Media.Abs(cmd.After.Folder); !in.cfg.Media.Allowed(f.After.Folder) {
				return nil, in.cfg.Media.NotAllowed(cmd.After.Folder)
			}
		}
	}
	if f.Below = cmd.Recursive; !f.Below && (!media.IsPattern(f.Path) || in.cfg.Media.Exists(ctx, f.Path)) {
		return []store.File{f}, nil
	}
	f.Expand = true
	var found []store.File
	err := in.soon(ctx, f.Path, func(ctx context.Context) (err error) {
		var more int
		found, more, err = in.find(ctx, &f, len(r.Files))
		r.More += more
		return err
	})
	if err != nil {
		err = in.tried(&f, err)
		return []store.File{f}, err
	}
	return found, nil
}

// find finds the files of a pattern or folder, as many as a job of so many files still has room for, and says how many more there are.
func (in *Intake) find(ctx context.Context, f *store.File, has int) (files []store.File, more int, err error) {
	paths, err := in.cfg.Media.Expand(ctx, f.Path, f.Below)
	if err != nil {
		return nil, 0, err
	}
	if f.Name != "" && len(paths) > 1 {
		return nil, 0, mqttapi.Errorf(mqttapi.CodeBadPayload, `"name" names one file, but there are %d: leave it out.`, len(paths))
	}
	for _, path := range paths[:min(len(paths), in.Room(has))] {
		one := *f
		one.Path, one.Expand, one.Below, one.Status, one.Wait = path, false, false, store.FileWaiting, &store.Wait{Missing: f.Wait.Missing}
		files = append(files, one)
	}
	return files, len(paths) - len(files), nil
}

// soon reads from a media folder while the broker waits for the acknowledgement: what does not answer soon is left to Again.
func (in *Intake) soon(ctx context.Context, path string, read func(context.Context) error) error {
	if silent, _ := in.cfg.Media.Silent(path); silent {
		return &media.UnavailableError{Folder: in.cfg.Media.Folder(path), Silent: true}
	}
	soon, cancel := context.WithTimeout(ctx, takeLimit)
	defer cancel()
	err := read(soon)
	if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return errTurn
	}
	return err
}

// rename gives a file the name that its item will have.
func rename(f *store.File, r *store.Job) {
	f.Name = mqttapi.UploadFile{Path: f.Path, Name: f.Name}.FileName(r.Entry, r.Received, f.MIMEType)
}

// Called is how a person knows a file.
func Called(f *store.File) string {
	if name := cmp.Or(f.Path, f.Name); name != "" {
		return media.Shorten(name)
	}
	return "The payload"
}
