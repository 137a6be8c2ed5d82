package upload

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"gphotos2mqtt/bridge/report"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
)

// Cancel ends every file of a job that is still on its way, and cuts those that are being sent. What Google has made, or is just making,
// stays: nothing can be deleted there. A retained job is forgotten. Errors are *mqttapi.Error and the store's.
func (u *Uploads) Cancel(ctx context.Context, id string) (mqttapi.OneData, error) {
	return u.change(id, func(j *job) error {
		if j.view().State == store.JobRetained {
			return j.remove(ctx, store.JobRetained)
		}
		// A stop right here sends the files again that wait, until they are cancelled in their turn.
		err := j.update(ctx, func(r *store.Job) {
			if r.State == store.JobOpen {
				r.State = store.JobCancelled
			}
		})
		if err == nil {
			err = u.outcomes.failWaiting(ctx, j, cancelled)
		}
		u.queue.cut(id)
		u.cfg.Changed()
		return err
	})
}

// Requeue tries a job at once: what waits waits no longer, and what failed is queued again while its bytes are there. A full account's
// hold ends; the others are Google's to end. Errors are *mqttapi.Error and the store's.
func (u *Uploads) Requeue(ctx context.Context, id string) (mqttapi.OneData, error) {
	return u.change(id, func(j *job) error {
		again := false
		// A stop before this save leaves the job as it was; after it the next start goes on with it.
		err := j.update(ctx, func(r *store.Job) {
			if again = r.State == store.JobRetained; again {
				r.State, r.Result = store.JobOpen, nil
				r.RetainedAt, r.RequeuedAt, r.Ran = time.Time{}, wake.Wall(), u.cfg.Store.Ran()
			}
			for i := range r.Files {
				f := &r.Files[i]
				f.NotBefore = time.Time{}
				if again && retriable(*f) {
					f.Status, f.ErrorCode, f.ErrorMessage = store.FileQueued, "", ""
					f.Attempts, f.Faults, f.Received, f.Resent, f.Sought = 0, 0, 0, false, false
				}
			}
		})
		if err == nil && again {
			u.queue.add(j, 0)
		}
		if err == nil {
			u.cfg.Account.MadeRoom()
		}
		return err
	})
}

// change does something with a job of a request.
func (u *Uploads) change(id string, do func(*job) error) (mqttapi.OneData, error) {
	err, j := errGone, u.jobs.get(id)
	if j != nil {
		u.outcomes.totals.Settled(id) // it is tried again, or nobody wants it
		u.cfg.Changed()
		err = do(j)
	}
	if errors.Is(err, errGone) {
		err = mqttapi.Errorf(mqttapi.CodeNotFound, "There is no job %q in the queue, nor a failed one of the last day whose file the bridge has: send the upload again.", id)
		return mqttapi.OneData{}, err
	}
	return mqttapi.OneData{Job: new(u.jobView(j))}, err
}

// Summary is the queue as E/state shows it.
func (u *Uploads) Summary() mqttapi.Queue {
	s := mqttapi.Queue{}
	s.Waiting, s.Active = u.queue.count()
	var oldest time.Time
	first := "" // job with a file that waits
	for _, j := range u.jobs.all() {
		r := j.view()
		for _, f := range r.Files {
			if report.OnItsWay(f.Status) {
				s.Bytes += f.Size
			}
		}
		if w := report.Waits(r); w != nil && (first == "" || r.ID < first) {
			s.Waits, first = w, r.ID
		}
		if at := cmp.Or(r.RequeuedAt, r.Received); !report.Over(r.Files) && (oldest.IsZero() || at.Before(oldest)) {
			oldest = at
		}
	}
	s.Oldest = mqttapi.At(oldest)
	return s
}

// List tells what is queued and why it waits, oldest first.
func (u *Uploads) List() []mqttapi.Job {
	list := []mqttapi.Job{}
	for _, j := range u.jobs.all() {
		list = append(list, u.jobView(j))
	}
	slices.SortFunc(list, func(a, b mqttapi.Job) int { return cmp.Compare(a.Job, b.Job) })
	return list
}

func (u *Uploads) jobView(j *job) mqttapi.Job {
	held, _ := u.cfg.Account.Held()
	return report.Job(j.view(), held)
}
