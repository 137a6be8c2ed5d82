package task

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRun(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	stopped, stop := context.WithCancel(t.Context())
	stop()
	var ended atomic.Int32
	untilStop := Task{"waits", func(ctx context.Context) error {
		<-ctx.Done()
		ended.Add(1)
		return nil
	}}
	returns := func(name string, err error) Task {
		return Task{name, func(context.Context) error {
			ended.Add(1)
			return err
		}}
	}
	for _, test := range []struct {
		what  string
		ctx   context.Context
		tasks []Task
		want  string
	}{
		{"none", t.Context(), nil, ""},
		{"all end by themselves", t.Context(), []Task{returns("a", nil), returns("b", nil)}, ""},
		{"a stop ends all", stopped, []Task{untilStop, untilStop}, ""},
		{"a failure ends all", t.Context(), []Task{untilStop, returns("fails", broken), untilStop}, "fails: broken"},
		{"the end of one ends no other", stopped, []Task{returns("a", nil), untilStop}, ""},
	} {
		ended.Store(0)
		err := Run(test.ctx, test.tasks...)
		if test.want == "" && err != nil || test.want != "" && (!errors.Is(err, broken) || err.Error() != test.want) {
			t.Errorf("%s: %v", test.what, err)
		}
		if n := int(ended.Load()); n != len(test.tasks) {
			t.Errorf("%s: %d of %d tasks have ended", test.what, n, len(test.tasks))
		}
	}
}

func TestStopIsNoFailure(t *testing.T) {
	signal, bug := errors.New("terminated signal received"), errors.New("a bug")
	for name, tc := range map[string]struct {
		run  func(context.Context) error
		want string
	}{
		"nil":                   {func(context.Context) error { return nil }, ""},
		"the context's error":   {func(ctx context.Context) error { return fmt.Errorf("sleep: %w", ctx.Err()) }, ""},
		"the cause of its end":  {func(ctx context.Context) error { return fmt.Errorf("load: %w", context.Cause(ctx)) }, ""},
		"another error":         {func(context.Context) error { return bug }, "work: a bug"},
		"somebody else's limit": {func(context.Context) error { return context.DeadlineExceeded }, "work: context deadline exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, stop := context.WithCancelCause(t.Context())
			stop(signal)
			got := ""
			if err := Run(ctx, Task{Name: "work", Run: tc.run}); err != nil {
				got = err.Error()
			}
			if got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

// No other test runs beside this one: it counts goroutines.
func TestEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		things, over := make(chan int), make(chan error)
		var mu sync.Mutex // guards the following
		now, most, done := 0, 0, 0
		next := func(ctx context.Context) (int, error) {
			select {
			case n := <-things:
				return n, nil
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		}
		do := func(_ context.Context, n int) error {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			defer mu.Unlock()
			now, done = now-1, done+n
			return nil
		}
		before := runtime.NumGoroutine()
		go func() { over <- Each(ctx, 3, next, do) }()
		synctest.Wait()
		if n := runtime.NumGoroutine() - before; n != 1 {
			t.Errorf("%d goroutines while there is nothing to do", n)
		}
		for range 9 {
			things <- 1
		}
		stop()
		if err := <-over; !errors.Is(err, context.Canceled) || done != 9 || most != 3 {
			t.Errorf("%v; %d done, %d at a time", err, done, most)
		}
	})
}

func TestEachFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	waits := func(ctx context.Context, _ int) error { <-ctx.Done(); return nil }
	for what, tc := range map[string]struct {
		most int
		next error // of the second thing; nil: there is none
		do   func(context.Context, int) error
	}{
		"what is done":                {2, nil, func(context.Context, int) error { return broken }},
		"what is done, and no room":   {1, nil, func(context.Context, int) error { return broken }},
		"what comes next, beside one": {2, broken, waits},
	} {
		n := 0
		next := func(ctx context.Context) (int, error) {
			if n++; n == 1 {
				return n, nil
			} else if tc.next != nil {
				return 0, tc.next
			}
			<-ctx.Done()
			return 0, ctx.Err()
		}
		if err := Each(t.Context(), tc.most, next, tc.do); !errors.Is(err, broken) {
			t.Errorf("%s fails: %v", what, err)
		}
	}
}

func TestApart(t *testing.T) {
	t.Parallel()
	done := false
	broken := errors.New("broken")
	if err := Apart(func() error { done = true; return broken }); !errors.Is(err, broken) || !done {
		t.Errorf("%v, %v", err, done)
	}
}
