package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
)

// PutPayload keeps r under a name, replacing, and returns size and SHA-256 in hex. It is durable no later than a job that is added or saved
// after it. ErrFull: no room; an error of r comes as it is.
func (s *Store) PutPayload(ctx context.Context, name string, r io.Reader) (size int64, sum string, err error) {
	return s.engine.PutBlob(ctx, name, r)
}

// OpenPayload returns a file's payload from an offset on. The Read of its last byte returns ErrDamaged when the bytes are not those that
// were put; for that, what lies before the offset is read too, here. ErrNotFound: there is no payload of that name.
func (s *Store) OpenPayload(ctx context.Context, f File, offset int64) (io.ReadCloser, error) {
	blob, size, err := s.engine.OpenBlob(ctx, f.Payload)
	if err != nil {
		return nil, during("open payload "+f.Payload, err)
	}
	r := &payloadReader{blob, f, sha256.New(), f.Size}
	err = fmt.Errorf("%d bytes of %d are there", size, f.Size)
	if size == f.Size {
		_, err = io.CopyN(io.Discard, r, offset)
	}
	if err != nil {
		return nil, errors.Join(r.damaged(err), blob.Close())
	}
	return r, nil
}

// RemovePayload removes a payload, if there is one. A power cut right after can bring it back, until SweepPayloads.
func (s *Store) RemovePayload(ctx context.Context, name string) error {
	return s.engine.RemoveBlob(ctx, name)
}

// SweepPayloads removes every payload, also an unfinished one, that keep does not want, and returns how many it were. Call it before
// payloads are put: it cannot tell one that is just being put from one that a crash has left.
func (s *Store) SweepPayloads(ctx context.Context, keep func(name string) bool) (int, error) {
	return s.engine.SweepBlobs(ctx, keep)
}

// A payloadReader checks what it reads. An HTTP transport closes the body of a request that it gives up while a Read may go on.
type payloadReader struct {
	io.ReadCloser

	file File
	hash hash.Hash
	left int64 // bytes
}

func (r *payloadReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p[:min(int64(len(p)), r.left)])
	_, _ = r.hash.Write(p[:n]) // never fails
	r.left -= int64(n)
	switch {
	case r.left == 0 && hex.EncodeToString(r.hash.Sum(nil)) != r.file.SHA256:
		return 0, r.damaged(errors.New("its bytes have changed"))
	case r.left == 0 && n == 0:
		return 0, io.EOF
	case err != nil && !errors.Is(err, os.ErrClosed) && !errors.Is(err, ErrEngine) && !errors.Is(err, context.Canceled):
		return n, r.damaged(err)
	}
	return n, err
}

func (r *payloadReader) damaged(cause error) error {
	return fmt.Errorf("read payload %s: %w: %w", r.file.Payload, ErrDamaged, cause)
}
