package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"gphotos2mqtt/bridge/store"
)

// Write writes all of a store to out. damaged says which records could not be read: they are left out, and all others are there.
//
// Others may use the store meanwhile: a job that ends is in the archive as it was or not at all, and never without its payloads.
func Write(ctx context.Context, s *store.Store, out io.Writer, program string) (sum Summary, damaged []error, err error) {
	w := &writer{store: s.Whole(), all: sha256.New(), now: time.Now()}
	w.tar = tar.NewWriter(io.MultiWriter(out, w.all))
	err = w.addJSON(aboutName, about{formatName, formatVersion, program, w.now.UTC().Truncate(time.Second)})
	for _, kind := range store.Kinds() {
		if err == nil {
			err = w.addKind(ctx, kind)
		}
	}
	w.summary.Ran = s.Ran()
	if err == nil {
		err = w.addJSON(summaryName, w.summary)
	}
	if err == nil {
		err = w.addList(true)
	}
	if err == nil {
		err = w.tar.Close()
	}
	return w.summary, w.damaged, err
}

type writer struct {
	store   *store.Whole
	tar     *tar.Writer
	all     hash.Hash // of all bytes that were written
	sums    sums
	now     time.Time
	summary Summary
	damaged []error
}

func (w *writer) addKind(ctx context.Context, kind string) error {
	keys, err := w.store.Keys(ctx, kind)
	for i := 0; i < len(keys) && err == nil; i++ {
		if err = w.addRecord(ctx, keys[i]); errors.Is(err, store.ErrDamaged) {
			w.damaged, err = append(w.damaged, err), nil
		}
	}
	return err
}

// addRecord adds a record, if it is still there, and before it what belongs to it.
func (w *writer) addRecord(ctx context.Context, key string) error {
	value, err := w.store.Raw(ctx, key)
	if err == nil && store.IsJob(key) {
		value, err = w.addPayloads(ctx, key, value)
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	case len(value) > maxRecord:
		return fmt.Errorf("record %s: %w: it has %d bytes", key, store.ErrDamaged, len(value))
	}
	w.summary.count(key)
	return w.add(records+key+recordEnd, int64(len(value)), bytes.NewReader(value))
}

// addPayloads adds the payloads of a job and returns the job as it is then. Meanwhile it may have ended, and they with it: reading drops a
// payload without a job.
func (w *writer) addPayloads(ctx context.Context, key string, job []byte) ([]byte, error) {
	added := map[string]bool{}
	for {
		name := payloadBut(added, job)
		if name == "" {
			return job, nil
		}
		added[name] = true
		lost, err := w.addPayload(ctx, name)
		if err == nil {
			job, err = w.store.Raw(ctx, key)
		}
		if err != nil {
			return nil, err
		}
		delete(added, name)
		if lost != nil && payloadBut(added, job) != "" { // nobody has removed it
			w.damaged = append(w.damaged, fmt.Errorf("payload %s: %w: %w", name, store.ErrDamaged, lost))
		}
		added[name] = true
	}
}

func (s *Summary) count(key string) {
	s.Records++
	switch {
	case store.IsJob(key):
		s.Jobs++
	case store.IsLink(key):
		s.Links++
	case store.IsReceipt(key):
		s.Receipts++
	}
}

// A jobRecord is what has to be known of a job. One that cannot be read has no payloads.
type jobRecord struct {
	Files []struct {
		Payload string `json:"payload"`
	} `json:"files"`
}

// payloadBut returns the first payload of a job that is not among those, "" when there is none.
func payloadBut(those map[string]bool, job []byte) string {
	var j jobRecord
	_ = json.Unmarshal(job, &j)
	for _, f := range j.Files {
		if f.Payload != "" && !those[f.Payload] {
			return f.Payload
		}
	}
	return ""
}

// addPayload adds a payload, if it is there, with the bytes that it has now: whether they are those that were put, who reads them sees.
// lost is why only its beginning could be read; the rest are zeros, since its size was written before it.
func (w *writer) addPayload(ctx context.Context, name string) (lost, err error) {
	blob, size, err := w.store.RawPayload(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	w.summary.Payloads++
	w.summary.Bytes += size
	content := &exactly{Reader: blob, ctx: ctx, left: size}
	err = w.add(payloads+name, size, content)
	return content.lost, errors.Join(err, blob.Close())
}

// exactly reads as many bytes as a part's head has said.
type exactly struct {
	io.Reader

	ctx  context.Context //nolint:containedctx // Read has none of its own
	left int64
	lost error // why zeros came in the end
}

func (e *exactly) Read(p []byte) (n int, err error) {
	switch {
	case e.ctx.Err() != nil:
		return 0, context.Cause(e.ctx)
	case e.left == 0:
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), e.left)]
	if e.lost == nil {
		n, err = e.Reader.Read(p)
	}
	if e.left -= int64(n); err != nil && e.left > 0 {
		e.lost = err
	}
	if e.lost != nil && e.left > 0 {
		clear(p[n:])
		e.left -= int64(len(p) - n)
		n = len(p)
	}
	return n, nil
}

func (w *writer) addJSON(name string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	return w.add(name, int64(len(text)), bytes.NewReader(text))
}

func (w *writer) add(name string, size int64, content io.Reader) error {
	sum := sha256.New()
	if err := w.put(name, size, io.TeeReader(content, sum)); err != nil {
		return err
	}
	w.sums.add(name, sum)
	if w.sums.parts == partsPerList {
		return w.addList(false)
	}
	return nil
}

func (w *writer) addList(last bool) error {
	name, text := w.sums.list(last, w.all.Sum(nil))
	return w.put(name, int64(len(text)), bytes.NewReader([]byte(text)))
}

// put writes a part with what fills its last block.
func (w *writer) put(name string, size int64, content io.Reader) error {
	err := w.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o600, Size: size, ModTime: w.now})
	if err == nil {
		_, err = io.Copy(w.tar, content)
	}
	if err == nil {
		err = w.tar.Flush()
	}
	if err != nil {
		err = fmt.Errorf("write %s: %w", name, err)
	}
	return err
}
