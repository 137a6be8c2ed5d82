package upload

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"gphotos2mqtt/bridge/capacity"
	"gphotos2mqtt/bridge/media"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/mediatype"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos/spec"
)

const (
	takeLimit = 2 * time.Second  // for one file of a command that is not acknowledged yet; what takes longer is read after that
	acceptFor = 10 * time.Second // for all of its files
)

// payloadName is the name of a file's copy in the store, another one each time: what a process removes of its own that lost the entry just
// then must not be what the next one has taken.
func payloadName(r *store.Job, n int) string {
	return fmt.Sprintf("%s.%d.%08x", r.ID, n, rand.Uint32())
}

// takeData makes a file's content from the command durable.
func (u *Uploads) takeData(ctx context.Context, f *store.File, data mqttapi.Data, payload string) error {
	head := make([]byte, min(data.Len(), mediatype.HeadSize))
	if _, err := io.ReadFull(data.Open(), head); err != nil {
		return unreadable(err)
	}
	skip, err := u.recognise(f, head, data.Len())
	if err != nil {
		return err
	}
	body := data.Open()
	if _, err := io.CopyN(io.Discard, body, skip); err != nil {
		return unreadable(err)
	}
	return u.copyIn(ctx, f, body, data.Len()-skip, payload)
}

// takeNow is takePath while the broker waits for the acknowledgement: what does not answer soon is left to takeWaiting.
func (u *Uploads) takeNow(ctx context.Context, f *store.File, payload string, inTime bool) error {
	if silent, _ := u.cfg.Media.Silent(f.Path); silent {
		return &media.UnavailableError{Folder: u.cfg.Media.Folder(f.Path), Silent: true}
	} else if !inTime {
		return errTurn
	}
	soon, cancel := context.WithTimeout(ctx, takeLimit)
	defer cancel()
	err := u.takePath(ctx, soon, f, payload)
	if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return errTurn
	}
	return err
}

// takePath takes a file from its folder as it is now: a copy of it, or, of a large one, what tells that it is still the same later. reading
// is for the folder. It may return what passes, see tried; a refusal is an *mqttapi.Error.
func (u *Uploads) takePath(ctx, reading context.Context, f *store.File, payload string) error {
	src, err := u.cfg.Media.Open(reading, f.Path)
	if err != nil {
		return err
	}
	defer src.Close() //nolint:errcheck // only read from
	if f.Source != nil {
		return same(f, src)
	}
	if err := u.mayAct(reading, f, src); err != nil {
		return err
	}
	err = u.takeOpen(ctx, f, src, payload)
	refused, ok := errors.AsType[*mqttapi.Error](err)
	if ok && refused.Code == mqttapi.CodeChanged || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) { // it is shorter now
		return &media.UnfinishedError{Seen: src.Seen}
	}
	return err
}

// takeOpen takes an open file. What changes meanwhile is CodeChanged, or an early end.
func (u *Uploads) takeOpen(ctx context.Context, f *store.File, src *media.File, payload string) (err error) {
	head := make([]byte, min(src.Size, mediatype.HeadSize))
	if _, err := io.ReadFull(src, head); err != nil {
		return err
	}
	skip, refused := u.recognise(f, head, src.Size)
	if refused != nil && !media.Blank(head) && !mediatype.Undecided(head) {
		return refused
	}
	still := lookedAt(f, src.Seen)
	if err := cmp.Or(src.Finished(still, lastLook(f), u.cfg.Patience), refused); err != nil {
		return err
	}
	if src.Size <= u.cfg.Capacity.CopyUpTo {
		src.SeekTo(skip)
		err = u.copyIn(ctx, f, src, src.Size-skip, payload)
		if err == nil && src.Racy(still) > 0 {
			err = u.secondLook(ctx, f, src, skip)
		}
	} else if wait := src.Racy(still); wait > 0 {
		err = &media.UnfinishedError{Seen: src.Seen, Ready: wait}
	} else {
		f.Size, f.Source = src.Size, new(store.Source(src.Seen))
	}
	if f.Source != nil || f.After != nil {
		f.Machine = u.cfg.Machine
	}
	if err == nil && f.After != nil {
		after := *f.After
		after.Seen, after.Skip, f.After = store.Source(src.Seen), skip, &after
	}
	return err
}

