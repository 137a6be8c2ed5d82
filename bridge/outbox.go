package bridge

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/mqttapi"
)

// outboxWorkers is how many jobs are told of at a time.
const outboxWorkers = 4

// An outbox holds the jobs about which the broker must still be told: that they
// were accepted, and how they ended. What was not told survives in the store.
type outbox struct {
	mu      sync.Mutex // guards all below
	waiting []*job
	telling map[string]bool // true = more came up meanwhile
	changed chan struct{}
}

func newOutbox() *outbox {
	return &outbox{telling: map[string]bool{}, changed: make(chan struct{})}
}

// add asks for a job to be told of.
func (o *outbox) add(j *job) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, busy := o.telling[j.ID]; busy {
		o.telling[j.ID] = true
		return
	}
	if !slices.Contains(o.waiting, j) {
		o.waiting = append(o.waiting, j)
	}
	o.wake()
}

// take waits for a job; one job is never in two hands, so that `accepted` is
// never told after the result.
func (o *outbox) take(ctx context.Context) (*job, error) {
	for {
		o.mu.Lock()
		changed := o.changed
		if len(o.waiting) > 0 {
			j := o.waiting[0]
			o.waiting = o.waiting[1:]
			o.telling[j.ID] = false
			o.mu.Unlock()
			return j, nil
		}
		o.mu.Unlock()
		if err := sleep(ctx, changed, 0); err != nil {
			return nil, err
		}
	}
}

// told gives a job back.
func (o *outbox) told(j *job) {
	o.mu.Lock()
	defer o.mu.Unlock()
	again := o.telling[j.ID]
	delete(o.telling, j.ID)
	if again {
		o.waiting = append(o.waiting, j)
	}
	o.wake()
}

// drain waits until everything was told, or ctx ends.
func (o *outbox) drain(ctx context.Context) {
	for {
		o.mu.Lock()
		empty := len(o.waiting)+len(o.telling) == 0
		changed := o.changed
		o.mu.Unlock()
		if empty || sleep(ctx, changed, 0) != nil {
			return
		}
	}
}

func (o *outbox) wake() {
	close(o.changed)
	o.changed = make(chan struct{})
}

// tellJobs empties the outbox until ctx ends.
func (e *Entry) tellJobs(ctx context.Context) error {
	if err := e.tellDamaged(ctx); err != nil {
		return stopped(ctx, err)
	}
	var g errgroup.Group
	for range outboxWorkers {
		g.Go(func() error {
			for {
				j, err := e.outbox.take(ctx)
				if err != nil {
					return nil //nolint:nilerr // a stop is no failure
				}
				err = e.tell(ctx, j)
				e.outbox.told(j)
				if err != nil {
					return err
				}
			}
		})
	}
	return g.Wait()
}

// tellDamaged says of jobs that the store cannot read any more that they failed,
// and puts them aside for a person to look at.
func (e *Entry) tellDamaged(ctx context.Context) error {
	for _, id := range e.damaged {
		payload, err := mqttapi.Result{
			Status: mqttapi.StatusFailed, Job: id, Error: mqttapi.NewError(mqttapi.CodeInternal), Finished: mqttapi.At(time.Now()),
		}.Encode(e.cfg.MaxPublish)
		if err != nil {
			return err
		}
		if err := e.out.Send(ctx, e.topics.UploadResult(), payload); err != nil {
			return fmt.Errorf("tell of damaged job %s: %w", id, err)
		}
		// A stop here says it again at the next start.
		if err := e.store.SetAside(ctx, e.cfg.Name, id); err != nil {
			return err
		}
	}
	return nil
}

// tell says what is to be said of a job now. Without a broker it waits.
func (e *Entry) tell(ctx context.Context, j *job) error {
	r := j.view()
	if !r.Answered {
		accepted, err := result(r, e.cfg.MaxPublish, time.Time{})
		if err != nil {
			return err
		}
		if err := e.out.Send(ctx, e.topics.UploadResult(), accepted); err != nil {
			return stopped(ctx, err)
		}
		// Saved with the next change; after a stop before it, `accepted` is said again.
		j.note(func(r *store.Job) { r.Answered = true })
	}
	if len(r.Result) == 0 {
		return nil
	}
	if err := e.out.Send(ctx, e.topics.UploadResult(), r.Result); err != nil {
		return stopped(ctx, err)
	}
	// A stop here, or between any two of these steps, says the result again: the
	// job is only gone when its receipt is there to recognise the command by.
	receipt := store.Receipt{Job: r.ID, Entry: r.Entry, CommandID: r.CommandID, Delivery: r.Delivery, At: time.Now()}
	if r.CommandID != "" {
		receipt.Result = r.Result
	}
	if err := e.store.SaveReceipt(ctx, receipt); err != nil {
		return stopped(ctx, fmt.Errorf("save receipt: %w", err))
	}
	e.known.remember(receipt)
	if canRetry(r) {
		return stopped(ctx, e.keep(ctx, j))
	}
	if err := j.remove(ctx, e.store); err != nil {
		return stopped(ctx, err)
	}
	e.queue.drop(r.ID)
	e.spool.leave(&r)
	e.changed()
	return nil
}
