package upload

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"gphotos2mqtt/bridge/dedupe"
	"gphotos2mqtt/bridge/report"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/wake"
)

const (
	retainFor   = 24 * time.Hour // how long a failed job can be tried again with job/retry
	maxRetained = 1000           // how many of them there are at most; the oldest go first
)

// The jobs are the picture in memory of one entry's jobs in the store. Made anew at each start, it never decides what survives.
type jobs struct {
	cfg    *Config
	dedupe *dedupe.Index
	queue  *queue
	added  wake.Broadcast // a job has come

	mu   sync.Mutex // guards byID; queue.mu may be taken after it
	byID map[string]*job
}

func newJobs(cfg *Config, index *dedupe.Index, q *queue) *jobs {
	return &jobs{cfg: cfg, dedupe: index, queue: q, byID: map[string]*job{}}
}

// add makes a job of a record of the store. Whoever finds the job finds its files in the queue.
func (js *jobs) add(record *store.Job) *job {
	js.mu.Lock()
	defer js.mu.Unlock()
	j := newJob(js, record)
	js.byID[j.ID] = j
	js.queue.add(j, 0)
	js.added.Wake()
	return j
}

func (js *jobs) remove(id string) {
	js.mu.Lock()
	defer js.mu.Unlock()
	delete(js.byID, id)
}

func (js *jobs) get(id string) *job {
	js.mu.Lock()
	defer js.mu.Unlock()
	return js.byID[id]
}

func (js *jobs) all() []*job {
	js.mu.Lock()
	defer js.mu.Unlock()
	return slices.Collect(maps.Values(js.byID))
}

// expire gives up files after Config.MaxAge and forgets retained jobs after retainFor, until ctx ends. It sleeps until there is a job, and until one
// comes of age.
func (js *jobs) expire(ctx context.Context, giveUp func(context.Context, *job) error) (err error) {
	some := func() (none struct{}, ok bool, wait time.Duration) { return none, len(js.all()) > 0, 0 }
	for err == nil {
		if _, err = wake.Until(ctx, &js.added, some); err != nil {
			break
		}
		old, wait := js.expired(js.cfg.Store.Ran(), js.cfg.MaxAge)
		for _, j := range old {
			if err = j.remove(ctx, store.JobRetained); err == nil {
				err = giveUp(ctx, j)
			}
			if err != nil {
				return err
			}
		}
		err = cmp.Or(js.cfg.Store.SaveRan(context.WithoutCancel(ctx)), wake.Sleep(ctx, nil, wait))
	}
	return err
}

// expired returns the jobs whose time is over, by how long the bridge has run, and how long there will be no other.
func (js *jobs) expired(ran, maxAge time.Duration) (old []*job, wait time.Duration) {
	wait = min(maxAge, retainFor)
	for _, j := range js.all() {
		r := j.view()
		end := r.Ran + maxAge
		if r.State == store.JobRetained {
			end = r.Ran + retainFor
		}
		if left := end - ran; left > 0 {
			wait = min(wait, left)
		} else if r.State == store.JobRetained || !report.Over(r.Files) {
			old = append(old, j)
		}
	}
	return old, wait
}

// oldestRetained is a capacity.Oldest.
func (js *jobs) oldestRetained() (ran time.Duration, forget func(context.Context) error) {
	for _, j := range js.all() {
		if r := j.view(); r.State == store.JobRetained && (forget == nil || r.Ran < ran) {
			ran, forget = r.Ran, func(ctx context.Context) error { return j.remove(ctx, store.JobRetained) }
		}
	}
	return ran, forget
}
