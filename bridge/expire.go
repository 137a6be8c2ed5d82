package bridge

import (
	"context"
	"slices"
	"time"

	"gphotos2mqtt/mqttapi"
)

// expireJobs fails the files of jobs that have waited for Google longer than
// the setting GPHOTOS_MAX_AGE allows, and forgets failed jobs that nobody has tried
// again for a day, until ctx ends. It sleeps until the oldest job comes of age.
func (e *Entry) expireJobs(ctx context.Context) error {
	for {
		old, wait := e.queue.expired(time.Now(), e.cfg.MaxAge)
		for _, w := range old {
			if err := e.closeFile(ctx, w, failed(e.tooOld(w, time.Now()))); err != nil {
				return stopped(ctx, err)
			}
		}
		kept, next := e.queue.keptTooLong(time.Now())
		for _, j := range kept {
			if err := e.discard(ctx, j); err != nil {
				return stopped(ctx, err)
			}
		}
		wait = min(wait, next)
		if err := sleep(ctx, nil, wait); err != nil {
			return nil //nolint:nilerr // a stop is no failure
		}
	}
}

// tooOld says for what a file waited in vain: the hold, or else what went wrong
// with it last.
func (e *Entry) tooOld(w work, now time.Time) decision {
	if h, held := e.queue.held(now); held {
		return because(actFail, codeOfHold(h.Reason))
	}
	if f := w.file(w.n); f.ErrorCode != "" {
		return because(actFail, mqttapi.Code(f.ErrorCode)).saying(f.ErrorMessage)
	}
	return because(actFail, mqttapi.CodeGoogleUnavailable)
}

// expired takes out the waiting files of jobs older than most, and says how long
// there will be no other: a job that comes later also comes of age later.
func (q *queue) expired(now time.Time, most time.Duration) (old []work, wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	wait = most
	tooOld := func(w work) bool {
		left := most - now.Sub(w.since())
		if left > 0 {
			wait = min(wait, left)
			return false
		}
		old = append(old, w)
		return true
	}
	q.unsent = slices.DeleteFunc(q.unsent, tooOld)
	q.sent = slices.DeleteFunc(q.sent, tooOld)
	return old, wait
}
