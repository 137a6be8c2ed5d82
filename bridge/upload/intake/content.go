package intake

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"

	"gphotos2mqtt/bridge/capacity"
	"gphotos2mqtt/bridge/media"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/mediatype"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos/spec"
)

// payloadName is the name of a file's copy in the store, another one each time: what a process removes of its own that lost the entry just
// then must not be what the next one has taken.
func payloadName(r *store.Job, n int) string {
	return fmt.Sprintf("%s.%d.%08x", r.ID, n, rand.Uint32())
}

// takeData makes a file's content from the command durable.
func (in *Intake) takeData(ctx context.Context, f *store.File, data mqttapi.Data, payload string) error {
	head := make([]byte, min(data.Len(), mediatype.HeadSize))
	if _, err := io.ReadFull(data.Open(), head); err != nil {
		return unreadable(err)
	}
	skip, err := in.recognise(f, head, data.Len())
	if err != nil {
		return err
	}
	body := data.Open()
	if _, err := io.CopyN(io.Discard, body, skip); err != nil {
		return unreadable(err)
	}
	return in.copyIn(ctx, f, body, data.Len()-skip, payload)
}

// takePath takes a file from its folder as it is now: a copy of it, or, of a large one, what tells that it is still the same later. reading
// is for the folder. It may return what passes, see tried; a refusal is an *mqttapi.Error.
func (in *Intake) takePath(ctx, reading context.Context, f *store.File, payload string) error {
	src, err := in.cfg.Media.Open(reading, f.Path)
	if err != nil {
		return err
	}
	defer src.Close() //nolint:errcheck // only read from
	if f.Source != nil {
		return same(f, src)
	}
	if err := in.mayAct(reading, f, src); err != nil {
		return err
	}
	err = in.takeOpen(ctx, f, src, payload)
	refused, ok := errors.AsType[*mqttapi.Error](err)
	if ok && refused.Code == mqttapi.CodeChanged || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) { // it is shorter now
		return &media.UnfinishedError{Seen: src.Seen}
	}
	return err
}

// takeOpen takes an open file. What changes meanwhile is CodeChanged, or an early end.
func (in *Intake) takeOpen(ctx context.Context, f *store.File, src *media.File, payload string) (err error) {
	head := make([]byte, min(src.Size, mediatype.HeadSize))
	if _, err := io.ReadFull(src, head); err != nil {
		return err
	}
	skip, refused := in.recognise(f, head, src.Size)
	if refused != nil && !media.Blank(head) && !mediatype.Undecided(head) {
		return refused
	}
	still := lookedAt(f, src.Seen)
	if err := cmp.Or(src.Finished(still, lastLook(f), in.cfg.Patience), refused); err != nil {
		return err
	}
	if src.Size <= in.cfg.Capacity.CopyUpTo {
		src.SeekTo(skip)
		err = in.copyIn(ctx, f, src, src.Size-skip, payload)
		if err == nil && src.Racy(still) > 0 {
			err = in.secondLook(ctx, f, src, skip)
		}
	} else if wait := src.Racy(still); wait > 0 {
		err = &media.UnfinishedError{Seen: src.Seen, Ready: wait}
	} else {
		f.Size, f.Source = src.Size, new(store.Source(src.Seen))
	}
	if f.Source != nil || f.After != nil {
		f.Machine = in.cfg.Machine
	}
	if err == nil && f.After != nil {
		after := *f.After
		after.Seen, after.Skip, f.After = store.Source(src.Seen), skip, &after
	}
	return err
}

// mayAct refuses a file, before anything is sent, that is to be deleted or moved and may not be.
func (in *Intake) mayAct(ctx context.Context, f *store.File, src *media.File) error {
	if f.After == nil {
		return nil
	}
	may, err := in.cfg.Media.MayChange(ctx, src.Path)
	if err == nil && !may {
		err = in.cfg.Media.NotAllowed(f.Path)
	}
	return err
}

// secondLook makes sure of a copy of a file whose times cannot show a change: it was changed just before.
func (in *Intake) secondLook(ctx context.Context, f *store.File, src *media.File, skip int64) error {
	sum, err := src.Sum(skip)
	if err == nil && sum != f.SHA256 {
		err = mqttapi.NewError(mqttapi.CodeChanged)
	}
	if err != nil {
		in.Drop(ctx, f)
	}
	return err
}

func same(f *store.File, src *media.File) error {
	if !media.Seen(*f.Source).Same(src.Seen) {
		return mqttapi.Errorf(mqttapi.CodeChanged, "%s has changed since the command came; send it again.", media.Shorten(f.Path))
	}
	return nil
}

func (in *Intake) copyIn(ctx context.Context, f *store.File, r io.Reader, size int64, payload string) error {
	if err := in.cfg.Capacity.Reserve(ctx, size); err != nil {
		return err
	}
	f.Payload, f.Size = payload, size
	body := &source{r: io.LimitReader(r, size)}
	// A stop right here leaves a payload that no job names: it is swept at the next start, and the broker delivers the command again.
	n, sum, err := in.cfg.Store.PutPayload(ctx, payload, body)
	if body.err != nil {
		err = unreadable(body.err)
	}
	if err != nil {
		in.Drop(ctx, f)
		return err
	}
	in.cfg.Capacity.Exchange(capacity.Room{Bytes: size}, capacity.Room{Bytes: n})
	f.Size, f.SHA256 = n, sum
	return nil
}

// recognise tells a file's type from its first bytes, and checks size and type. It returns how many bytes a camera wrote before a JPEG:
// decoders want the JPEG alone.
func (in *Intake) recognise(f *store.File, head []byte, size int64) (skip int64, err error) {
	if len(head) == 0 {
		return 0, mqttapi.Errorf(mqttapi.CodeEmpty, "%s is empty.", Called(f))
	}
	kind := mediatype.Of(head)
	if !kind.Taken {
		return 0, mqttapi.Errorf(mqttapi.CodeUnsupportedType, "%s is %s", Called(f), kind.Refusal())
	}
	f.MIMEType = kind.MIME
	limit := spec.MaxSize(kind.MIME)
	if most := in.cfg.Capacity.MaxFile; most > 0 {
		limit = min(limit, most)
	}
	if size > limit {
		return 0, mqttapi.Errorf(mqttapi.CodeTooLarge, "%s has %d bytes; at most %d are taken.", Called(f), size, limit)
	}
	return int64(kind.Skip), nil
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
