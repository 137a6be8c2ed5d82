package bridge

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos"
)

// decide asks the policy about a file that failed and logs the answer, once.
// streak is how many requests of the entry failed in a row.
func (e *Entry) decide(w work, f store.File, cause error, streak int) decision {
	r := w.view()
	now := time.Now()
	a := attempt{
		Tries: f.Attempts + 1, Faults: f.Faults + 1, Streak: streak, Age: now.Sub(w.since()), MaxAge: e.cfg.MaxAge,
		ByTitle: r.Album.Title != "", Resent: f.Resent,
	}
	if !f.TokenAt.IsZero() {
		a.TokenAge = now.Sub(f.TokenAt)
	}
	d := decide(cause, a, now, rand.Float64())
	log := e.log.WithError(cause).WithFields(map[string]any{"job": w.ID, "kind": d.code, "attempt": a.Tries})
	if d.action == actFail {
		log.Error("upload failed")
	} else {
		log.WithField("wait", max(d.at.Sub(now), 0).Round(time.Millisecond).String()).Warn("upload will be tried again")
	}
	return d
}

// closeFile ends a file and, when it was the job's last, the job: the result is
// saved in the same write, so a job is never over without its result.
func (e *Entry) closeFile(ctx context.Context, w work, change func(*store.File)) error {
	return e.closeFiles(ctx, w.job, []int{w.n}, change)
}

// closeFiles ends some files of a job in one write.
func (e *Entry) closeFiles(ctx context.Context, j *job, files []int, change func(*store.File)) error {
	finished := false
	var encoding error
	// A stop before this save asks Google again about the same upload token; after
	// it only the result is still to be told.
	err := j.update(ctx, e.store, func(r *store.Job) {
		for _, n := range files {
			f := &r.Files[n]
			change(f)
			f.Token, f.Session, f.NotBefore = "", "", time.Time{}
			f.Attempts++
			r.Attempts = max(r.Attempts, f.Attempts)
		}
		if finished = over(r.Files); finished {
			r.Result, encoding = result(*r, e.cfg.MaxPublish, time.Now())
		}
	})
	if err = errors.Join(err, encoding); err != nil {
		return err
	}
	for _, n := range files {
		e.progress.end(work{j, n})
		e.count(j.view(), j.file(n))
	}
	if finished {
		e.outbox.add(j)
	}
	return nil
}

// done makes a file's record of the item that Google made of it.
func (e *Entry) done(item photos.Item) func(*store.File) {
	return func(f *store.File) {
		f.Status, f.ItemID, f.ProductURL = store.FileDone, item.ID, item.ProductURL
		f.ErrorCode, f.ErrorMessage = "", ""
		f.Duplicate = e.listings.has(item.ID)
	}
}

// failed makes a file's record of why it is over.
func failed(d decision) func(*store.File) {
	return func(f *store.File) {
		f.Status, f.ErrorCode, f.ErrorMessage = store.FileFailed, string(d.code), d.words
	}
}

// count adds a file that is over to the totals.
func (e *Entry) count(r store.Job, f store.File) {
	now := mqttapi.At(time.Now().UTC())
	e.status.note(func(s *sums) {
		if f.Status == store.FileDone {
			s.Totals.Uploaded++
			s.LastUpload = &mqttapi.LastUpload{
				Time: now, Name: f.Name, Album: r.Album.Title, MediaItemID: f.ItemID, ProductURL: f.ProductURL, Job: r.ID,
			}
			return
		}
		s.Totals.Failed++
		s.LastError = &mqttapi.LastError{Time: now, Code: mqttapi.Code(f.ErrorCode), Message: f.ErrorMessage, Job: r.ID}
	})
}
