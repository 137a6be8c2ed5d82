package task

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

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
