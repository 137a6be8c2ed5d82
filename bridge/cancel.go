package bridge

import (
	"context"
	"slices"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/mqttapi"
)

// cancelJob ends every file of a job that is still on its way: those that wait at
// once, those that are being sent by cutting them. What Google has made, or is just
// making, stays, because nothing can be deleted there. A job that failed and was
// only kept to be tried again is forgotten.
func (e *Entry) cancelJob(ctx context.Context, b mqttapi.CancelJob) (any, error) {
	j := e.queue.get(b.Job)
	if j == nil {
		return nil, noJob(b.Job)
	}
	if !j.told().IsZero() {
		return mqttapi.JobData{Job: e.jobView(j.view())}, e.discard(ctx, j)
	}
	// A stop right here sends the files again that wait, until they are cancelled
	// in their turn.
	if err := j.update(ctx, e.store, func(r *store.Job) { r.Cancelled = true }); err != nil {
		return nil, orGone(err, b.Job)
	}
	if waiting := e.queue.takeOut(j.ID); len(waiting) > 0 {
		if err := e.closeFiles(ctx, j, waiting, failed(because(actFail, mqttapi.CodeCancelled))); err != nil {
			return nil, err
		}
	}
	e.queue.cut(j.ID)
	e.changed()
	return mqttapi.JobData{Job: e.jobView(j.view())}, nil
}

// cancelSend ends a file that was being sent when its job was cancelled.
func (e *Entry) cancelSend(ctx context.Context, w work) error {
	if err := e.closeFile(ctx, w, failed(because(actFail, mqttapi.CodeCancelled))); err != nil {
		return e.unlessStopped(ctx, w, err)
	}
	e.queue.fileOver()
	return nil
}

// cuttable returns a context that cut ends; the caller calls done when the file
// is no longer being sent.
func (q *queue) cuttable(parent context.Context, w work) (ctx context.Context, done func()) {
	ctx, cancel := context.WithCancel(parent)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.cuts[w] = cancel
	if w.cancelled() { // since it was handed out
		cancel()
	}
	return ctx, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		delete(q.cuts, w)
		cancel()
	}
}

// cut ends the sending of a job's files.
func (q *queue) cut(id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for w, cancel := range q.cuts {
		if w.ID == id {
			cancel()
		}
	}
}

// takeOut takes the waiting files of a job out of the queue and returns their
// numbers.
func (q *queue) takeOut(id string) []int {
	q.mu.Lock()
	defer q.mu.Unlock()
	var out []int
	of := func(w work) bool {
		if w.ID != id {
			return false
		}
		out = append(out, w.n)
		return true
	}
	q.unsent = slices.DeleteFunc(q.unsent, of)
	q.sent = slices.DeleteFunc(q.sent, of)
	return out
}
