package cluster

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
	"golang.org/x/sync/errgroup"

	"gphotos2mqtt/bridge/store/engine"
)

const (
	chunkMax    = 512 << 10 // bytes of a blob in one message; less when the servers take less
	headersMax  = 4 << 10   // bytes of a message beside them
	removeLimit = 5 * time.Second
	lateMax     = 10_000           // blobs that are remembered until they can be removed
	missFor     = 10 * time.Second // that a server may lag behind before what it does not have counts as missing
)

// blobInfo is what an object store keeps of an object. https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-20.md
type blobInfo struct {
	Name   string `json:"name"`
	Bucket string `json:"bucket"`
	ID     string `json:"nuid"` // of its chunks
	Size   int64  `json:"size"`
	Chunks int    `json:"chunks"`
	Digest string `json:"digest"`
}

func blobID(name string) string { return base64.URLEncoding.EncodeToString([]byte(name)) }

func (c *Conn) blobs() string { return "OBJ_" + c.payloadsName() }

func (c *Conn) blobSubject(id string) string { return "$O." + c.payloadsName() + ".M." + id }

// chunkSubject is where the chunks of an object are: each put has one of its own below that of the name.
func (c *Conn) chunkSubject(id string) string { return "$O." + c.payloadsName() + ".C." + id }

// PutBlob makes the bytes of r durable under a name, and returns how many there are and their SHA-256 in hex. ErrFull: the cluster has no
// room; an error of r comes back as it is. It waits for the cluster until ctx ends.
func (e *Engine) PutBlob(ctx context.Context, name string, r io.Reader) (size int64, sum string, err error) {
	if name == "" {
		return 0, "", fmt.Errorf("%w: %q", engine.ErrBadName, name)
	}
	info := blobInfo{Name: name, Bucket: e.conn.payloadsName(), ID: blobID(name) + "." + nuid.Next()}
	p := &put{conn: e.conn, hash: sha256.New(), info: info}
	// A stop before the end leaves chunks that no job names: SweepBlobs.
	if err := p.chunks(ctx, r); err != nil {
		if ctx.Err() == nil { // so that a full cluster is not fuller for it
			soon, cancel := context.WithTimeout(ctx, removeLimit)
			defer cancel()
			_ = e.conn.purge(soon, e.conn.blobs(), e.conn.chunkSubject(p.info.ID))
		}
		return 0, "", err
	}
	return p.info.Size, hex.EncodeToString(p.hash.Sum(nil)), nil
}

// A put is a blob on its way.
type put struct {
	conn *Conn
	hash hash.Hash
	info blobInfo
}

func (p *put) chunks(ctx context.Context, r io.Reader) error {
	most := min(chunkMax, int(p.conn.nats.MaxPayload())-headersMax)
	for last := false; !last; {
		chunk, err := io.ReadAll(io.LimitReader(r, int64(most)))
		if err != nil {
			return err
		}
		_, _ = p.hash.Write(chunk) // never fails
		last = len(chunk) < most
		// One after the other: their order in the bucket is that of the bytes. No job names the blob before all of it is there.
		g, ctx := errgroup.WithContext(ctx)
		if len(chunk) > 0 {
			p.info.Size += int64(len(chunk))
			p.info.Chunks++
			g.Go(func() error {
				return p.send(ctx, &nats.Msg{Subject: p.conn.chunkSubject(p.info.ID), Data: chunk, Header: nats.Header{}})
			})
		}
		if last {
			p.info.Digest = "SHA-256=" + base64.URLEncoding.EncodeToString(p.hash.Sum(nil))
			info, _ := json.Marshal(p.info) //nolint:errchkjson // strings and numbers never fail
			header := nats.Header{jetstream.MsgRollup: {jetstream.MsgRollupSubject}}
			g.Go(func() error {
				return p.send(ctx, &nats.Msg{Subject: p.conn.blobSubject(blobID(p.info.Name)), Data: info, Header: header})
			})
		}
		if err := g.Wait(); err != nil {
			return err
		}
	}
	return nil
}

func (p *put) send(ctx context.Context, m *nats.Msg) error {
	w := newWrite(p.conn.blobs(), m)
	w.isNew = true
	_, err := p.conn.send(ctx, "put payload", w)
	return err
}

