package upload

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"gphotos2mqtt/bridge/report"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/mqttapi/broker"
)

const outboxWorkers = 8 // how many jobs are published at a time

// An outbox holds the jobs of which something must still be published: that they were accepted, and how they ended.
type outbox struct {
	changed wake.Broadcast

	mu         sync.Mutex // guards all below
	waiting    []*job
	publishing int
}

func (o *outbox) add(j *job) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waiting = append(o.waiting, j)
	o.changed.Wake()
}

// next waits for a job; the caller says when it is published.
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

// Drain waits until the broker has all results, but not longer than ctx.
func (u *Uploads) Drain(ctx context.Context) {
	o := &u.outbox
	_, _ = wake.Until(ctx, &o.changed, func() (none struct{}, ok bool, wait time.Duration) {
		o.mu.Lock()
		defer o.mu.Unlock()
		return none, len(o.waiting)+o.publishing == 0, 0
	})
}

// publishNext publishes what is to be known of a job of the outbox.
func (u *Uploads) publishNext(ctx context.Context, j *job) error {
	defer u.outbox.published()
	return u.publish(ctx, j)
}

// publishDamaged says of jobs that the store cannot read any more that they failed, and puts them aside for a person to look at.
func (u *Uploads) publishDamaged(ctx context.Context) error {
	for _, id := range u.damaged {
		payload, err := mqttapi.Result{
			Status: mqttapi.StatusFailed, Job: mqttapi.Optional(id), Error: mqttapi.NewError(mqttapi.CodeInternal), Finished: mqttapi.At(wake.Wall()),
		}.Encode(u.cfg.MaxPublish())
		if err == nil {
			err = u.cfg.Send(ctx, u.cfg.Topics.UploadResult(), payload)
		}
		if err == nil { // a stop here publishes it again at the next start
			err = u.cfg.Store.SetAside(ctx, u.cfg.Topics.Entry, id)
		}
		if err != nil {
			return fmt.Errorf("publish damaged job %s: %w", id, err)
		}
	}
	return nil
}

// publish publishes what is to be known of a job now, by one at a time, so that `accepted` never comes after the result.
func (u *Uploads) publish(ctx context.Context, j *job) error {
	if err := j.publishing.Lock(ctx); err != nil {
		return err
	}
	defer j.publishing.Unlock()
	r := j.view()
	if !r.Accepted {
		accepted, err := report.Message(r, time.Time{}, u.cfg.MaxPublish())
		if err == nil {
			err = u.sendResult(ctx, r, accepted, time.Time{})
		}
		if err != nil {
			return err
		}
		// Saved with the next change; after a stop before it, `accepted` is published again.
		j.note(func(r *store.Job) { r.Accepted = true })
	}
	if r.State != store.JobFinished || u.queue.get(j.ID) == nil {
		return nil
	}
	if err := u.sendResult(ctx, r, r.Result, wake.Wall()); err != nil {
		return err
	}
	// A stop here, or between any two of these steps, publishes the result again: the job is only gone when its receipt is there to
	// recognise the command by.
	receipt := store.Receipt{Job: r.ID, Entry: r.Entry, CommandID: r.CommandID, Delivery: r.Delivery, Ran: u.cfg.Store.Ran()}
	if r.CommandID != "" {
		receipt.Result = r.Result
	}
	if !slices.ContainsFunc(r.Files, retriable) {
		return j.finish(ctx, receipt)
	}
	if err := u.dedupe.Save(ctx, receipt); err != nil {
		return err
	}
	return u.retain(ctx, j)
}

// sendResult publishes a message about a job. One that the broker does not take is cut, or replaced by a short one that says so.
func (u *Uploads) sendResult(ctx context.Context, r *store.Job, payload []byte, finished time.Time) error {
	send := func(payload []byte) error { return u.cfg.Send(ctx, u.cfg.Topics.UploadResult(), payload) }
	err := SendFitting(send, payload, func() ([]byte, error) { return report.Message(r, finished, u.cfg.MaxPublish()) })
	if errors.Is(err, broker.ErrTooLarge) { // the other results must go out
		u.cfg.Log.WithError(err).WithField("job", r.ID).Error("result cannot be published")
		return nil
	}
	return err
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

type ending struct {
	file
	end func(*store.File)
}

// finish ends files and, with the last of a job, the job: the result is in the same save, so a job is never over without its result. The
// saves of several jobs come at the same time, so that the store shares their commits; what follows keeps the order of the files.
func (u *Uploads) finish(ctx context.Context, endings ...ending) error {
	jobs := map[*job][]ending{}
	for _, e := range endings {
		jobs[e.job] = append(jobs[e.job], e)
	}
	var saves errgroup.Group
	for j, own := range jobs {
		saves.Go(func() error { return u.saveEnd(ctx, j, own) })
	}
	if err := saves.Wait(); err != nil {
		return err
	}
	for _, e := range endings {
		r, own := e.job.view(), jobs[e.job]
		u.progress.note(e.file, func(s *stage) { s.over = true })
		if r.Files[e.n].Status != store.FileMade {
			u.totals.Count(r, r.Files[e.n])
		}
		if r.State == store.JobFinished && e.n == own[len(own)-1].n {
			u.outbox.add(e.job)
		}
	}
	u.cfg.Changed()
	return nil
}

func (u *Uploads) saveEnd(ctx context.Context, j *job, own []ending) (err error) {
	// A stop before this save asks Google again about the same upload tokens; after it only the result is still to be published.
	saved := j.update(ctx, func(r *store.Job) {
		for _, e := range own {
			f := &r.Files[e.n]
			acted := f.Status == store.FileMade
			e.end(f)
			f.Token, f.Session, f.NotBefore = "", "", time.Time{}
			if !acted {
				f.Attempts++
			}
			r.Attempts = max(r.Attempts, f.Attempts)
		}
		if report.Over(r.Files) {
			r.State = store.JobFinished
			r.Result, err = report.Message(r, wake.Wall(), u.cfg.MaxPublish())
		}
	})
	return errors.Join(saved, err)
}
