package upload

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"gphotos2mqtt/bridge/dedupe"
	"gphotos2mqtt/bridge/report"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/task"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/mqttapi/broker"
)

const outboxWorkers = 8 // how many jobs are published at a time

// An outbox publishes what is to be known of jobs: that they were accepted, and how they ended.
type outbox struct {
	cfg     *Config
	dedupe  *dedupe.Index
	damaged []string       // ids of jobs that could not be read; never changes
	changed wake.Broadcast // a job comes or was published

	mu         sync.Mutex // guards all below
	waiting    []*job
	publishing int
}

func (o *outbox) run(ctx context.Context) error {
	return task.Each(ctx, outboxWorkers, o.next, o.publish)
}

func (o *outbox) add(j *job) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waiting = append(o.waiting, j)
	o.changed.Wake()
}

// next waits for a job, which the caller publishes.
func (o *outbox) next(ctx context.Context) (*job, error) {
	return wake.Until(ctx, &o.changed, func() (*job, bool, time.Duration) {
		o.mu.Lock()
		defer o.mu.Unlock()
		if len(o.waiting) == 0 {
			return nil, false, 0
		}
		j := o.waiting[0]
		o.waiting = o.waiting[1:]
		o.publishing++
		return j, true, 0
	})
}

func (o *outbox) published() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.publishing--
	o.changed.Wake()
}

func (o *outbox) drain(ctx context.Context) {
	_, _ = wake.Until(ctx, &o.changed, func() (none struct{}, ok bool, wait time.Duration) {
		o.mu.Lock()
		defer o.mu.Unlock()
		return none, len(o.waiting)+o.publishing == 0, 0
	})
}

// publish publishes what is to be known of a job now, by one at a time, so that `accepted` never comes after the result.
func (o *outbox) publish(ctx context.Context, j *job) error {
	defer o.published()
	if err := j.publishing.Lock(ctx); err != nil {
		return err
	}
	defer j.publishing.Unlock()
	r := j.view()
	if !r.Accepted {
		accepted, err := report.Message(r, time.Time{}, o.cfg.MaxPublish())
		if err == nil {
			err = o.sendResult(ctx, r, accepted, time.Time{})
		}
		if err != nil {
			return err
		}
		// Saved with the next change; after a stop before it, `accepted` is published again.
		j.note(func(r *store.Job) { r.Accepted = true })
	}
	if r.State != store.JobFinished || j.of.get(j.ID) == nil {
		return nil
	}
	if err := o.sendResult(ctx, r, r.Result, wake.Wall()); err != nil {
		return err
	}
	// A stop here, or between any two of these steps, publishes the result again: the job is only gone when its receipt is there to
	// recognise the command by.
	receipt := store.Receipt{Job: r.ID, Entry: r.Entry, CommandID: r.CommandID, Delivery: r.Delivery, Ran: o.cfg.Store.Ran()}
	if r.CommandID != "" {
		receipt.Result = r.Result
	}
	if !slices.ContainsFunc(r.Files, retriable) {
		return j.finish(ctx, receipt)
	}
	if err := o.dedupe.Save(ctx, receipt); err != nil {
		return err
	}
	return j.retain(ctx)
}

// sendResult publishes a message about a job. One that the broker does not take is cut, or replaced by a short one that says so.
func (o *outbox) sendResult(ctx context.Context, r *store.Job, payload []byte, finished time.Time) error {
	send := func(payload []byte) error { return o.cfg.Send(ctx, o.cfg.Topics.UploadResult(), payload) }
	err := SendFitting(send, payload, func() ([]byte, error) { return report.Message(r, finished, o.cfg.MaxPublish()) })
	if errors.Is(err, broker.ErrTooLarge) { // the other results must go out
		o.cfg.Log.WithError(err).WithField("job", r.ID).Error("result cannot be published")
		return nil
	}
	return err
}

// publishDamaged says of jobs that the store cannot read any more that they failed, and puts them aside for a person to look at.
func (o *outbox) publishDamaged(ctx context.Context) error {
	for _, id := range o.damaged {
		payload, err := mqttapi.Result{
			Status: mqttapi.StatusFailed, Job: mqttapi.Optional(id), Error: mqttapi.NewError(mqttapi.CodeInternal), Finished: mqttapi.At(wake.Wall()),
		}.Encode(o.cfg.MaxPublish())
		if err == nil {
			err = o.cfg.Send(ctx, o.cfg.Topics.UploadResult(), payload)
		}
		if err == nil { // a stop here publishes it again at the next start
			err = o.cfg.Store.SetAside(ctx, o.cfg.Topics.Entry, id)
		}
		if err != nil {
			return fmt.Errorf("publish damaged job %s: %w", id, err)
		}
	}
	return nil
}

// SendFitting sends a message; one that the broker does not take is sent once more as again makes it, for the limit that is lower then, and at
// last as one that only says so. The error is that of the last send, or of again.
func SendFitting(send func([]byte) error, payload []byte, again func() ([]byte, error)) error {
	err := send(payload)
	for _, shorter := range []func() ([]byte, error){again, func() ([]byte, error) { return mqttapi.TooLarge(payload) }} {
		if !errors.Is(err, broker.ErrTooLarge) {
			break
		}
		var made error
		if payload, made = shorter(); made != nil {
			return made
		}
		err = send(payload)
	}
	return err
}