// OpenBlob returns the bytes of a blob, and how many there are. They are read from the cluster, which is waited for until ctx ends.
func (e *Engine) OpenBlob(ctx context.Context, name string) (io.ReadCloser, int64, error) {
	c := e.conn
	b := &blob{conn: c, ctx: ctx, from: 1}
	err := c.until(ctx, "open payload", 0, func(asking context.Context) error {
		m, err := c.last(asking, c.blobs(), c.blobSubject(blobID(name)))
		if errors.Is(err, engine.ErrNotFound) {
			return settledError{err}
		}
		if err == nil {
			err = json.Unmarshal(m.value, &b.info)
		}
		return err
	})
	return b, b.info.Size, err
}

// A blob is one that is being read.
type blob struct {
	conn   *Conn
	ctx    context.Context //nolint:containedctx // Read has none of its own
	info   blobInfo
	from   uint64 // revision of the next chunk, or before it
	chunks int    // read so far
	rest   []byte // of the last one
	closed atomic.Bool
}

func (b *blob) Read(p []byte) (n int, err error) {
	for len(b.rest) == 0 {
		if b.closed.Load() {
			return 0, os.ErrClosed
		}
		if b.chunks == b.info.Chunks {
			return 0, io.EOF
		}
		if err := b.next(); err != nil {
			return 0, err
		}
	}
	n = copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

func (b *blob) Close() error {
	b.closed.Store(true)
	return nil
}

// next reads a chunk, from whichever server answers.
func (b *blob) next() error {
	missing := time.Time{}
	return b.conn.until(b.ctx, "read payload", chunkMax, func(asking context.Context) error {
		m, err := b.conn.next(asking, b.conn.blobs(), b.conn.chunkSubject(b.info.ID), b.from)
		switch {
		case err == nil:
			b.from, b.rest = m.revision+1, m.value
			b.chunks++
		case !errors.Is(err, engine.ErrNotFound):
		case missing.IsZero():
			missing, err = time.Now(), errAtOnce
		case time.Since(missing) < missFor:
			err = errAtOnce
		default:
			err = settledError{io.ErrUnexpectedEOF}
		}
		return err
	})
}

// RemoveBlob removes a blob, if there is one. What cannot be removed soon, as while there is no leader, is removed with the next one that can.
// A stop before that leaves it to SweepBlobs.
func (e *Engine) RemoveBlob(ctx context.Context, name string) error {
	soon, cancel := context.WithTimeout(ctx, removeLimit)
	defer cancel()
	e.mu.Lock()
	ids := append(e.late, blobID(name))
	e.late = nil
	e.mu.Unlock()
	for i, id := range ids {
		if err := e.removeBlob(soon, id); err != nil {
			e.conn.cfg.Log.WithError(err).WithField("payload", name).Debug("payload is removed later")
			e.mu.Lock()
			e.late = append(e.late, ids[i:]...)
			e.late = e.late[max(0, len(e.late)-lateMax):]
			e.mu.Unlock()
			break
		}
	}
	return context.Cause(ctx)
}

func (e *Engine) removeBlob(ctx context.Context, id string) error {
	c := e.conn
	g, ctx := errgroup.WithContext(ctx)
	for _, subject := range []string{c.blobSubject(id), c.chunkSubject(id + ".>")} {
		g.Go(func() error {
			return c.until(ctx, "remove payload", 0, func(asking context.Context) error { return c.purge(asking, c.blobs(), subject) })
		})
	}
	return g.Wait()
}

// purge removes all messages of some subjects, without a marker.
func (c *Conn) purge(ctx context.Context, stream, subjects string) error {
	question, _ := json.Marshal(map[string]string{"filter": subjects}) //nolint:errchkjson // strings never fail
	answer, err := c.nats.RequestWithContext(ctx, "$JS.API.STREAM.PURGE."+stream, question)
	if err != nil {
		return err
	}
	var got struct {
		Error *jetstream.APIError `json:"error"`
	}
	if err = json.Unmarshal(answer.Data, &got); err == nil && got.Error != nil {
		err = got.Error
	}
	return err
}
