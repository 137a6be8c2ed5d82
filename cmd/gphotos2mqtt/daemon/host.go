package daemon

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/cluster/fleet"
)

const (
	openAgain  = time.Second // the first pause after which an entry that has failed is opened again, doubled with each failure
	openSeldom = time.Minute // the longest

	// endPause is how long the built-in broker may take to see that a connection has ended: one of the same id that comes sooner is taken for
	// another client's, and kept waiting or cut. Source: mqttSessFlappingJailDur in nats-server's server/mqtt.go.
	endPause = 500 * time.Millisecond
	closeFor = 2 * time.Second // for saving the last counts at a stop
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

// keep runs an entry, or leads.
func (d *Daemon) keep(ctx context.Context, name string) error {
	if name == fleet.Leading {
		return d.lead(ctx)
	}
	return d.keepEntry(ctx, name)
}

// keepEntry runs an entry until ctx ends: again when it has failed by itself, and anew when it has other settings. One that is to be removed
// is. The error is the store's.
func (d *Daemon) keepEntry(ctx context.Context, name string) error {
	defer func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.revisions, name)
		delete(d.failures, name)
	}()
	if e, there := d.catalog.Get(name); d.fleet != nil && there && e.Added != nil { // what came while this process was cut off may be missed
		if err := d.catalog.Refresh(ctx, name, 0); err != nil && ctx.Err() == nil {
			return err
		}
	}
	for pause := openAgain; ctx.Err() == nil; {
		e, there := d.catalog.Get(name)
		own, stop := context.WithCancel(ctx)
		leave := d.catalog.OnChange(name, e, stop)
		began := time.Now()
		var err error
		switch {
		case !there || e.Problem != "" && e.Removal() == nil:
			d.fail(name, e.Problem)
			<-own.Done()
		case e.Removal() != nil:
			err = d.removeEntry(own, e)
		default:
			d.mu.Lock()
			d.revisions[name] = e.Added.Revision()
			d.mu.Unlock()
			err = d.runEntry(own, e.Entry)
		}
		leave()
		changed := own.Err() != nil
		stop()
		if ctx.Err() != nil || errors.Is(err, store.ErrEngine) {
			return err
		}
		if changed || err == nil || time.Since(began) > openSeldom {
			pause = openAgain
		}
		if err == nil {
			d.awaitEnd(ctx)
			continue
		}
		d.log.WithError(err).WithFields(map[string]any{"entry": name, "wait": pause.String()}).Error("entry failed and is opened again")
		d.fail(name, "The entry has failed and is opened again: see the log of the bridge.")
		_ = wake.Sleep(ctx, nil, pause)
		pause = min(2*pause, openSeldom)
	}
	return nil
}

// awaitEnd waits until the broker has seen the end of a connection that another one of its id is to follow.
func (d *Daemon) awaitEnd(ctx context.Context) {
	if d.inner != "" {
		_ = wake.Sleep(ctx, nil, endPause)
	}
}

// fail notes why an entry does not run.
func (d *Daemon) fail(name, problem string) {
	d.openedFirst(name)
	d.mu.Lock()
	if d.failures[name] = problem; problem == "" {
		delete(d.failures, name)
	}
	d.mu.Unlock()
	d.catalog.News()
}
