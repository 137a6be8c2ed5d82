package upload

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/oklog/ulid/v2"

	"gphotos2mqtt/bridge/media"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mediatype"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/mqttapi/broker"
	"gphotos2mqtt/photos/spec"
)

// Accept makes one upload command durable. An answer is of a command that leaves nothing behind, to be published before it is acknowledged;
// without one the command is durable. An error is ctx's or the store's: without acknowledgement the broker delivers it again.
func (u *Uploads) Accept(ctx context.Context, d broker.Delivery) (answer []byte, err error) {
	var cmd mqttapi.Upload
	if d.Retained {
		err = mqttapi.NewError(mqttapi.CodeRetainedCommand)
	} else if cmd, err = mqttapi.ParseUpload(d.Payload, u.cfg.Topics.Entry, u.cfg.Media.Exists); err == nil {
		answer, err = u.accept(ctx, d, cmd)
	}
	if refused, ok := errors.AsType[*mqttapi.Error](err); ok {
		return u.Refuse(cmd, refused)
	}
	return answer, err
}

// accept returns what Accept does, and *mqttapi.Error for a refused command.
func (u *Uploads) accept(ctx context.Context, d broker.Delivery, cmd mqttapi.Upload) ([]byte, error) {
	var delivery store.Delivery // zero with QoS 0, which the broker never repeats
	if d.PacketID != 0 {
		sum := sha256.Sum256(d.Payload)
		delivery = store.Delivery{PacketID: d.PacketID, Hash: hex.EncodeToString(sum[:16])}
	}
	unlock, err := u.dedupe.Lock(ctx, cmd.ID, delivery)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if again, err := u.redelivered(ctx, d, delivery); again || err != nil {
		return nil, err
	}
	if earlier, ok := u.dedupe.find(cmd.ID, store.Delivery{}); ok {
		first, err := u.answerOf(ctx, earlier.Job)
		if err == nil {
			return mqttapi.WithTransaction(first, cmd.Transaction)
		}
		if !errors.Is(err, store.ErrNotFound) { // its day is over, in the store a moment earlier
			return nil, err
		}
	}
	return u.acceptNew(ctx, cmd, delivery)
}

// redelivered reports whether the broker delivers a packet again that became a job before. A packet's number is free once the broker has
// our acknowledgement: a first delivery of equal number and bytes is another command, such as a camera's that publishes the same path each
// time, and from then on the earlier one can no longer be delivered again.
func (u *Uploads) redelivered(ctx context.Context, d broker.Delivery, delivery store.Delivery) (bool, error) {
	earlier, ok := u.dedupe.find("", delivery)
	if !ok || d.Duplicate {
		return ok, nil
	}
	if j := u.queue.get(earlier.Job); j != nil {
		err := j.update(ctx, func(r *store.Job) { r.Delivery = store.Delivery{} })
		if err != nil && !errors.Is(err, errGone) {
			return false, err
		}
	}
	return false, u.dedupe.forgetDelivery(ctx, earlier.Job)
}

func (u *Uploads) answerOf(ctx context.Context, id string) ([]byte, error) {
	j := u.queue.get(id)
	if j == nil {
		return u.dedupe.result(ctx, id)
	}
	if r := j.view(); len(r.Result) == 0 {
		return u.result(r, time.Time{})
	}
	return j.view().Result, nil
}

