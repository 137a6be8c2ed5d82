package media

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func newGuard() (*guard, *atomic.Int64) {
	notified := new(atomic.Int64)
	return &guard{folder: "/media", hung: map[string]int{}, notify: func() { notified.Add(1) }}, notified
}

// hang is a call that does not answer until it is released.
func hang(g *guard, path string, release <-chan struct{}) error {
	_, err := ask(context.Background(), g, path, func() (int, error) { <-release; return 1, nil }, nil)
	return err
}

// Of 25 calls that hang, a few are made, all are over soon, and later ones are not tried until the folder answers.
func TestFewCallsHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, notified := newGuard()
		release := make(chan struct{})
		began := time.Now()
		results := make(chan error)
		for n := range 25 {
			go func() { results <- hang(g, string(rune('a'+n)), release) }()
		}
		soon := 0
		for range 25 {
			err := <-results
			if unavailable, ok := errors.AsType[*UnavailableError](err); !ok || !unavailable.Silent {
				t.Errorf("error %v", err)
			}
			if time.Since(began) < time.Second {
				soon++
			}
		}
		if took := time.Since(began); took > answerLimit || soon != 25-maxCalls {
			t.Errorf("%d within a second, all within %v", soon, took)
		}
		began = time.Now()
		if err := hang(g, "later", nil); err == nil || time.Since(began) > 0 {
			t.Errorf("a later call after %v: %v", time.Since(began), err)
		}
		if silent, full := g.silent(); !silent || !full || g.problem == "" || notified.Load() != 1 {
			t.Errorf("silent %v, full %v, problem %q, notified %d", silent, full, g.problem, notified.Load())
		}
		close(release)
		synctest.Wait()
		if silent, _ := g.silent(); silent || g.calls != 0 || g.left != 0 || len(g.hung) != 0 {
			t.Errorf("after the end: %+v", g)
		}
		if got, err := ask(t.Context(), g, "x", func() (int, error) { return 7, nil }, nil); got != 7 || err != nil || g.problem != "" {
			t.Errorf("got %d, %v, problem %q", got, err, g.problem)
		}
	})
}

// One file that hangs takes one call of its folder, however often it is asked for, and the others go on.
func TestOneFileHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newGuard()
		release := make(chan struct{})
		for range 2 * maxCalls {
			if err := hang(g, "bad", release); err == nil {
				t.Error("no error")
			}
		}
		if err := hang(g, "good", closed()); err != nil {
			t.Error(err)
		}
		if silent, full := g.silent(); silent || full {
			t.Errorf("silent %v, full %v while others answer", silent, full)
		}
		close(release)
		synctest.Wait()
	})
}

// What a call that was left behind returns after all is let go.
func TestLateAnswerIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newGuard()
		release := make(chan struct{})
		dropped := 0
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := ask(ctx, g, "x", func() (int, error) { <-release; return 7, nil }, func(n int) { dropped = n })
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		close(release)
		synctest.Wait()
		if dropped != 7 {
			t.Errorf("dropped %d", dropped)
		}
	})
}

func closed() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}
