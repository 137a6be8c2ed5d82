package photos

import (
	"context"
	"errors"
	"io"
	"sync"
)

// ErrMediaChanged is media that is longer or shorter than its Size. What was sent of it makes no upload.
var ErrMediaChanged = errors.New("the media is not as long as announced")

// outgoing watches the bytes of one request on their way to the transport, over all its repeats.
type outgoing struct {
	size int64
	sent func(n int64)

	mu       sync.Mutex // guards the rest: the transport reads and closes on goroutines of its own
	complete bool       // all bytes were handed over at least once, so Google may have acted on them
	broken   error      // what the source said, when it was the source that failed
	stopped  bool       // the call has returned; nobody is told anything any more
}

// body gives the transport a body that reads what open gives. It holds no buffer.
func (o *outgoing) body(ctx context.Context, open func(context.Context) (io.ReadCloser, error)) (io.ReadCloser, error) {
	source, err := open(ctx)
	if err != nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.broken = err
		return nil, err
	}
	return &body{out: o, source: source, left: o.size}, nil
}

// stop ends the watch and says what was seen.
func (o *outgoing) stop() (complete bool, broken error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stopped = true
	return o.complete, o.broken
}

// body is one reading of the media.
type body struct {
	out    *outgoing
	source io.ReadCloser
	left   int64
	closed bool // guarded by out.mu
}

// Read hands over the next bytes. The last of them go out only when the source ends there too: a file that grew
// meanwhile must not be cut and uploaded as if it were whole.
func (b *body) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	n, err := b.source.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if b.left == 0 && (err == nil || errors.Is(err, io.EOF)) {
		err = b.end()
	} else if errors.Is(err, io.EOF) {
		err = ErrMediaChanged
	}
	return b.note(n, err)
}

// end looks whether there is more than was announced.
func (b *body) end() error {
	_, err := io.ReadFull(b.source, make([]byte, 1))
	switch {
	case err == nil:
		return ErrMediaChanged
	case errors.Is(err, io.EOF):
		return io.EOF
	}
	return err
}

func (b *body) note(n int, err error) (int, error) {
	b.out.mu.Lock()
	defer b.out.mu.Unlock()
	if err != nil && !errors.Is(err, io.EOF) {
		// A transport closes a body that it still reads; what the source says to that is no failure of its own.
		if !b.closed && b.out.broken == nil {
			b.out.broken = err
		}
		return 0, err
	}
	b.out.complete = b.out.complete || b.left == 0
	if b.out.sent != nil && !b.out.stopped {
		b.out.sent(b.out.size - b.left)
	}
	return n, err
}

// Close closes the source.
func (b *body) Close() error {
	b.out.mu.Lock()
	b.closed = true
	b.out.mu.Unlock()
	return b.source.Close()
}
