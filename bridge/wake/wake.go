// Package wake is how one goroutine of the bridge waits for another, for a time, or for whichever comes first. Nothing in the bridge
// polls. It is a leaf: every part of the bridge may import it.
package wake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// A Flag is set by many and waited for by one: something may have changed since the last wait. Setting one that is set changes nothing.
type Flag chan struct{}

// NewFlag returns a flag that is not set.
func NewFlag() Flag { return make(Flag, 1) }

// Set sets the flag, and never waits.
func (f Flag) Set() {
	select {
	case f <- struct{}{}:
	default:
	}
}

// A Broadcast wakes all who wait for it. The zero value is ready.
type Broadcast struct {
	mu sync.Mutex    // guards c
	c  chan struct{} // the next Wake closes it; nil = nobody waits
}

// Wake wakes everybody who waits now.
func (b *Broadcast) Wake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.c != nil {
		close(b.c)
		b.c = nil
	}
}

// A Lock is held by one at a time, also across I/O: who waits for it can stop waiting.
type Lock chan struct{}

// NewLock returns a lock that is free.
func NewLock() Lock { return make(Lock, 1) }

// Lock waits for the lock, or returns ctx's error.
func (l Lock) Lock(ctx context.Context) error {
	select {
	case l <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Unlock frees the lock.
func (l Lock) Unlock() { <-l }

// Turns are had by so many at a time, also across I/O, in the order in which they ask: who waits for one can stop waiting. nil is any number.
type Turns chan struct{}

// NewTurns returns turns for so many at a time.
func NewTurns(most int) Turns { return make(Turns, most) }

// Take waits for a turn, or returns ctx's error.
func (t Turns) Take(ctx context.Context) error {
	if t == nil {
		return ctx.Err()
	}
	return Lock(t).Lock(ctx)
}

// Give ends a turn.
func (t Turns) Give() {
	if t != nil {
		<-t
	}
}

// Sleep returns when something changed (nil = nothing can), when d is over (0 = never) or a minute of it, to look again at what is waited
// for, or with ctx's error.
func Sleep(ctx context.Context, changed <-chan struct{}, d time.Duration) error {
	var after <-chan time.Time
	if d > 0 {
		t := time.NewTimer(min(d, lookAgain))
		defer t.Stop()
		after = t.C
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-changed:
	case <-after:
	}
	return nil
}

// Until returns what look finds, asked again at each Wake or after its wait (0 = Wake only), never once ctx has ended; the error is ctx's.
func Until[T any](ctx context.Context, b *Broadcast, look func() (found T, ok bool, wait time.Duration)) (T, error) {
	for ctx.Err() == nil {
		b.mu.Lock()
		if b.c == nil {
			b.c = make(chan struct{})
		}
		changed := b.c // taken before the look, so that no change is missed
		b.mu.Unlock()
		found, ok, wait := look()
		if ok {
			return found, nil
		}
		_ = Sleep(ctx, changed, wait) // ctx's error ends the loop
	}
	var none T
	return none, ctx.Err()
}

const forever = 100 * 365 * 24 * time.Hour

// Outlive returns a context that lasts for limit, 0 = without one, but only for grace once its parent ends, to finish what is in hand at a
// stop.
func Outlive(parent context.Context, limit, grace time.Duration) (context.Context, context.CancelFunc) {
	if limit == 0 {
		limit = forever
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(parent), limit)
	stop := context.AfterFunc(parent, func() { time.AfterFunc(grace, cancel) })
	return ctx, func() {
		stop()
		cancel()
	}
}

// ErrStalled is the error of work during which nothing moved for too long.
var ErrStalled = errors.New("nothing moved for too long")

// A Watchdog ends a context when it is not told for a while that something moves.
type Watchdog struct {
	Context context.Context //nolint:containedctx // it is what the watchdog is for
	timer   *time.Timer
	limit   time.Duration
}

// Watch starts a watchdog; the caller stops it.
func Watch(parent context.Context, limit time.Duration) *Watchdog {
	ctx, cancel := context.WithCancelCause(parent)
	return &Watchdog{Context: ctx, limit: limit, timer: time.AfterFunc(limit, func() { cancel(ErrStalled) })}
}

// Moves says that something moves.
func (w *Watchdog) Moves() { w.timer.Reset(w.limit) }

// Stop ends the watch and returns err, as ErrStalled if the watchdog caused it.
func (w *Watchdog) Stop(err error) error {
	w.timer.Stop()
	if err != nil && errors.Is(context.Cause(w.Context), ErrStalled) {
		return fmt.Errorf("%w: %w", ErrStalled, err)
	}
	return err
}

// Reader tells the watchdog of every read.
func (w *Watchdog) Reader(r io.ReadCloser) io.ReadCloser { return watchedReader{r, w} }

type watchedReader struct {
	io.ReadCloser
	watchdog *Watchdog
}

func (r watchedReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.watchdog.Moves()
	return n, err
}
