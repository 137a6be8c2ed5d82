package bridge

import (
	"cmp"
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
	} else if r.Cancelled {
		v.Status = mqttapi.StatusCancelled
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
