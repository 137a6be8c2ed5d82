package store

import (
	"context"
	"sync/atomic"
	"time"
)

const (
	ranRecord = "ran"
	ranEvery  = time.Hour // of running, between two saves: a power cut makes what waits at most that much younger
)

// running is how long the bridge has run on this store.
type running struct {
	before time.Duration // in earlier runs, or what an import has added
	opened time.Time
	saved  atomic.Int64 // what the store has, as a time.Duration

	founded Founded // says it in place of opened and saved; nil = the engine does not know
}

// Ran is how long the bridge has run on this store, over all runs. The age of what outlives a run is measured with it: a clock that is set
// makes nothing old, and time without the bridge, in which nothing could be tried, does not count.
func (s *Store) Ran() time.Duration {
	if s.ran.founded != nil {
		return s.ran.before + s.ran.founded.Age()
	}
	return s.ran.before + time.Since(s.ran.opened)
}

// SaveRan writes that down, at most once an hour. It is called while something waits whose age counts; Close does it too.
func (s *Store) SaveRan(ctx context.Context) error {
	if s.Ran()-time.Duration(s.ran.saved.Load()) < ranEvery {
		return nil
	}
	return s.saveRan(ctx)
}

func (s *Store) saveRan(ctx context.Context) error {
	if s.ran.founded != nil {
		return nil
	}
	now := s.Ran()
	err := s.SaveState(ctx, Bridge, ranRecord, now)
	if err == nil {
		s.ran.saved.Store(int64(now))
	}
	return err
}

func (s *Store) loadRan(ctx context.Context) error {
	s.ran.founded, _ = s.engine.(Founded)
	_, err := s.LoadState(ctx, Bridge, ranRecord, &s.ran.before)
	s.ran.opened = time.Now()
	s.ran.saved.Store(int64(s.ran.before))
	return err
}

// setRan has Ran go on from there, in all processes that open the store later.
func (s *Store) setRan(ctx context.Context, ran time.Duration) error {
	s.ran.before, s.ran.opened = ran, time.Now()
	if s.ran.founded != nil {
		s.ran.before -= s.ran.founded.Age()
	}
	s.ran.saved.Store(int64(s.ran.before))
	return s.SaveState(ctx, Bridge, ranRecord, s.ran.before)
}
