package photosim

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // clients send this checksum
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"sync"
	"sync/atomic"
)

// memoryInAll bounds the media bytes that one spool keeps in memory; beyond, small files go to disk too.
const memoryInAll = 256 << 20

// spool keeps the bytes of uploads: small ones in memory, others in files of a folder of its own.
type spool struct {
	parent  string
	perFile int64
	memory  atomic.Int64

	mu     sync.Mutex
	dir    string // made with the first file
	closed bool
}

func newSpool(parent string, perFile int64) *spool { return &spool{parent: parent, perFile: perFile} }

// Close removes the folder. Payloads that are being read stay readable where the system allows it.
func (s *spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.dir == "" {
		return nil
	}
	return os.RemoveAll(s.dir)
}

func (s *spool) file() (*os.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errors.New("spool is closed")
	}
	if s.dir == "" {
		dir, err := os.MkdirTemp(s.parent, "photosim-")
		if err != nil {
			return nil, err
		}
		s.dir = dir
	}
	return os.CreateTemp(s.dir, "media-")
}

// payload is the finished bytes of one upload.
type payload struct {
	spool  *spool
	memory []byte
	path   string // when not in memory
	size   int64
	sha    [sha256.Size]byte
	head   []byte // the first bytes, for what a file says about itself
}

// maxHead is how much of a file is looked at for its kind, size and capture time.
const maxHead = 256 << 10

// open returns a reader over all the bytes.
func (p *payload) open() (io.ReadSeekCloser, error) {
	if p.path == "" {
		return nopSeekCloser{bytes.NewReader(p.memory)}, nil
	}
	return os.Open(p.path)
}

// remove gives the space back.
func (p *payload) remove() {
	if p == nil {
		return
	}
	if p.path != "" {
		_ = os.Remove(p.path) // a reset may have removed it with its folder
		return
	}
	p.spool.memory.Add(-int64(len(p.memory)))
	p.memory = nil
}

// closeQuietly ends reading, which cannot lose anything.
func closeQuietly(c io.Closer) { _ = c.Close() }

type nopSeekCloser struct{ *bytes.Reader }

func (nopSeekCloser) Close() error { return nil }

// intake takes the bytes of one upload as they come. It is used by one request at a time.
type intake struct {
	spool *spool
	buf   bytes.Buffer
	file  *os.File
	size  int64
	hash  hash.Hash
	sha1  hash.Hash // nil unless the client sent a checksum
}

// newIntake expects size bytes; -1 when that is not known.
func (s *spool) newIntake(size int64, withSHA1 bool) *intake {
	in := &intake{spool: s, hash: sha256.New()}
	if withSHA1 {
		in.sha1 = sha1.New() //nolint:gosec // clients send this checksum
	}
	if size > 0 && size <= s.perFile {
		in.buf.Grow(int(size))
	}
	return in
}

// Write takes the next bytes, moving to a file when memory would hold too much.
func (in *intake) Write(p []byte) (int, error) {
	if in.file == nil {
		n := int64(in.buf.Len() + len(p))
		if n > in.spool.perFile || in.spool.memory.Load()+n > memoryInAll {
			if err := in.spill(); err != nil {
				return 0, err
			}
		}
	}
	in.hash.Write(p)
	if in.sha1 != nil {
		in.sha1.Write(p)
	}
	in.size += int64(len(p))
	if in.file != nil {
		return in.file.Write(p)
	}
	return in.buf.Write(p)
}

func (in *intake) spill() error {
	f, err := in.spool.file()
	if err != nil {
		return fmt.Errorf("spill media: %w", err)
	}
	if _, err := f.Write(in.buf.Bytes()); err != nil {
		_ = f.Close()
		_ = os.Remove(f.Name())
		return fmt.Errorf("spill media: %w", err)
	}
	in.file, in.buf = f, bytes.Buffer{}
	return nil
}

// finish ends the intake and returns what was taken.
func (in *intake) finish() (*payload, error) {
	p := &payload{spool: in.spool, size: in.size}
	in.hash.Sum(p.sha[:0])
	if in.file == nil {
		p.memory = in.buf.Bytes()
		p.head = p.memory[:min(len(p.memory), maxHead)]
		in.spool.memory.Add(int64(len(p.memory)))
		return p, nil
	}
	p.path = in.file.Name()
	p.head = make([]byte, min(in.size, maxHead))
	_, err := in.file.ReadAt(p.head, 0)
	if closeErr := in.file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		_ = os.Remove(p.path)
		return nil, fmt.Errorf("keep media: %w", err)
	}
	return p, nil
}

// discard drops what was taken so far.
func (in *intake) discard() {
	if in.file != nil {
		_ = in.file.Close()
		_ = os.Remove(in.file.Name())
	}
	in.buf = bytes.Buffer{}
}
