package bridge

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"gphotos2mqtt/bridge/store"
)

// A queue is the picture in memory of one entry's jobs in the store: which file
// is to be sent, which has its upload token and waits for its batch. It is
// rebuilt from the store at start, so it never decides what survives.
type queue struct {
	mu       sync.Mutex // guards all below
	changed  chan struct{}
	jobs     map[string]*job
	unsent   []work // in the order of their commands
	sent     []work // have an upload token, oldest first
	sending  int
	creating int
	cuts     map[work]context.CancelFunc // end the sending of a file
	holds    holds
}

// A work is one file of a job.
type work struct {
	*job
	n int
}

func newQueue() *queue {
	return &queue{changed: make(chan struct{}), jobs: map[string]*job{}, cuts: map[work]context.CancelFunc{}}
}

// add takes a durable job in, with each file where the store left it.
func (q *queue) add(j *job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.jobs[j.ID] = j
	for n, f := range j.view().Files {
		switch f.Status {
		case store.FileQueued:
			q.unsent = append(q.unsent, work{j, n})
		case store.FileSent:
			q.sent = append(q.sent, work{j, n})
		case store.FileDone, store.FileFailed:
		}
	}
	q.wake()
}

// drop forgets a job, whatever its files wait for.
func (q *queue) drop(id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.jobs, id)
	of := func(w work) bool { return w.ID == id }
	q.unsent = slices.DeleteFunc(q.unsent, of)
	q.sent = slices.DeleteFunc(q.sent, of)
	q.wake()
}

// get returns the job of that id, or nil.
func (q *queue) get(id string) *job {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.jobs[id]
}

// takeFile waits for a file whose bytes are to be sent and hands it out; the
// caller gives it back with fileSent, putBack or fileOver.
func (q *queue) takeFile(ctx context.Context) (work, error) {
	for ctx.Err() == nil { // also with files that wait: a stop has given some back
		q.mu.Lock()
		w, wait := q.nextFile(time.Now())
		changed := q.changed
		q.mu.Unlock()
		if w.job != nil {
			return w, nil
		}
		_ = sleep(ctx, changed, wait) // ctx's error ends the loop
	}
	return work{}, ctx.Err()
}

// fileSent moves a file on to the batch writer.
func (q *queue) fileSent(w work) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sending--
	q.sent = append(q.sent, w)
	q.wake()
}

// putBack returns a file that was being sent, to be sent again.
func (q *queue) putBack(w work) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sending--
	q.unsent = append([]work{w}, q.unsent...)
	q.wake()
}

// fileOver says that a file that was being sent will not be tried again.
func (q *queue) fileOver() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sending--
	q.wake()
}

// setHold sets one reason to wait, or takes it away with the zero Hold, and
// reports whether that changed anything.
func (q *queue) setHold(source holdSource, h Hold) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.holds[source] == h {
		return false
	}
	q.holds[source] = h
	q.wake()
	return true
}

// idle reports whether no upload is on its way or could be now.
func (q *queue) idle() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.sending+q.creating > 0 {
		return false
	}
	if _, held := q.holds.at(time.Now()); held {
		return true
	}
	return len(q.sent)+len(q.unsent) == 0
}

// awaitIdle waits until no upload is on its way, but not longer than most.
func (q *queue) awaitIdle(ctx context.Context, most time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, most, errEnough)
	defer cancel()
	for !q.idle() {
		q.mu.Lock()
		changed := q.changed
		q.mu.Unlock()
		if err := sleep(ctx, changed, 0); err != nil {
			if context.Cause(ctx) == errEnough { //nolint:errorlint // our own value, never wrapped
				return nil
			}
			return err
		}
	}
	return nil
}

var errEnough = errors.New("waited long enough")

// held returns the hold that lasts longest now, if any.
func (q *queue) held(now time.Time) (Hold, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.holds.at(now)
}

// wake is called with mu held, after every change that may let somebody go on.
func (q *queue) wake() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// nextFile is called with mu held; without a file it says how long to wait for
// one at most, 0 for ever.
func (q *queue) nextFile(now time.Time) (work, time.Duration) {
	if h, held := q.holds.at(now); held {
		return work{}, h.wait(now)
	}
	var wait time.Duration
	for i, w := range q.unsent {
		if d := w.notBefore(w.n).Sub(now); d > 0 {
			if wait == 0 || d < wait {
				wait = d
			}
			continue
		}
		q.unsent = slices.Delete(q.unsent, i, i+1)
		q.sending++
		return w, 0
	}
	return work{}, wait
}

// sleep returns when something changed, when wait (0 = for ever) is over, or
// with ctx's error.
func sleep(ctx context.Context, changed <-chan struct{}, wait time.Duration) error {
	var after <-chan time.Time
	if wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		after = t.C
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-changed:
	case <-after:
	}
	return nil
}