// secondLook makes sure of a copy of a file whose times cannot show a change: it was changed just before.
func (u *Uploads) secondLook(ctx context.Context, f *store.File, src *media.File, skip int64) error {
	sum, err := src.Sum(skip)
	if err == nil && sum != f.SHA256 {
		err = mqttapi.NewError(mqttapi.CodeChanged)
	}
	if err != nil {
		u.dropPayload(ctx, f)
	}
	return err
}

func same(f *store.File, src *media.File) error {
	if !media.Seen(*f.Source).Same(src.Seen) {
		return mqttapi.Errorf(mqttapi.CodeChanged, "%s has changed since the command came; send it again.", media.Shorten(f.Path))
	}
	return nil
}

func (u *Uploads) copyIn(ctx context.Context, f *store.File, r io.Reader, size int64, payload string) error {
	if err := u.cfg.Capacity.Reserve(ctx, size); err != nil {
		return err
	}
	f.Payload, f.Size = payload, size
	body := &source{r: io.LimitReader(r, size)}
	// A stop right here leaves a payload that no job names: it is swept at the next start, and the broker delivers the command again.
	n, sum, err := u.cfg.Store.PutPayload(ctx, payload, body)
	if body.err != nil {
		err = unreadable(body.err)
	}
	if err != nil {
		u.dropPayload(ctx, f)
		return err
	}
	u.cfg.Capacity.Exchange(capacity.Room{Bytes: size}, capacity.Room{Bytes: n})
	f.Size, f.SHA256 = n, sum
	return nil
}

// recognise tells a file's type from its first bytes, and checks size and type. It returns how many bytes a camera wrote before a JPEG:
// decoders want the JPEG alone.
func (u *Uploads) recognise(f *store.File, head []byte, size int64) (skip int64, err error) {
	if len(head) == 0 {
		return 0, mqttapi.Errorf(mqttapi.CodeEmpty, "%s is empty.", called(f))
	}
	kind := mediatype.Of(head)
	if !kind.Taken {
		return 0, mqttapi.Errorf(mqttapi.CodeUnsupportedType, "%s is %s", called(f), kind.Refusal())
	}
	f.MIMEType = kind.MIME
	limit := spec.MaxSize(kind.MIME)
	if most := u.cfg.Capacity.MaxFile; most > 0 {
		limit = min(limit, most)
	}
	if size > limit {
		return 0, mqttapi.Errorf(mqttapi.CodeTooLarge, "%s has %d bytes; at most %d are taken.", called(f), size, limit)
	}
	return int64(kind.Skip), nil
}

func (u *Uploads) dropPayload(ctx context.Context, f *store.File) {
	if f.Payload != "" {
		u.cfg.Capacity.Exchange(capacity.Room{Bytes: f.Size}, capacity.Room{})
		_ = u.cfg.Store.RemovePayload(context.WithoutCancel(ctx), f.Payload) // one that stays behind is swept at the next start
		f.Payload, f.SHA256 = "", ""
	}
}

func unreadable(err error) error {
	if corrupt, ok := errors.AsType[base64.CorruptInputError](err); ok {
		return mqttapi.Errorf(mqttapi.CodeBadPayload, "The base64 data cannot be decoded (at character %d).", int64(corrupt))
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return mqttapi.Errorf(mqttapi.CodeBadPayload, "The base64 data is cut off.")
	}
	return err // a media folder's
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

// open returns a file's bytes from an offset on. A source that is not what it was at the time of the command is the error changed; one whose
// folder is away is an *media.UnavailableError.
func (u *Uploads) open(ctx context.Context, f *store.File, offset int64) (io.ReadCloser, error) {
	if f.Source == nil {
		return u.cfg.Store.OpenPayload(ctx, *f, offset)
	}
	src, err := u.cfg.Media.Open(ctx, f.Source.Path)
	if err != nil {
		return nil, err
	}
	if err := same(f, src); err != nil {
		return nil, errors.Join(err, src.Close())
	}
	src.SeekTo(offset)
	return src, nil
}
