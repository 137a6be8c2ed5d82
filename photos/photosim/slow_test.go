package photosim

import (
	"io"
	"sync"
)

// slowBody is a request body that gives nothing until it is released.
type slowBody struct {
	release chan struct{}
	left    int
	once    sync.Once
}

func newSlowBody(size int) *slowBody { return &slowBody{release: make(chan struct{}), left: size} }

func (b *slowBody) Read(p []byte) (int, error) {
	<-b.release
	if b.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), b.left)
	clear(p[:n])
	b.left -= n
	return n, nil
}

// Close ends a read that waits, as closing a file or connection does.
func (b *slowBody) Close() error {
	b.once.Do(func() {
		select {
		case <-b.release:
		default:
			b.left = 0
			close(b.release)
		}
	})
	return nil
}
