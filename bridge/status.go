package bridge

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	"gphotos2mqtt/mqttapi"
)

const (
	// statusLedger is the record's name in the store.
	statusLedger = "status"
	// statePause is the shortest time between two E/state.
	statePause = 250 * time.Millisecond
)

// status is what E/state says beyond the queue: counts and last events, which
// survive restarts.
type status struct {
	changed chan struct{} // cap 1: E/state may no longer be true
	told    []byte        // the last E/state, owned by keepState

	mu    sync.Mutex // guards all below
	sums  sums
	dirty bool
}

// sums is the record in the store.
type sums struct {
	Totals     mqttapi.Totals      `json:"totals"`
	LastUpload *mqttapi.LastUpload `json:"last_upload,omitempty"`
	LastError  *mqttapi.LastError  `json:"last_error,omitempty"`
}

func openStatus(ctx context.Context, cfg EntryConfig) (*status, error) {
	s := &status{changed: make(chan struct{}, 1)}
	if _, err := cfg.Store.LoadState(ctx, cfg.Name, statusLedger, &s.sums); err != nil {
		return nil, fmt.Errorf("load totals: %w", err)
	}
	return s, nil
}

// touch says that E/state may no longer be true.
func (s *status) touch() { wake(s.changed) }

// note changes what is counted and remembered.
func (s *status) note(change func(*sums)) {
	s.mu.Lock()
	change(&s.sums)
	s.dirty = true
	s.mu.Unlock()
	s.touch()
}

// now returns what is counted and whether it is to be saved.
func (s *status) now() (sums, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sums, s.dirty
}

// keepState publishes E/state whenever it changes, and at the end of each hold,
// until ctx ends.
func (e *Entry) keepState(ctx context.Context) error {
	for {
		// A stop right here, or a kill, counts the same after it: what E/state tells
		// is on the disk.
		counted, err := e.saveCounts(context.WithoutCancel(ctx))
		if err != nil {
			return err
		}
		wait, err := e.publishState(counted)
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return nil //nolint:nilerr // a stop is no failure
		}
		if sleep(ctx, nil, statePause) == nil {
			_ = sleep(ctx, e.status.changed, wait)
		}
	}
}

// publishState publishes E/state and returns how long its hold lasts.
func (e *Entry) publishState(counted sums) (time.Duration, error) {
	now := time.Now()
	h, _ := e.queue.held(now)
	made, resets := e.cfg.Project.Requests()
	payload, err := mqttapi.State{
		Link: linkView(e.link.State()), Queue: e.queue.summary(), Hold: holdView(h),
		Quota:  mqttapi.Quota{RequestsToday: made, RequestsLimit: QuotaPerDay, Resets: mqttapi.At(resets)},
		Totals: counted.Totals, LastUpload: counted.LastUpload, LastError: counted.LastError,
	}.Encode()
	if err != nil {
		return 0, err
	}
	if !bytes.Equal(payload, e.status.told) {
		if err := e.out.Retain(e.topics.State(), payload); err != nil {
			return 0, fmt.Errorf("publish state: %w", err)
		}
		e.status.told = payload
	}
	return h.wait(now), nil
}

// saveCounts writes down what changed since the last time, and returns it.
func (e *Entry) saveCounts(ctx context.Context) (sums, error) {
	counted, dirty := e.status.now()
	if err := e.cfg.Project.Save(ctx); err != nil || !dirty {
		return counted, err
	}
	if err := e.store.SaveState(ctx, e.cfg.Name, statusLedger, counted); err != nil {
		return counted, fmt.Errorf("save totals: %w", err)
	}
	e.status.mu.Lock()
	e.status.dirty = e.status.sums != counted
	e.status.mu.Unlock()
	return counted, nil
}

// summary is the queue as E/state shows it.
func (q *queue) summary() mqttapi.Queue {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := mqttapi.Queue{Waiting: len(q.unsent) + len(q.sent), Active: q.sending + q.creating}
	var oldest time.Time
	for _, j := range q.jobs {
		size, left := j.left()
		s.Bytes += size
		if since := j.since(); left && (oldest.IsZero() || since.Before(oldest)) {
			oldest = since
		}
	}
	s.Oldest = mqttapi.At(oldest)
	return s
}
