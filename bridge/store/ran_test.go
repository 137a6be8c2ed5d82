package store

import (
	"testing"
	"testing/synctest"
	"time"
)

// The running time goes on where a run has ended; a power cut costs at most an hour of it, and time without the bridge does not count.
func TestRan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		open := func() *Store {
			t.Helper()
			s, err := Open(t.Context(), Config{Dir: dir, Log: quiet()})
			must(t, err)
			return s
		}
		want := func(s *Store, ran time.Duration) {
			t.Helper()
			if got := s.Ran(); got != ran {
				t.Errorf("ran for %v, want %v", got, ran)
			}
		}
		s := open()
		want(s, 0)
		time.Sleep(30 * time.Minute)
		must(t, s.SaveRan(t.Context())) // too soon
		must(t, s.Close())
		time.Sleep(24 * time.Hour)
		s = open()
		want(s, 30*time.Minute)
		time.Sleep(61 * time.Minute)
		must(t, s.SaveRan(t.Context()))
		time.Sleep(50 * time.Minute)
		must(t, s.SaveRan(t.Context())) // too soon again
		want(s, 141*time.Minute)
		must(t, s.engine.Close()) // as a power cut: nothing is written down
		s = open()
		want(s, 91*time.Minute)
		must(t, s.Close())
	})
}
