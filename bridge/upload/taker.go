package upload

import (
	"context"

	"gphotos2mqtt/bridge/capacity"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/upload/intake"
)

const takers = 8 // how many waiting files are looked at at a time

// A taker looks again at files that wait: those that could not be read yet, and those that are to be deleted or moved after their upload.
type taker struct {
	cfg      *Config
	intake   *intake.Intake
	queue    *queue
	outcomes *outcomes
}

func (t *taker) run(ctx context.Context) error {
	next := func(ctx context.Context) (inHand, error) { return t.queue.nextToTake(ctx, t.cfg.Media) }
	return t.queue.each(ctx, takers, next, t.take)
}

func (t *taker) take(ctx context.Context, f inHand) error {
	was := f.view()
	if was.Status == store.FileMade {
		return t.actAfter(ctx, f.file)
	}
	files, more, err := t.intake.Again(f.ctx, f.job.view(), f.n)
	switch {
	case err == nil:
		return t.save(ctx, f.file, was, files, more)
	case ctx.Err() != nil:
		return nil //nolint:nilerr // a stop: the file waits as the store has it
	case f.ctx.Err() != nil:
		return t.outcomes.finish(ctx, ending{f.file, cancelled})
	}
	return err
}

// save saves what another look at a file has shown: how it stands now, or the files of its pattern, which are read in their turn.
func (t *taker) save(ctx context.Context, f file, was *store.File, files []store.File, more int) error {
	j, now := f.job.view(), files[0]
	switch waits := now.Status == store.FileWaiting && now.Expand == was.Expand; {
	case now.Status == store.FileFailed:
		t.cfg.Log.WithField("error", now.ErrorMessage).WithFields(map[string]any{"job": j.ID, "kind": now.ErrorCode}).Error("upload failed")
		return t.outcomes.finish(ctx, ending{f, func(f *store.File) { *f = now }})
	case waits && t.cfg.Store.Ran()-j.Ran >= t.cfg.MaxAge:
		return t.outcomes.finish(ctx, ending{f, t.outcomes.tooOld})
	case waits && now.Wait.Reason == was.Wait.Reason:
		f.note(func(r *store.Job) { r.Files[f.n] = now })
		return nil
	}
	from := 0
	// A stop before this save looks again at the next start.
	err := f.job.update(context.WithoutCancel(ctx), func(r *store.Job) {
		from = len(r.Files)
		room := min(len(files), t.intake.Room(from)) // another pattern may have found files meanwhile
		r.More += more + len(files) - room
		r.Files[f.n] = now
		r.Files = append(r.Files, files[1:room]...)
	})
	if now.Payload != "" {
		t.cfg.Capacity.Exchange(capacity.Room{Bytes: now.Size}, capacity.Room{}) // it is the job's now
	}
	if err == nil {
		t.queue.add(f.job, from)
	}
	return err
}