func (u *Uploads) acceptNew(ctx context.Context, cmd mqttapi.Upload, delivery store.Delivery) ([]byte, error) {
	if err := u.cfg.Account.MayUpload(); err != nil {
		return nil, err
	}
	if err := u.cfg.Capacity.reserveJob(); err != nil {
		return nil, err
	}
	r := &store.Job{
		ID: ulid.Make().String(), Entry: u.cfg.Topics.Entry, Received: wake.Wall(), Ran: u.cfg.Store.Ran(),
		CommandID: cmd.ID, Transaction: cmd.Transaction, Delivery: delivery,
		Album: store.Album{Title: cmd.Album, ID: cmd.AlbumID},
	}
	if r.Album == (store.Album{}) {
		r.Album.Title = u.cfg.Album
	}
	err := u.takeFiles(ctx, r, cmd)
	refused := over(r.Files)
	if err == nil && !refused {
		// A stop before this leaves payloads without a job, which are swept at the next start; after it the upload is never lost.
		if err = u.cfg.Store.AddJob(ctx, r); err == nil {
			u.dedupe.accept(r)
			j := newJob(u, r)
			u.queue.add(j)
			u.outbox.add(j)
			u.cfg.Changed()
			return nil, nil
		}
	}
	for i := range r.Files {
		u.dropPayload(ctx, &r.Files[i])
	}
	u.cfg.Capacity.exchange(room{jobs: 1}, room{})
	if err == nil {
		return u.Refuse(cmd, nil, r.Files...)
	}
	if errors.Is(err, store.ErrFull) {
		u.cfg.Log.WithError(err).WithField("op", "accept").Error("disk is full")
		if err := u.cfg.Capacity.trim(ctx, 0); err != nil {
			return nil, err
		}
		err = mqttapi.Errorf(mqttapi.CodeBusy, "The bridge's disk is full: free some space below GPHOTOS_DATA_DIR, then send this again.")
	}
	return nil, err
}

// takeFiles fills in the job's files. One that is refused fails alone; a full disk or queue refuses the whole command.
func (u *Uploads) takeFiles(ctx context.Context, r *store.Job, cmd mqttapi.Upload) error {
	for n, in := range cmd.Files {
		f, err := u.takeFile(ctx, in, fmt.Sprintf("%s.%d", r.ID, n))
		if refused, ok := errors.AsType[*mqttapi.Error](err); ok && refused.Code != mqttapi.CodeBusy {
			failed(refused.Code, refused.Message)(&f)
			err = nil
		}
		f.Name = in.FileName(u.cfg.Topics.Entry, r.Received, f.MIMEType)
		r.Files = append(r.Files, f)
		if err != nil {
			return err
		}
	}
	return nil
}

// Refuse makes the answer to a command that is not carried out: for one reason, or because of its files.
func (u *Uploads) Refuse(cmd mqttapi.Upload, cause *mqttapi.Error, files ...store.File) ([]byte, error) {
	m := mqttapi.Refused(cmd, cause, wake.Wall())
	m.Items = append(m.Items, resultItems(files)...)
	if cause == nil {
		m.Error = m.Items[0].Error
	}
	u.cfg.Log.WithError(m.Error).WithField("kind", m.Error.Code).Info("upload refused")
	u.totals.failed("", m.Error)
	u.cfg.Changed()
	return m.Encode(u.cfg.MaxPublish())
}

// takeFile checks one file and makes it durable under the payload name. A refusal is an *mqttapi.Error.
func (u *Uploads) takeFile(ctx context.Context, in mqttapi.UploadFile, payload string) (store.File, error) {
	f := store.File{Path: in.Path, Name: in.Name, Description: in.Description, Status: store.FileQueued}
	if in.Path == "" {
		return f, u.copyIn(ctx, &f, in.Data.Open(), in.Data.Len(), payload)
	}
	source, full, err := u.cfg.Media.Open(in.Path)
	if err != nil {
		return f, err
	}
	defer source.Close() //nolint:errcheck // only read from
	info, err := source.Stat()
	if err != nil {
		return f, u.cfg.Media.Explain(in.Path, err)
	}
	if info.Size() <= u.cfg.Capacity.cfg.CopyUpTo {
		return f, u.copyIn(ctx, &f, source, info.Size(), payload)
	}
	if _, _, err = u.recognise(&f, source, info.Size()); err == nil {
		f.Size, f.Source = info.Size(), sourceOf(full, info)
	}
	return f, err
}

