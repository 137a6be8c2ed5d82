package fleet

import (
	"context"
	"errors"
	"fmt"

	"gphotos2mqtt/bridge/store/engine"
	"gphotos2mqtt/bridge/wake"
)

// A run is an entry in this process, from before it is taken until it is given back.
type run struct {
	ctx    context.Context //nolint:containedctx // it is the run's
	cancel context.CancelCauseFunc
	fence  uint64 // 0 = not taken yet
	lost   bool   // it is to end, and nothing is written any more
	why    string // for the log; "" = it was not lost
	moved  bool   // it was brought here on purpose: it is not given back for evenness
	to     string // to which process it is given, "" = to any
}

// Why a run is lost.
const (
	lateLease = "this process could not renew its lease"
	goneLease = "the lease of this process has ended"
	taken     = "another process has taken it"
)

func (r *run) lose(why string) {
	r.lost, r.why = true, why
	r.cancel(engine.ErrLost)
}

// begin notes that the entry is about to be taken; nil when this process may take nothing any more.
func (f *Fleet) begin(ctx context.Context, entry string) *run {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.runs[entry] != nil || f.now() >= f.deadline {
		return nil
	}
	r := &run{}
	r.ctx, r.cancel = context.WithCancelCause(ctx)
	f.runs[entry] = r
	return r
}

// hold takes an entry, runs it, and gives it back.
func (f *Fleet) hold(r *run, entry string, at owner, slots chan struct{}, runEntry func(context.Context, string) error) error {
	log := f.cfg.Log.WithField("entry", entry)
	defer func() {
		r.cancel(nil)
		f.mu.Lock()
		delete(f.runs, entry)
		f.mu.Unlock()
	}()
	err := f.start(r, entry, at, slots)
	if err != nil {
		if r.ctx.Err() == nil && !errors.Is(err, errTaken) {
			log.WithError(err).Warn("entry is not taken")
		}
		f.entries.Release(entry)
		f.giveUp(r, entry)
		_ = wake.Sleep(r.ctx, nil, claimPause)
		return nil
	}
	log.Info("entry is held")
	released := f.releaseLost(r, entry)
	err = runEntry(r.ctx, entry)
	released()
	f.entries.Release(entry)
	f.mu.Lock()
	r.lost = r.lost || errors.Is(err, engine.ErrLost)
	reason := any(r.why)
	f.mu.Unlock()
	if reason == "" {
		reason = context.Cause(r.ctx)
	}
	defer f.giveUp(r, entry) // after the line below: the next owner's come later
	stopped := r.ctx.Err() != nil || errors.Is(err, engine.ErrLost)
	switch log = log.WithField("reason", reason); {
	case err == nil:
		log.Info("entry is not held any more")
	case stopped:
		log.WithError(err).Warn("entry is not held any more")
	default:
		return fmt.Errorf("entry %s: %w", entry, err)
	}
	return nil
}

// releaseLost lets saves fail as soon as the entry is lost: they would wait for the cluster, and the run for them. Its result ends that, and
// has waited for it.
func (f *Fleet) releaseLost(r *run, entry string) (end func()) {
	done := make(chan struct{})
	stop := context.AfterFunc(r.ctx, func() {
		defer close(done)
		if errors.Is(context.Cause(r.ctx), engine.ErrLost) {
			f.entries.Release(entry)
		}
	})
	return func() {
		if !stop() {
			<-done
		}
	}
}

// start takes an entry and loads what is known of it. A stop in between leaves it to whoever finds this process gone.
func (f *Fleet) start(r *run, entry string, at owner, slots chan struct{}) error {
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
	case <-r.ctx.Done():
		return r.ctx.Err()
	}
	fence, err := f.take(r.ctx, entry, at)
	if err != nil {
		return err
	}
	f.mu.Lock()
	if r.fence, r.moved = fence, at.To == f.cfg.Process; f.owners[entry].revision > fence {
		r.lose(taken) // already
	}
	f.mu.Unlock()
	return f.entries.Claim(r.ctx, entry, fence)
}
