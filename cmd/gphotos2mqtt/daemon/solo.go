package daemon

import (
	"context"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"gphotos2mqtt/bridge/wake"
)

// A keeper runs the entries that there are: all of them, or those that are this process's of several.
type keeper interface {
	Want(entries []string)
	Run(ctx context.Context, run func(ctx context.Context, entry string) error) error
}

// A solo process runs all entries there are.
type solo struct {
	changed wake.Flag

	mu     sync.Mutex // guards wanted
	wanted []string
}

// Want says which entries there are now.
func (s *solo) Want(entries []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wanted = entries
	s.changed.Set()
}

// Run calls run for each entry that there is, as long as it is there, until ctx ends or one fails, and returns when all have returned.
func (s *solo) Run(ctx context.Context, run func(ctx context.Context, entry string) error) error {
	g, ctx := errgroup.WithContext(ctx)
	type running struct {
		stop  context.CancelFunc
		ended chan struct{}
	}
	all := map[string]running{}
	for {
		s.mu.Lock()
		wanted := s.wanted
		s.mu.Unlock()
		for name, r := range all {
			if !slices.Contains(wanted, name) {
				r.stop()
				<-r.ended // or it would run twice when it comes back
				delete(all, name)
			}
		}
		for _, name := range wanted {
			if _, ok := all[name]; ok {
				continue
			}
			own, stop := context.WithCancel(ctx)
			r := running{stop, make(chan struct{})}
			all[name] = r
			g.Go(func() error {
				defer close(r.ended)
				defer stop()
				return run(own, name)
			})
		}
		if wake.Sleep(ctx, s.changed, 0) != nil {
			return g.Wait()
		}
	}
}
