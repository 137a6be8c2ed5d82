package upload

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"gphotos2mqtt/bridge/media"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/task"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
)

const ofFolder = 2 // how many waiting files of one folder are looked at at a time: one that is slow leaves takers to the others

// A file above bulky bytes needs little company to fill a line: bulkyAtATime of them, so that small ones never wait behind videos alone, and a
// line that breaks costs no more than it must.
const bulky, bulkyAtATime = 1 << 20, 8

// A queue holds the files of jobs that wait, and those that somebody goes on with.
type queue struct {
	held    func() (*mqttapi.Hold, time.Duration)
	told    func()         // called when E/state may no longer be true
	changed wake.Broadcast // something may let somebody go on

	mu           sync.Mutex // guards all below
	waiting      []file     // here and below in the order of their commands
	queued, sent []file
	active       map[file]context.CancelFunc // sending, and creating, which is not cut
	taking       map[file]context.CancelFunc // waiting files that are being looked at
	coming       int                         // commands that are being accepted
}

func newQueue(held func() (*mqttapi.Hold, time.Duration), told func()) *queue {
	return &queue{held: held, told: told, active: map[file]context.CancelFunc{}, taking: map[file]context.CancelFunc{}}
}

// add lets the files of a job wait, from one on.
func (q *queue) add(j *job, from int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for n := from; n < len(j.view().Files); n++ {
		q.place(file{j, n})
	}
	q.changed.Wake()
}

// expect says that a command comes, which may add files, until it is there or refused.
func (q *queue) expect() (there func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.coming++
	return func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if q.coming--; q.coming == 0 {
			q.changed.Wake()
		}
	}
}

// each does something with every file that next hands out, at most so many at a time, and takes it back.
func (q *queue) each(
	ctx context.Context, most int, next func(context.Context) (inHand, error), do func(context.Context, inHand) error,
) error {
	return task.Each(ctx, most, next, func(ctx context.Context, f inHand) error {
		err := do(ctx, f)
		if err == nil {
			q.leave(f.file)
		}
		return err
	})
}

// leave gives back files that were handed out.
func (q *queue) leave(files ...file) {
	defer q.told()
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, f := range files {
		for _, in := range []map[file]context.CancelFunc{q.active, q.taking} {
			if cancel := in[f]; cancel != nil {
				cancel()
				delete(in, f)
			}
		}
		q.place(f)
	}
	q.changed.Wake()
}

// place lets a file wait in the state that the store has. It is called with mu held.
func (q *queue) place(f file) {
	if q.active[f] != nil || q.taking[f] != nil {
		return // until it is left
	}
	list := &q.queued
	switch f.view().Status {
	case store.FileWaiting, store.FileMade:
		list = &q.waiting
	case store.FileQueued:
	case store.FileSent:
		list = &q.sent
	case store.FileDone, store.FileFailed:
		return
	}
	i, _ := slices.BinarySearchFunc(*list, f, func(a, b file) int { return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.n, b.n)) })
	*list = slices.Insert(*list, i, f)
}

// A file is inHand while somebody takes or sends it; ctx ends when its job is cancelled.
type inHand struct {
	file
	ctx context.Context //nolint:containedctx // it is of the file, not of a caller
}

// nextToTake waits for a waiting file that is to be looked at again.
func (q *queue) nextToTake(ctx context.Context, folders *media.Folders) (inHand, error) {
	return wake.Until(ctx, &q.changed, func() (next inHand, ok bool, wait time.Duration) {
		q.mu.Lock()
		defer q.mu.Unlock()
		looked := map[string]int{} // at, by folder
		for f := range q.taking {
			looked[folders.Folder(f.view().Path)]++
		}
		for i, f := range q.waiting {
			r := f.view()
			if d := left(f); d > 0 {
				wait = min(cmp.Or(wait, d), d)
			} else if _, full := folders.Silent(r.Path); !full && looked[folders.Folder(r.Path)] < ofFolder {
				return q.takeUp(ctx, q.taking, &q.waiting, i), true, 0
			} // else somebody wakes us when that changes
		}
		return next, false, wait
	})
}

// nextToSend waits for a file whose bytes are to be sent.
func (q *queue) nextToSend(ctx context.Context) (inHand, error) {
	return wake.Until(ctx, &q.changed, func() (next inHand, ok bool, wait time.Duration) {
		if h, lasts := q.held(); h != nil {
			return next, false, lasts
		}
		q.mu.Lock()
		defer q.mu.Unlock()
		large := 0
		for f := range q.active {
			if r := f.view(); r.Size > bulky && r.Status == store.FileQueued {
				large++
			}
		}
		for i, f := range q.queued {
			if d := left(f); d > 0 {
				wait = min(cmp.Or(wait, d), d)
			} else if large < bulkyAtATime || f.view().Size <= bulky {
				return q.takeUp(ctx, q.active, &q.queued, i), true, 0
			}
		}
		return next, false, wait
	})
}

// takeUp hands out a file of a list. It is called with mu held.
func (q *queue) takeUp(ctx context.Context, in map[file]context.CancelFunc, list *[]file, i int) inHand {
	f := (*list)[i]
	*list = slices.Delete(*list, i, i+1)
	ctx, cancel := context.WithCancel(ctx)
	if in[f] = cancel; f.job.view().State == store.JobCancelled {
		cancel()
	}
	return inHand{f, ctx}
}

func left(f file) time.Duration { return wake.Left(f.view().NotBefore, f.view().Pause) }

// withdraw takes out the files of a job that wait.
func (q *queue) withdraw(j *job) (taken []file) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, list := range []*[]file{&q.waiting, &q.queued, &q.sent} {
		*list = slices.DeleteFunc(*list, func(f file) bool {
			mine := f.job == j && f.view().Status != store.FileMade // which is at Google already
			if mine {
				taken = append(taken, f)
			}
			return mine
		})
	}
	return taken
}

// cut ends what is done with the files of a job.
func (q *queue) cut(id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, in := range []map[file]context.CancelFunc{q.active, q.taking} {
		for f, cancel := range in {
			if f.ID == id {
				cancel()
			}
		}
	}
}

// count says how many files wait, and how many are on their way to Google.
func (q *queue) count() (waiting, active int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting) + len(q.taking) + len(q.queued) + len(q.sent), len(q.active)
}

func (q *queue) idle() bool {
	hold, _ := q.held()
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.active) == 0 && (hold != nil || len(q.sent)+len(q.queued) == 0)
}

func (q *queue) needsMachine() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, f := range slices.AppendSeq(slices.Clone(q.queued), maps.Keys(q.active)) {
		if r := f.view(); r.Source != nil && r.Status == store.FileQueued {
			return true
		}
	}
	return false
}