func (u *Uploads) copyIn(ctx context.Context, f *store.File, r io.Reader, size int64, payload string) error {
	head, size, err := u.recognise(f, r, size)
	if err == nil {
		err = u.cfg.Capacity.reserve(ctx, size)
	}
	if err != nil {
		return err
	}
	f.Payload, f.Size = payload, size
	body := &source{r: io.LimitReader(io.MultiReader(bytes.NewReader(head), r), size)}
	// A stop right here leaves a payload that no job names; it is swept at the next start, and the broker delivers the command again.
	n, sum, err := u.cfg.Store.PutPayload(ctx, payload, body)
	if body.err != nil {
		err = unreadable(f, body.err)
	}
	if err == nil && n != size && f.Path != "" {
		err = mqttapi.Errorf(mqttapi.CodeChanged, "%s changed while it was read; send it again when it is complete.", media.Shorten(f.Path))
	}
	if err != nil {
		u.dropPayload(ctx, f)
		return err
	}
	u.cfg.Capacity.exchange(room{bytes: size}, room{bytes: n})
	f.Size, f.SHA256 = n, sum
	return nil
}

// recognise reads the head of a file, which tells its type, and checks size and type. It returns the head and the size without what a
// camera wrote before a JPEG: decoders want the JPEG alone.
func (u *Uploads) recognise(f *store.File, r io.Reader, size int64) ([]byte, int64, error) {
	head := make([]byte, min(size, mediatype.HeadSize))
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, 0, unreadable(f, err)
	}
	if n == 0 {
		return nil, 0, mqttapi.Errorf(mqttapi.CodeEmpty, "%s is empty.", called(f))
	}
	kind := mediatype.Of(head[:n])
	if !kind.Taken {
		return nil, 0, mqttapi.Errorf(mqttapi.CodeUnsupportedType, "%s is %s", called(f), kind.Refusal())
	}
	f.MIMEType = kind.MIME
	limit := spec.MaxSize(kind.MIME)
	if most := u.cfg.Capacity.cfg.MaxFile; most > 0 {
		limit = min(limit, most)
	}
	if size > limit {
		return nil, 0, mqttapi.Errorf(mqttapi.CodeTooLarge, "%s has %d bytes; at most %d are taken.", called(f), size, limit)
	}
	return head[kind.Skip:n], size - int64(kind.Skip), nil
}

func (u *Uploads) dropPayload(ctx context.Context, f *store.File) {
	if f.Payload != "" {
		u.cfg.Capacity.exchange(room{bytes: f.Size}, room{})
		_ = u.cfg.Store.RemovePayload(context.WithoutCancel(ctx), f.Payload) // one that stays behind is swept at the next start
		f.Payload = ""
	}
}

func unreadable(f *store.File, err error) error {
	if corrupt, ok := errors.AsType[base64.CorruptInputError](err); ok {
		return mqttapi.Errorf(mqttapi.CodeBadPayload, "The base64 data cannot be decoded (at character %d).", int64(corrupt))
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return mqttapi.Errorf(mqttapi.CodeBadPayload, "The base64 data is cut off.")
	}
	if refused, ok := errors.AsType[*mqttapi.Error](err); ok {
		return refused
	}
	return mqttapi.Errorf(mqttapi.CodeUnreadable, "%s cannot be read to its end.", called(f))
}

func called(f *store.File) string {
	if name := cmp.Or(f.Path, f.Name); name != "" {
		return media.Shorten(name)
	}
	return "The payload"
}

// A source remembers an error of what is read, to tell it from one of the store.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// open returns a file's bytes from an offset on. A source that is not what it was at the time of the command is the error changed.
func (u *Uploads) open(ctx context.Context, f *store.File, offset int64) (io.ReadCloser, error) {
	if f.Source == nil {
		return u.cfg.Store.OpenPayload(ctx, *f, offset)
	}
	source, full, err := u.cfg.Media.Open(f.Source.Path)
	if err != nil {
		return nil, err
	}
	info, err := source.Stat()
	if err == nil && *sourceOf(full, info) != *f.Source {
		err = mqttapi.Errorf(mqttapi.CodeChanged, "%s has changed since the command came; send it again.", media.Shorten(f.Path))
	}
	if err == nil {
		_, err = source.Seek(offset, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, source.Close())
	}
	return source, nil
}

func sourceOf(path string, info fs.FileInfo) *store.Source {
	return &store.Source{Path: path, Size: info.Size(), ModTime: info.ModTime().UTC().Round(0), Inode: inode(info)}
}
