package store

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// chunkSize is how many bytes of a payload go into one record, and all of it
// that is in memory at a time. It must stay below a cluster's usual largest
// message, 1 MiB.
const chunkSize = 512 << 10

// payloads is the object store, laid out as any NATS client expects it, but
// written and read record by record: the client's own way has 32 MiB of a payload in
// flight, and stops reading after five seconds.
// https://docs.nats.io/nats-concepts/jetstream/obj_store
type payloads struct {
	objects jetstream.ObjectStore
	stream  jetstream.Stream
	buffers sync.Pool // of *[]byte, chunkSize each
}

const payloadSubjects = "$O." + bucketPayloads + "."

func chunkSubject(name string) string { return payloadSubjects + "C." + payloadToken(name) }
func metaSubject(name string) string  { return payloadSubjects + "M." + payloadToken(name) }
func payloadToken(name string) string { return base64.URLEncoding.EncodeToString([]byte(name)) }

func (s *Store) openPayloads(ctx context.Context) (*payloads, error) {
	const stream = "OBJ_" + bucketPayloads
	objects, err := s.js.ObjectStore(ctx, bucketPayloads)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		if err := s.dir.without(stream); err != nil {
			return nil, err
		}
		objects, err = s.js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: bucketPayloads, Storage: jetstream.FileStorage})
	}
	if err != nil {
		return nil, err
	}
	p := &payloads{objects: objects}
	p.buffers.New = func() any { b := make([]byte, chunkSize); return &b }
	p.stream, err = s.js.Stream(ctx, stream)
	return p, err
}

// PutPayload makes the bytes of r durable under a name, in place of what was
// there. Until it returns nil there is no payload of that name. ErrFull means that
// the disk has no room; an error of r comes back as it is.
func (s *Store) PutPayload(ctx context.Context, name string, r io.Reader) error {
	err := s.putPayload(ctx, name, r)
	if err != nil {
		// Chunks that stay behind are swept at the next start.
		_ = s.RemovePayload(context.WithoutCancel(ctx), name)
	}
	return err
}

func (s *Store) putPayload(ctx context.Context, name string, r io.Reader) error {
	if err := s.RemovePayload(ctx, name); err != nil {
		return err
	}
	buf := s.payloads.buffers.Get().(*[]byte)
	defer s.payloads.buffers.Put(buf)
	info := jetstream.ObjectInfo{Bucket: bucketPayloads, NUID: payloadToken(name), ObjectMeta: jetstream.ObjectMeta{Name: name}}
	sum := sha256.New()
	for {
		n, err := io.ReadFull(r, *buf)
		if n > 0 {
			chunk := (*buf)[:n]
			_, _ = sum.Write(chunk) // a hash never fails
			if err := s.publish(ctx, chunkSubject(name), chunk); err != nil {
				return err
			}
			info.Size += uint64(n)
			info.Chunks++
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) && n > 0 {
			break
		}
		if err != nil {
			return err
		}
	}
	info.Digest = jetstream.GetObjectDigestValue(sum)
	data, err := json.Marshal(info)
	if err != nil {
		return err
	}
	// A stop before this leaves chunks without a name: SweepPayloads.
	return s.publish(ctx, metaSubject(name), data)
}

// publish returns when the record is on the disk.
func (s *Store) publish(ctx context.Context, subject string, data []byte) error {
	return s.call(ctx, "put payload", func(ctx context.Context) error {
		if err := s.dir.room(); err != nil {
			return err
		}
		_, err := s.js.PublishMsg(ctx, &nats.Msg{Subject: subject, Data: data})
		return err
	})
}

// OpenPayload streams a payload. Its last Read returns io.EOF only when all bytes
// are the ones that were put, else ErrDamaged. ErrNotFound: there is no payload of
// that name. The reader works as long as ctx does.
func (s *Store) OpenPayload(ctx context.Context, name string) (io.ReadCloser, error) {
	r := &payloadReader{store: s, ctx: ctx, name: name, sum: sha256.New(), next: 1}
	err := s.call(ctx, "open payload "+name, func(ctx context.Context) error {
		var err error
		r.info, err = s.payloads.objects.GetInfo(ctx, name)
		if errors.Is(err, jetstream.ErrObjectNotFound) {
			return ErrNotFound
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// RemovePayload removes a payload, or what there is of one. It is no error when
// there is none.
func (s *Store) RemovePayload(ctx context.Context, name string) error {
	return s.call(ctx, "remove payload", func(ctx context.Context) error {
		if err := s.payloads.stream.Purge(ctx, jetstream.WithPurgeSubject(metaSubject(name))); err != nil {
			return err
		}
		return s.payloads.stream.Purge(ctx, jetstream.WithPurgeSubject(chunkSubject(name)))
	})
}

// SweepPayloads removes every payload, also an unfinished one, that keep does not
// want, and returns how many it were. Call it before payloads are put: it cannot
// tell one that is just being put from one that a crash has left.
func (s *Store) SweepPayloads(ctx context.Context, keep func(name string) bool) (int, error) {
	var info *jetstream.StreamInfo
	err := s.call(ctx, "list payloads", func(ctx context.Context) error {
		var err error
		info, err = s.payloads.stream.Info(ctx, jetstream.WithSubjectFilter(payloadSubjects+">"))
		return err
	})
	if err != nil {
		return 0, err
	}
	names := make(map[string]bool)
	for subject := range info.State.Subjects {
		name, err := base64.URLEncoding.DecodeString(subject[strings.LastIndexByte(subject, '.')+1:])
		if err == nil && !keep(string(name)) {
			names[string(name)] = true
		}
	}
	for name := range names {
		if err := s.RemovePayload(ctx, name); err != nil {
			return 0, err
		}
	}
	return len(names), nil
}

// A payloadReader has one chunk in memory.
type payloadReader struct {
	store *Store
	ctx   context.Context
	name  string
	info  *jetstream.ObjectInfo

	next  uint64 // sequence number from which to look for the next chunk
	read  uint32 // chunks
	chunk []byte
	sum   hash.Hash
}

func (r *payloadReader) Read(p []byte) (int, error) {
	if len(r.chunk) == 0 {
		if r.read == r.info.Chunks {
			return 0, r.verify()
		}
		if err := r.fetch(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.chunk)
	r.chunk = r.chunk[n:]
	return n, nil
}

// Close has nothing to release, and may be called while a Read goes on: an HTTP
// transport closes the body of a request that it gives up from another goroutine.
func (r *payloadReader) Close() error { return nil }

func (r *payloadReader) fetch() error {
	return r.store.call(r.ctx, "read payload "+r.name, func(ctx context.Context) error {
		m, err := r.store.payloads.stream.GetMsg(ctx, r.next, jetstream.WithGetMsgSubject(chunkSubject(r.name)))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return fmt.Errorf("%w: %d of %d parts are there", ErrDamaged, r.read, r.info.Chunks)
		}
		if err != nil {
			return err
		}
		r.next = m.Sequence + 1
		r.read++
		r.chunk = m.Data
		_, _ = r.sum.Write(m.Data) // a hash never fails
		return nil
	})
}

func (r *payloadReader) verify() error {
	if jetstream.GetObjectDigestValue(r.sum) != r.info.Digest {
		return fmt.Errorf("read payload %s: %w: its bytes have changed", r.name, ErrDamaged)
	}
	return io.EOF
}
