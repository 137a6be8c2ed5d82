// Package task runs what goes on beside each other and waits for all of it, in one place.
package task

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"
)

// A Task works until its context ends, and then returns nil, or that context's error or cause. Any other error is the end of the process.
type Task struct {
	Name string // as it stands in an error
	Run  func(context.Context) error
}

// Run runs the tasks until ctx ends or one fails, waits for all, and returns the first error under the name of its task. The last one runs in
// the caller's goroutine, which would only wait otherwise.
func Run(ctx context.Context, tasks ...Task) error {
	g, ctx := errgroup.WithContext(ctx)
	run := func(t Task) error {
		err := t.Run(ctx)
		if cause := context.Cause(ctx); err == nil || cause != nil && (errors.Is(err, cause) || errors.Is(err, ctx.Err())) {
			return nil // a stop is no failure
		}
		return fmt.Errorf("%s: %w", t.Name, err)
	}
	for n, t := range tasks {
		if n < len(tasks)-1 {
			g.Go(func() error { return run(t) })
		} else if err := run(t); err != nil {
			g.Go(func() error { return err })
		}
	}
	return g.Wait()
}

// Each does something with each thing that next waits for, in a goroutine of its own, at most so many at a time: while there is nothing to do
// there is one goroutine. When ctx ends, next or do fails, it waits for what goes on and returns the first error.
func Each[T any](ctx context.Context, most int, next func(context.Context) (T, error), do func(context.Context, T) error) error {
	g, ctx := errgroup.WithContext(ctx)
	for room := make(chan struct{}, most); ; {
		var thing T
		var err error
		select {
		case room <- struct{}{}: // before next, which takes the thing from the others
			thing, err = next(ctx)
		case <-ctx.Done():
			err = ctx.Err()
		}
		if err != nil {
			g.Go(func() error { return err })
			return g.Wait()
		}
		g.Go(func() error {
			defer func() { <-room }()
			return do(ctx, thing)
		})
	}
}

// Apart runs f in a goroutine of its own and waits for it: a loop that mostly waits does not keep the stack that its work has needed.
func Apart(f func() error) (err error) {
	var running sync.WaitGroup
	running.Go(func() { err = f() })
	running.Wait()
	return err
}
