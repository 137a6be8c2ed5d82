package upload

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"

	"gphotos2mqtt/bridge/account"
	"gphotos2mqtt/bridge/report"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/totals"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
)

// The outcomes are what becomes of files: they end, or are tried again.
type outcomes struct {
	cfg      *Config
	queue    *queue
	progress *progress
	totals   *totals.Totals
	outbox   *outbox
}

type ending struct {
	file
	end func(*store.File)
}

// finish ends files and, with the last of a job, the job: the result is in the same save, so a job is never over without its result. The
// saves of several jobs come at the same time, so that the store shares their commits; what follows keeps the order of the files.
func (o *outcomes) finish(ctx context.Context, endings ...ending) error {
	byJob := map[*job][]ending{}
	for _, e := range endings {
		byJob[e.job] = append(byJob[e.job], e)
	}
	var saves errgroup.Group
	for j, own := range byJob {
		saves.Go(func() error { return o.saveEnd(ctx, j, own) })
	}
	if err := saves.Wait(); err != nil {
		return err
	}
	for _, e := range endings {
		r, own := e.job.view(), byJob[e.job]
		o.progress.note(e.file, func(s *stage) { s.over = true })
		if r.Files[e.n].Status != store.FileMade {
			o.totals.Count(r, r.Files[e.n])
		}
		if r.State == store.JobFinished && e.n == own[len(own)-1].n {
			o.outbox.add(e.job)
		}
	}
	o.cfg.Changed()
	return nil
}

func (o *outcomes) saveEnd(ctx context.Context, j *job, own []ending) (err error) {
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
			r.Result, err = report.Message(r, wake.Wall(), o.cfg.MaxPublish())
		}
	})
	return errors.Join(saved, err)
}

// settle asks the policy about a file that could not be sent or created, logs the answer, once, and carries it out. What was said of an
// account that is linked no more counts for nothing.
func (o *outcomes) settle(ctx context.Context, f file, owner string, cause error, a account.Attempt) error {
	if now := o.cfg.owner(); now != "" && now != owner {
		return f.disown(ctx)
	}
	j, r := f.job.view(), f.view()
	a.Tries, a.Faults, a.Age, a.MaxAge = r.Attempts+1, r.Faults+1, o.cfg.Store.Ran()-j.Ran, o.cfg.MaxAge
	a.Sent, a.Resent = r.Status == store.FileSent, r.Resent
	a.ByTitle, a.Sought, a.NewAlbum = j.Album.Title != "", r.Sought, o.cfg.Albums.IsNew(j.Album.ID)
	d := account.Decide(cause, a, wake.Wall(), rand.Float64())
	log := o.cfg.Log.WithError(cause).WithFields(map[string]any{"job": f.ID, "kind": d.Code, "attempt": a.Tries})
	if d.Action == account.Fail {
		log.Error("upload failed")
		return o.finish(ctx, ending{f, failed(d.Code, d.Sentence)})
	}
	log.WithField("wait", d.Wait.Round(time.Millisecond).String()).Warn("upload will be tried again")
	if d.Action == account.FindAlbum {
		if err := o.cfg.Library.AlbumGone(ctx, j.Album.ID); err != nil {
			return err
		}
	}
	// A stop before this save tries the file again without its wait.
	err := f.job.update(ctx, func(r *store.Job) { putOff(r, f.n, d) })
	if err == nil {
		o.cfg.Account.Apply(d)
	}
	return err
}

// failWaiting ends the files of a job that wait.
func (o *outcomes) failWaiting(ctx context.Context, j *job, end func(*store.File)) error {
	var endings []ending
	for _, f := range o.queue.withdraw(j) {
		endings = append(endings, ending{f, end})
	}
	return o.finish(ctx, endings...)
}

// giveUp ends the files of a job that has become too old.
func (o *outcomes) giveUp(ctx context.Context, j *job) error { return o.failWaiting(ctx, j, o.tooOld) }

// tooOld says for what a file waited in vain: the hold, or else what went wrong with it last.
func (o *outcomes) tooOld(f *store.File) {
	code, sentence := mqttapi.CodeGoogleUnavailable, ""
	if f.Status == store.FileWaiting {
		code, sentence = mqttapi.Code(f.ErrorCode), f.ErrorMessage
	} else if h, _ := o.cfg.Account.Held(); h != nil {
		code = account.HoldCode(h)
	} else if f.ErrorCode != "" {
		code, sentence = mqttapi.Code(f.ErrorCode), f.ErrorMessage
	}
	failed(code, sentence)(f)
}
