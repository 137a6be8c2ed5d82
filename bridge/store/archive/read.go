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
	"strings"
)

// A part is what reader.next returns; its content is read before the next.
type part struct {
	io.Reader

	name string
	size int64
}

// A reader reads what a writer has written, in which nothing may be changed. Up to a list, what it returns is not known to be whole.
type reader struct {
	ctx  context.Context //nolint:containedctx // of the reading, for the stream below tar
	raw  *stream
	tar  *tar.Reader
	sums sums
	part *part // that was returned last
	sum  hash.Hash
}

func newReader(ctx context.Context, in io.Reader) *reader {
	raw := &stream{ctx: ctx, in: in, all: sha256.New()}
	return &reader{ctx: ctx, raw: raw, tar: tar.NewReader(raw)}
}

// next returns the next part that is not a list, and io.EOF after the last when all that was read is as it was written.
func (r *reader) next() (*part, error) {
	for {
		if err := r.finish(); err != nil {
			return nil, err
		}
		header, err := r.tar.Next()
		if err != nil {
			return nil, r.broken(err)
		}
		r.part, r.sum = &part{name: header.Name, size: header.Size}, sha256.New()
		r.part.Reader = io.TeeReader(r.tar, r.sum)
		switch {
		case header.Typeflag != tar.TypeReg || isSparse(header):
			return nil, r.fail(ErrChanged)
		case !strings.HasPrefix(header.Name, sumsName):
			return r.part, nil
		}
		if err := r.list(r.raw.sum); err != nil {
			return nil, err
		}
		if header.Name == sumsName {
			return nil, r.end(header)
		}
	}
}

// isSparse tells a file with holes, which can be any size: we write none.
func isSparse(h *tar.Header) bool {
	for name := range h.PAXRecords {
		if strings.HasPrefix(name, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// finish reads what is left of a part, and notes its sum.
func (r *reader) finish() error {
	if r.part == nil {
		return nil
	}
	if _, err := io.Copy(io.Discard, r.part); err != nil {
		return r.broken(err)
	}
	r.raw.mark(-r.part.size & (blockSize - 1))
	if !strings.HasPrefix(r.part.name, sumsName) {
		r.sums.add(r.part.name, r.sum)
	}
	return nil
}

const blockSize = 512 // of tar

// list compares a list with what was read.
func (r *reader) list(before []byte) error {
	if r.part.size > maxList {
		return r.fail(ErrChanged)
	}
	got, err := io.ReadAll(r.part)
	if err != nil {
		return r.broken(err)
	}
	name, want := r.sums.list(r.part.name == sumsName, before)
	if name != r.part.name {
		return r.fail(ErrChanged)
	}
	if string(got) == want {
		return nil
	}
	const beforeAll = 1
	gotLines, wantLines := strings.Split(string(got), "\n"), strings.Split(want, "\n")
	for i := beforeAll; i < min(len(gotLines), len(wantLines)); i++ {
		if _, part, _ := strings.Cut(wantLines[i], "  "); gotLines[i] != wantLines[i] && part != "" {
			return fmt.Errorf("%w, in part %s", ErrChanged, part)
		}
	}
	return fmt.Errorf("%w, in or before part %s", ErrChanged, name) // a head, or what is between two parts
}

// end looks at the last list's head, which no list has a sum of, and at what comes after it: zeros alone, and two blocks of them at least.
func (r *reader) end(header *tar.Header) error {
	var head bytes.Buffer
	if err := tar.NewWriter(&head).WriteHeader(header); err != nil || !bytes.Equal(head.Bytes(), r.raw.head) {
		return r.fail(ErrChanged)
	}
	const trailer = 2 * blockSize
	pad := -r.part.size & (blockSize - 1)
	buffer, got := make([]byte, 32<<10), int64(0)
	for {
		n, err := r.raw.Read(buffer)
		got += int64(n)
		switch {
		case len(bytes.Trim(buffer[:n], "\x00")) > 0:
			return fmt.Errorf("%w, after its end", ErrChanged)
		case err != nil && !errors.Is(err, io.EOF):
			return err
		case err != nil && got < pad+trailer:
			return r.fail(ErrCut)
		case err != nil:
			return io.EOF
		}
	}
}

// broken is what an error of tar means.
func (r *reader) broken(err error) error {
	switch {
	case r.raw.failed != nil: // what is read from
		return r.raw.failed
	case r.part == nil:
		return ErrForeign
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return r.fail(ErrCut)
	}
	return r.fail(ErrChanged)
}

func (r *reader) fail(what error) error {
	return fmt.Errorf("%w, in or after part %s", what, r.part.name)
}

// readJSON reads a part that is not large.
func (r *reader) readJSON(p *part, v any) ([]byte, error) {
	if p.size > maxRecord {
		return nil, r.fail(ErrChanged)
	}
	text, err := io.ReadAll(p)
	if err != nil {
		return nil, r.broken(err)
	}
	if json.Unmarshal(text, v) != nil {
		return nil, r.fail(ErrChanged)
	}
	return text, nil
}

// A stream is what tar reads from, in its order; it cannot be skipped in.
type stream struct {
	ctx    context.Context //nolint:containedctx // of who reads the archive
	in     io.Reader
	all    hash.Hash // of what was read
	left   int64     // until what is to be summed ends; 0 = it has
	sum    []byte    // of all until there
	head   []byte    // the block after that
	failed error     // of in, but for its end
}

// mark has sum be that of all until more bytes were read.
func (s *stream) mark(more int64) {
	s.head = s.head[:0]
	if s.left = more; more == 0 {
		s.sum = s.all.Sum(nil)
	}
}

func (s *stream) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		s.failed = err
		return 0, err
	}
	n, err := s.in.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.failed = err
	}
	read := p[:n]
	if s.left > 0 {
		k := min(s.left, int64(n))
		_, _ = s.all.Write(read[:k]) // never fails
		if s.left, read = s.left-k, read[k:]; s.left == 0 {
			s.sum = s.all.Sum(nil)
		}
	}
	_, _ = s.all.Write(read)
	s.head = append(s.head, read[:min(len(read), blockSize-len(s.head))]...)
	return n, err
}
