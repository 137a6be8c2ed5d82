package store

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/bridge/store/storetest"
)

// hold runs Hold until stop is called, which returns what it returned.
func hold(l *Lease) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Hold(ctx) }()
	return func() error {
		cancel()
		return <-done
	}
}

func TestLeaseIsHeldForHours(t *testing.T) {
	storetest.VirtualTime(t)
	synctest.Test(t, func(t *testing.T) {
		s := opened(t, Config{Dir: t.TempDir()})
		l, err := s.Lease(t.Context(), "home", "one")
		must(t, err)
		stop := hold(l)
		time.Sleep(6 * time.Hour)
		if _, err := s.Lease(t.Context(), "home", "two"); !errors.Is(err, ErrHeld) || !strings.Contains(err.Error(), "one") {
			t.Errorf("lease of another = %v", err)
		}
		if _, err := s.Lease(t.Context(), "garden", "two"); err != nil {
			t.Errorf("lease of another entry = %v", err)
		}
		if err := stop(); err != nil {
			t.Errorf("hold = %v", err)
		}
		must(t, l.Release(t.Context()))
		l, err = s.Lease(t.Context(), "home", "two")
		must(t, err)
		must(t, l.Release(t.Context()))
	})
}

func TestSilentOwnerLosesItsLease(t *testing.T) {
	storetest.VirtualTime(t)
	synctest.Test(t, func(t *testing.T) {
		s := opened(t, Config{Dir: t.TempDir()})
		one, err := s.Lease(t.Context(), "home", "one")
		must(t, err)
		time.Sleep(14 * time.Second)
		if _, err := s.Lease(t.Context(), "home", "two"); !errors.Is(err, ErrHeld) {
			t.Errorf("lease after 14 s = %v", err)
		}
		time.Sleep(2 * time.Second)
		two, err := s.Lease(t.Context(), "home", "two")
		must(t, err)
		stop := hold(two)
		if err := one.Hold(t.Context()); !errors.Is(err, ErrLost) {
			t.Errorf("hold of the first = %v", err)
		}
		must(t, one.Release(t.Context())) // takes nothing from the second
		time.Sleep(time.Minute)
		if err := stop(); err != nil {
			t.Errorf("hold of the second = %v", err)
		}
	})
}

func TestSameOwnerTakesItsLeaseAgain(t *testing.T) {
	storetest.VirtualTime(t)
	synctest.Test(t, func(t *testing.T) {
		s := opened(t, Config{Dir: t.TempDir()})
		before, err := s.Lease(t.Context(), "home", "one")
		must(t, err)
		after, err := s.Lease(t.Context(), "home", "one")
		must(t, err)
		stop := hold(after)
		if err := before.Hold(t.Context()); !errors.Is(err, ErrLost) {
			t.Errorf("hold of the one before = %v", err)
		}
		if err := stop(); err != nil {
			t.Errorf("hold = %v", err)
		}
	})
}

func TestLeaseThatRanOutUnnoticedIsTakenAgain(t *testing.T) {
	storetest.VirtualTime(t)
	synctest.Test(t, func(t *testing.T) {
		s := opened(t, Config{Dir: t.TempDir()})
		l, err := s.Lease(t.Context(), "home", "one")
		must(t, err)
		time.Sleep(time.Hour) // this machine slept, and nobody wanted the entry
		stop := hold(l)
		time.Sleep(time.Minute)
		if _, err := s.Lease(t.Context(), "home", "two"); !errors.Is(err, ErrHeld) {
			t.Errorf("lease of another = %v", err)
		}
		if err := stop(); err != nil {
			t.Errorf("hold = %v", err)
		}
	})
}

func TestRenewalWhoseAnswerWasLost(t *testing.T) {
	storetest.VirtualTime(t)
	synctest.Test(t, func(t *testing.T) {
		s := opened(t, Config{Dir: t.TempDir()})
		l, err := s.Lease(t.Context(), "home", "one")
		must(t, err)
		_, err = s.leases.kv.Update(t.Context(), l.key, l.value, l.revision)
		must(t, err)
		stop := hold(l)
		time.Sleep(time.Minute)
		if err := stop(); err != nil {
			t.Errorf("hold = %v", err)
		}
	})
}

func TestHoldEndsWithTheStore(t *testing.T) {
	storetest.VirtualTime(t)
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Config{Dir: t.TempDir()})
		l, err := s.Lease(t.Context(), "home", "one")
		must(t, err)
		closeStore(t, s)
		if err := l.Hold(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("hold = %v", err)
		}
	})
}
