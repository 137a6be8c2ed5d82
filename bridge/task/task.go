// Package task runs what goes on beside each other and waits for all of it, in one place.
package task

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"
)

// A Task works until its context ends, and then returns nil, or that context's error or cause. Any other error is the end of the process.
type Task struct {
	Name string // as it stands in an error
	Run  func(context.Context) error
}

// Run runs the tasks until ctx ends or one fails, waits for all, and returns the first error under the name of its task.
func Run(ctx context.Context, tasks ...Task) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, t := range tasks {
		g.Go(func() error {
			err := t.Run(ctx)
			if cause := context.Cause(ctx); err == nil || cause != nil && (errors.Is(err, cause) || errors.Is(err, ctx.Err())) {
				return nil // a stop is no failure
			}
			return fmt.Errorf("%s: %w", t.Name, err)
		})
	}
	return g.Wait()
}
