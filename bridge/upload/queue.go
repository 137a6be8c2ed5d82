package upload

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos/spec"
)

// batchWait is the longest that an upload token waits for company before its batch is created although other uploads are still on their
// way; on a thin line, where sending a file takes longer, it is as long as that again, at most maxBatchWait. Google asks to fill batches up
// to 50 and to create one at a time per user, and allows 30 writes a minute, that is one in 2 s:
// https://developers.google.com/photos/library/guides/upload-media
const batchWait, maxBatchWait = 2 * time.Second, 30 * time.Second

// A file above bulky bytes needs little company to fill a line: bulkyAtATime of them, so that small ones never wait behind videos alone, and a
// line that breaks costs no more than it must.
const bulky, bulkyAtATime = 1 << 20, 8

// A queue is the picture in memory of one entry's jobs in the store. Made anew at each start, it never decides what survives.
type queue struct {
	held    func() (*mqttapi.Hold, time.Duration)
	changed wake.Broadcast // something may let somebody go on

	mu           sync.Mutex // guards all below
	jobs         map[string]*job
	waiting      []file // here and below in the order of their commands
	queued, sent []file
	active       map[file]context.CancelFunc // sending, and creating, which is not cut
	taking       map[file]context.CancelFunc // waiting files that are being looked at
	coming       int                         // commands that are being accepted
}

func newQueue(held func() (*mqttapi.Hold, time.Duration)) *queue {
	return &queue{held: held, jobs: map[string]*job{}, active: map[file]context.CancelFunc{}, taking: map[file]context.CancelFunc{}}
}

func (q *queue) add(j *job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.jobs[j.ID] = j
	for n := range j.view().Files {
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

// addFiles is for files that were found for a job that is there.
func (q *queue) addFiles(j *job, from int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for n := from; n < len(j.view().Files); n++ {
		q.place(file{j, n})
	}
	q.changed.Wake()
}

func (q *queue) leave(files ...file) {
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

func (q *queue) remove(id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.jobs, id)
	q.changed.Wake()
}

func (q *queue) get(id string) *job {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.jobs[id]
}

func (q *queue) all() []*job {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Collect(maps.Values(q.jobs))
}

// A sending is a file whose bytes are to be sent, or taken; ctx ends when its job is cancelled.
type sending struct {
	file
	ctx context.Context //nolint:containedctx // it is of the file, not of a caller
}

// nextToSend waits for a file whose bytes are to be sent. The caller gives it back with leave.
func (q *queue) nextToSend(ctx context.Context) (sending, error) {
	return wake.Until(ctx, &q.changed, func() (next sending, ok bool, wait time.Duration) {
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
func (q *queue) takeUp(ctx context.Context, in map[file]context.CancelFunc, list *[]file, i int) sending {
	f := (*list)[i]
	*list = slices.Delete(*list, i, i+1)
	ctx, cancel := context.WithCancel(ctx)
	if in[f] = cancel; f.job.view().State == store.JobCancelled {
		cancel()
	}
	return sending{f, ctx}
}

// nextBatch waits until a batch is due and hands it out: at most spec.MaxBatch sent files of one album, no two of equal bytes. It is due
// when full, when nothing else is on its way, or when its first file has waited long enough. The one caller gives it back with leave before it asks again.
func (q *queue) nextBatch(ctx context.Context) ([]file, error) {
	return wake.Until(ctx, &q.changed, func() ([]file, bool, time.Duration) {
		if h, lasts := q.held(); h != nil {
			return nil, false, lasts
		}
		q.mu.Lock()
		defer q.mu.Unlock()
		batch, rest, wait := pickBatch(q.sent)
		if len(batch) == 0 {
			return nil, false, wait
		}
		ready := func(f file) bool { return left(f) == 0 }
		if len(batch) < spec.MaxBatch && (q.coming+len(q.active) > 0 || slices.ContainsFunc(q.queued, ready)) {
			first := slices.MinFunc(batch, func(a, b file) int { return a.view().TokenAt.Compare(b.view().TokenAt) })
			most := min(max(first.view().Took, batchWait), maxBatchWait)
			if wait := wake.Left(first.view().TokenAt.Add(most), most); wait > 0 {
				return nil, false, wait
			}
		}
		q.sent = rest
		for _, f := range batch {
			q.active[f] = func() {}
		}
		return batch, true, 0
	})
}

// pickBatch chooses a batch of the oldest ready file's album, or a full one of another album, or says when a file will be ready.
func pickBatch(sent []file) (batch, rest []file, wait time.Duration) {
	groups := map[store.Album]int{}
	album, found := store.Album{}, false
	for _, f := range sent {
		if d := left(f); d > 0 {
			wait = min(cmp.Or(wait, d), d)
			continue
		}
		key := albumOf(f)
		if groups[key]++; !found || groups[key] == spec.MaxBatch {
			album, found = key, true
		}
		if groups[key] == spec.MaxBatch {
			break
		}
	}
	if !found {
		return nil, sent, wait
	}
	in := contents{}
	for _, f := range sent {
		if r := f.view(); len(batch) < spec.MaxBatch && albumOf(f) == album && left(f) == 0 && in.add(*r) {
			batch = append(batch, f)
		} else {
			rest = append(rest, f)
		}
	}
	return batch, rest, 0
}

func left(f file) time.Duration { return wake.Left(f.view().NotBefore, f.view().Pause) }

func albumOf(f file) store.Album {
	a := f.job.view().Album
	if a.Title != "" {
		return store.Album{Title: a.Title}
	}
	return store.Album{ID: a.ID}
}

// contents are the hashes of the files in a batch, by size; "" for a large file that was never hashed.
type contents map[int64][]string

// add takes a file in unless it is, or may be, equal to one that is there: Google refuses the second of two equal files in one batch.
func (c contents) add(f store.File) bool {
	same := c[f.Size]
	if len(same) > 0 && (f.SHA256 == "" || slices.Contains(same, f.SHA256) || slices.Contains(same, "")) {
		return false
	}
	c[f.Size] = append(same, f.SHA256)
	return true
}

func (q *queue) take(j *job) (taken []file) {
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

func (q *queue) idle() bool {
	hold, _ := q.held()
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.active) == 0 && (hold != nil || len(q.sent)+len(q.queued) == 0)
}

// oldestRetained is a capacity.Oldest.
func (q *queue) oldestRetained() (ran time.Duration, forget func(context.Context) error) {
	for _, j := range q.all() {
		if r := j.view(); r.State == store.JobRetained && (forget == nil || r.Ran < ran) {
			ran, forget = r.Ran, func(ctx context.Context) error { return j.remove(ctx, store.JobRetained) }
		}
	}
	return ran, forget
}
