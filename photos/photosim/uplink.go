package photosim

import (
	"context"
	"errors"
	"sync"
	"time"
)

// uplink is the client's line to Google: all requests share it, and each of their bytes waits for those before it.
type uplink struct {
	mu   sync.Mutex // guards all below
	rate int64      // bytes a second; 0: no limit
	free time.Time  // when the line has carried all that it was given
}

// uplinkQueue is how much of the past the line makes good: what a modem has in its queue goes on while a busy machine is late to ask for it.
const uplinkQueue = 20 * time.Millisecond

// uplinkPart is how many bytes of one request go before another has its turn.
const uplinkPart = 16 << 10

// Uplink lets the bodies of all requests together arrive at so many bytes a second, as over a line that they share; 0 ends that. An
// answer comes when its request's last byte has arrived, whatever the sockets between have taken by then.
func (s *Server) Uplink(bytesPerSecond int64) error {
	if bytesPerSecond < 0 {
		return errors.New("bytes_per_second must not be negative")
	}
	s.line.mu.Lock()
	defer s.line.mu.Unlock()
	s.line.rate, s.line.free = bytesPerSecond, time.Time{}
	return nil
}

// part bounds one read, so that the requests share the line evenly.
func (u *uplink) part(p []byte) []byte {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.rate == 0 {
		return p
	}
	return p[:min(len(p), uplinkPart)]
}

// carry waits until the line has carried n bytes more. It gives up when the client leaves.
func (u *uplink) carry(ctx context.Context, n int) {
	u.mu.Lock()
	if u.rate == 0 {
		u.mu.Unlock()
		return
	}
	if since := time.Now().Add(-uplinkQueue); u.free.Before(since) {
		u.free = since
	}
	u.free = u.free.Add(time.Duration(int64(n) * int64(time.Second) / u.rate))
	wait := time.Until(u.free)
	u.mu.Unlock()
	// The system's timers are late by a millisecond: what is a part of that is waited for with the next bytes.
	if wait > time.Millisecond {
		sleep(ctx, wait)
	}
}
