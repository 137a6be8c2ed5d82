package bridge

import (
	"context"
	"errors"
	"slices"
	"time"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/mqttapi"
)

// retryJob tries a job at once: what waits waits no longer, and what failed is
// queued again as long as its bytes are there. A hold ends for who has made room at
// Google; the others are Google's to end.
func (e *Entry) retryJob(ctx context.Context, b mqttapi.RetryJob) (any, error) {
	j := e.queue.get(b.Job)
	if j == nil {
		return nil, noJob(b.Job)
	}
	revived := false
	// A stop before this save leaves the job as it was; after it the next start
	// goes on with it.
	err := j.update(ctx, e.store, func(r *store.Job) {
		if revived = !r.Told.IsZero(); revived {
			revive(r)
		}
		for i := range r.Files {
			r.Files[i].NotBefore = time.Time{}
		}
	})
	if err != nil {
		return nil, orGone(err, b.Job)
	}
	if revived {
		e.spool.revive(j)
		e.queue.add(j)
	}
	e.queue.hurry()
	e.changed()
	return mqttapi.JobData{Job: e.jobView(j.view())}, nil
}

// revive queues the failed files of a job whose result the broker has.
func revive(r *store.Job) {
	r.Told, r.Result, r.Retried = time.Time{}, nil, time.Now().UTC()
	for i := range r.Files {
		if f := &r.Files[i]; hasBytes(*f) {
			f.Status, f.ErrorCode, f.ErrorMessage = store.FileQueued, "", ""
			f.Attempts, f.Faults, f.Received, f.Resent = 0, 0, 0, false
		}
	}
}

// canRetry reports whether a job that is over has a file that may be tried again.
func canRetry(r store.Job) bool {
	return slices.ContainsFunc(r.Files, hasBytes)
}

// hasBytes reports whether a file failed that somebody may want to try again.
func hasBytes(f store.File) bool {
	return f.Status == store.FileFailed && f.ErrorCode != string(mqttapi.CodeCancelled) && (f.Payload != "" || f.Source != nil)
}

// hurry ends the hold for a full Google account, and lets whoever waits look again.
func (q *queue) hurry() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.holds[holdByEntry].Reason == mqttapi.HoldStorageFull {
		q.holds[holdByEntry] = Hold{}
	}
	q.wake()
}

func noJob(id string) error {
	return mqttapi.Errorf(mqttapi.CodeNotFound, "There is no job %q in the queue, and none that failed within the last day.", id)
}

// orGone makes an answer of a change that came too late.
func orGone(err error, id string) error {
	if errors.Is(err, errGone) {
		return noJob(id)
	}
	return err
}
