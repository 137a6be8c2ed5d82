package upload

import (
	"context"
	"errors"

	"gphotos2mqtt/bridge/media"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/mqttapi"
)

// maxFound is how many files one command takes by patterns and folders: its result has about 1,000 bytes for each, and the record of its
// job is written anew with every step.
const maxFound = 256

// errTurn: a file can be read, but not at once.
var errTurn = errors.New("others are read first")

// filesOf returns the files that one of a command stands for, not tried yet, or else one that waits or failed.
func (u *Uploads) filesOf(ctx context.Context, r *store.Job, cmd mqttapi.Upload, in mqttapi.UploadFile) ([]store.File, error) {
	f := store.File{Path: in.Path, Name: in.Name, Description: in.Description, Status: store.FileQueued}
	if in.Path == "" {
		return []store.File{f}, nil
	}
	f.Wait = &store.Wait{Missing: cmd.Wait}
	if cmd.Wait < 0 {
		f.Wait.Missing = u.cfg.Patience.Missing
	}
	if action := cmd.After.Action; action == "delete" || action == "move" {
		f.After = &store.After{}
		if action == "move" {
			if f.After.Folder = u.cfg.Media.Abs(cmd.After.Folder); !u.cfg.Media.Allowed(f.After.Folder) {
				return nil, u.cfg.Media.NotAllowed(cmd.After.Folder)
			}
		}
	}
	if f.Below = cmd.Recursive; !f.Below && (!media.IsPattern(f.Path) || u.cfg.Media.Exists(ctx, f.Path)) {
		return []store.File{f}, nil
	}
	f.Expand = true
	var found []store.File
	soon, cancel := context.WithTimeout(ctx, takeLimit)
	defer cancel()
	err := error(&media.UnavailableError{Folder: u.cfg.Media.Folder(f.Path), Silent: true})
	if silent, _ := u.cfg.Media.Silent(f.Path); !silent {
		if found, err = u.expand(soon, r, f); ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
			err = errTurn
		}
	}
	if err != nil {
		err = u.tried(&f, err)
		return []store.File{f}, err
	}
	return found, nil
}

// expand finds the files of a pattern or folder, as many as the job still has room for, and counts the others in it.
func (u *Uploads) expand(ctx context.Context, r *store.Job, f store.File) ([]store.File, error) {
	paths, err := u.cfg.Media.Expand(ctx, f.Path, f.Below)
	if err != nil {
		return nil, err
	}
	if f.Name != "" && len(paths) > 1 {
		return nil, mqttapi.Errorf(mqttapi.CodeBadPayload, `"name" names one file, but there are %d: leave it out.`, len(paths))
	}
	room := max(min(maxFound, u.cfg.MaxPublish()/1024)-len(r.Files), 1)
	r.More += max(len(paths)-room, 0)
	var files []store.File
	for _, path := range paths[:min(len(paths), room)] {
		one := f
		one.Path, one.Expand, one.Below, one.Status, one.Wait = path, false, false, store.FileWaiting, &store.Wait{Missing: f.Wait.Missing}
		files = append(files, one)
	}
	return files, nil
}

// expandWaiting tries that again. What is found is read by the takers, in its order.
func (u *Uploads) expandWaiting(ctx context.Context, of sending) error {
	f := *of.view()
	was := f.Wait.Reason
	var found []store.File
	seen := *of.job.view()
	found, err := u.expand(of.ctx, &seen, f)
	switch {
	case ctx.Err() != nil:
		return nil //nolint:nilerr // a stop: it waits as the store has it
	case of.ctx.Err() != nil:
		return u.finish(ctx, ending{of.file, failed(mqttapi.CodeCancelled, "")})
	case err != nil:
		if err := u.tried(&f, err); err != nil {
			return err
		}
		return u.settleTaking(ctx, of, f, was)
	}
	for i := range found {
		found[i].Wait.Reason, found[i].ErrorMessage = string(mqttapi.WaitTurn), called(&found[i])+" is read after others."
		found[i].Name = mqttapi.UploadFile{Path: found[i].Path, Name: f.Name}.FileName(seen.Entry, seen.Received, "")
	}
	from := 0
	// A stop before this save looks again at the next start.
	err = of.job.update(context.WithoutCancel(ctx), func(r *store.Job) {
		from, r.More = len(r.Files), seen.More
		r.Files[of.n] = found[0]
		r.Files = append(r.Files, found[1:]...)
	})
	if err == nil {
		u.queue.addFiles(of.job, from)
	}
	return err
}
