package bridge

import (
	"cmp"
	"context"
	"slices"
	"time"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/mqttapi"
)

// listJobs tells what is queued and why it waits, oldest first.
func (e *Entry) listJobs() any {
	data := mqttapi.JobsData{Jobs: []mqttapi.Job{}}
	for _, j := range e.queue.all() {
		data.Jobs = append(data.Jobs, e.jobView(j.view()))
	}
	return data
}

// cancelJob ends every file of a job that is still on its way. What Google has
// made already stays, because nothing can be deleted there.
func (e *Entry) cancelJob(ctx context.Context, b mqttapi.CancelJob) (any, error) {
	j := e.queue.get(b.Job)
	if j == nil {
		return nil, mqttapi.Errorf(mqttapi.CodeNotFound, "There is no job %q in the queue.", b.Job)
	}
	for _, w := range e.queue.takeOut(j.ID) {
		if err := e.closeFile(ctx, w, failed(because(actFail, mqttapi.CodeCancelled))); err != nil {
			return nil, err
		}
	}
	return mqttapi.JobData{Job: e.jobView(j.view())}, nil
}

// retryJob tries a waiting job at once.
func (e *Entry) retryJob(ctx context.Context, b mqttapi.RetryJob) (any, error) {
	j := e.queue.get(b.Job)
	if j == nil {
		return nil, mqttapi.Errorf(mqttapi.CodeNotFound, "There is no job %q in the queue.", b.Job)
	}
	err := j.update(ctx, e.store, func(r *store.Job) {
		for i := range r.Files {
			r.Files[i].NotBefore = time.Time{}
		}
	})
	if err != nil {
		return nil, err
	}
	e.queue.poke()
	return mqttapi.JobData{Job: e.jobView(j.view())}, nil
}

func (e *Entry) jobView(r store.Job) mqttapi.Job {
	v := mqttapi.Job{
		Job: r.ID, Transaction: r.Transaction, Status: mqttapi.StatusAccepted, Received: mqttapi.At(r.Received),
		Album: cmp.Or(r.Album.Title, r.Album.ID), Files: len(r.Files), Attempts: r.Attempts,
	}
	if r.CommandID != "" {
		v.ID = &r.CommandID
	}
	if over(r.Files) {
		v.Status = statusOf(r.Files)
	} else if h, held := e.queue.held(time.Now()); held {
		v.Waits = holdView(h)
	}
	for _, f := range r.Files {
		v.Bytes += f.Size
		if f.Status == store.FileDone {
			v.Done++
		}
	}
	return v
}

// all returns the jobs, oldest first.
func (q *queue) all() []*job {
	q.mu.Lock()
	defer q.mu.Unlock()
	var jobs []*job
	for _, j := range q.jobs {
		jobs = append(jobs, j)
	}
	slices.SortFunc(jobs, func(a, b *job) int { return cmp.Compare(a.ID, b.ID) })
	return jobs
}

// takeOut takes the waiting files of a job out of the queue.
func (q *queue) takeOut(id string) []work {
	q.mu.Lock()
	defer q.mu.Unlock()
	var out []work
	of := func(w work) bool {
		if w.ID != id {
			return false
		}
		out = append(out, w)
		return true
	}
	q.unsent = slices.DeleteFunc(q.unsent, of)
	q.sent = slices.DeleteFunc(q.sent, of)
	return out
}

// poke lets whoever waits look again.
func (q *queue) poke() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.wake()
}
