// Package wake is how one goroutine of the bridge waits for another, for a time, or
// for whichever comes first. Nothing in the bridge polls.
//
// It is a leaf: every part of the bridge may import it.
package wake

import (
	"context"
	"sync"
	"time"
)

// A Flag is set by many and waited for by one: it says that something may have
// changed since it was waited for last. Setting one that is set changes nothing.
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
	mu sync.Mutex // guards c
	c  chan struct{}
}

// Changed returns a channel that the next Wake closes. Take it before looking at
// what may change.
func (b *Broadcast) Changed() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.c == nil {
		b.c = make(chan struct{})
	}
	return b.c
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

// Sleep returns when something changed (nil = nothing can), when d is over (0 = never),
// or with ctx's error.
func Sleep(ctx context.Context, changed <-chan struct{}, d time.Duration) error {
	var after <-chan time.Time
	if d > 0 {
		t := time.NewTimer(d)
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

// SleepUntil waits until a time, which may be over.
func SleepUntil(ctx context.Context, until time.Time) error {
	if d := time.Until(until); d > 0 {
		return Sleep(ctx, nil, d)
	}
	return ctx.Err()
}

// Outlive returns a context that goes on for limit, but only for grace once its
// parent has ended: what is in hand when the bridge stops is finished.
func Outlive(parent context.Context, limit, grace time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(parent), limit)
	stop := context.AfterFunc(parent, func() { time.AfterFunc(grace, cancel) })
	return ctx, func() {
		stop()
		cancel()
	}
}
