package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"gphotos2mqtt/bridge/wake"
)

// A lease is the value of a process's key: what the others are to know of it.
type lease struct {
	Leaving bool            `json:"leaving,omitempty"` // it hands its entries over and takes no more
	Group   string          `json:"group,omitempty"`   // Config.Group
	Report  json.RawMessage `json:"report,omitempty"`
}

// newsPause is the least time between two renewals for what a process reports.
const newsPause = time.Second

// Renew has the lease renewed soon, so that the others see what this process reports now.
func (f *Fleet) Renew() { f.news.Set() }

func (f *Fleet) renewEarly(ctx context.Context) error {
	for wake.Sleep(ctx, f.news, 0) == nil {
		f.urgent.Set()
		_ = wake.Sleep(ctx, nil, newsPause)
	}
	return nil
}

// keepLease renews the lease until ctx ends, and then removes it.
func (f *Fleet) keepLease(ctx context.Context) error {
	failing := false
	for ctx.Err() == nil {
		sent, pause := f.now(), f.cfg.Renew
		err := f.renew(ctx)
		f.shared.Heard(err)
		switch {
		case ctx.Err() != nil:
		case err == nil:
			f.renewed(sent)
			if failing {
				f.cfg.Log.Info("lease is renewed again")
			}
		default:
			pause /= 10
			if !failing {
				f.cfg.Log.WithError(err).Warn("lease is not renewed, and entries stop before it ends")
			}
		}
		failing = err != nil
		_ = wake.Sleep(ctx, f.urgent, pause)
	}
	if revision := f.revision(); revision != 0 { // a stop before this leaves a lease that ends by itself
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.cfg.Renew)
		defer cancel()
		_ = f.shared.Processes.Delete(ctx, f.cfg.Process, jetstream.LastRevision(revision))
	}
	return nil
}

// renew writes our key by compare-and-set. Others only ever remove it: then the lease was over, and this makes another.
func (f *Fleet) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, f.cfg.Renew)
	defer cancel()
	f.mu.Lock()
	mine := lease{Leaving: f.leaving, Group: f.cfg.Group}
	f.mu.Unlock()
	var err error
	if f.cfg.Report != nil {
		if mine.Report, err = json.Marshal(f.cfg.Report()); err != nil {
			return fmt.Errorf("report of the process: %w", err)
		}
	}
	value, err := json.Marshal(mine)
	if err != nil {
		return err
	}
	if revision := f.revision(); revision != 0 {
		now, err := f.shared.Processes.Update(ctx, f.cfg.Process, value, revision)
		if err == nil {
			f.leaseIs(now)
		}
		if !errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
			return err
		}
		switch kept, err := f.shared.Processes.Get(ctx, f.cfg.Process); {
		case err == nil: // the answer to an earlier renewal was lost
			f.leaseIs(kept.Revision())
			return errors.New("the last renewal was not confirmed")
		case !errors.Is(err, jetstream.ErrKeyNotFound):
			return err
		}
		f.drop(goneLease)
		f.leaseIs(0)
	}
	now, err := f.shared.Processes.Create(ctx, f.cfg.Process, value)
	if err == nil {
		f.leaseIs(now)
	}
	return err
}

func (f *Fleet) revision() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lease
}

// leaseIs notes the revision of our key. A watch that has not seen the one of the last renewal in time sees nothing else either.
func (f *Fleet) leaseIs(revision uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := f.now(); now-f.checking > f.cfg.Renew/2 {
		if f.known && f.members[f.cfg.Process].revision < f.checked {
			f.again.Set()
		}
		f.checked, f.checking = revision, now
	}
	f.lease = revision
}

// renewed notes that the lease lasts from when its renewal was sent. What had to stop before does not go on.
func (f *Fleet) renewed(sent time.Duration) {
	f.mu.Lock()
	overdue := f.deadline != 0 && f.now() >= f.deadline
	f.mu.Unlock()
	if overdue {
		f.drop(lateLease)
		f.again.Set() // what was missed meanwhile may never come
	}
	f.mu.Lock()
	f.deadline = sent + f.cfg.Stop
	f.mu.Unlock()
	f.extended.Set()
	f.changed.Set()
}

// stopInTime stops the entries when the lease was not renewed.
func (f *Fleet) stopInTime(ctx context.Context) error {
	for ctx.Err() == nil {
		f.mu.Lock()
		left := f.deadline - f.now()
		over := left <= 0 && len(f.runs) > 0
		f.mu.Unlock()
		if over {
			f.drop(lateLease)
		}
		_ = wake.Sleep(ctx, f.extended, max(left, 0))
	}
	return nil
}

// drop stops all entries as lost. They stay in runs until they have ended.
func (f *Fleet) drop(why string) {
	f.mu.Lock()
	n := 0
	for _, r := range f.runs {
		if !r.lost {
			n++
			r.lose(why)
		}
	}
	f.mu.Unlock()
	if n > 0 {
		f.cfg.Log.WithField("reason", why).Warn("entries are stopped")
	}
}
