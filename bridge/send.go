package bridge

import (
	"context"
	"errors"
	"io"
	"time"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/photos"
)

// rawUpTo is the size in bytes up to which a file is sent in one raw request;
// larger ones go through a session, which survives breaks and restarts.
const rawUpTo = 5 << 20

// tokenLife is how long an upload token is used. Google keeps it for one day;
// an hour is left for the way of the batch.
// Source: https://developers.google.com/photos/library/guides/upload-media
const tokenLife = 23 * time.Hour

// sendFiles sends one file after another until ctx ends. An entry runs several
// of these beside each other.
func (e *Entry) sendFiles(ctx context.Context) error {
	for {
		w, err := e.queue.takeFile(ctx)
		if err != nil {
			return nil //nolint:nilerr // a stop is no failure
		}
		if err := e.sendFile(ctx, w); err != nil {
			return err
		}
	}
}

func (e *Entry) sendFile(ctx context.Context, w work) error {
	e.changed()
	defer e.changed() // also when the file waits again
	e.progress.begin(w)
	began := time.Now()
	sending, done := e.queue.cuttable(ctx, w)
	token, err := e.upload(sending, w)
	done()
	if w.cancelled() && ctx.Err() == nil {
		return e.cancelSend(ctx, w)
	}
	if err == nil {
		e.streak.over()
		// A stop before this save sends the bytes again (raw) or asks the session
		// for its token (resumable); after it they are never sent again.
		err = w.update(ctx, e.store, func(r *store.Job) {
			f := &r.Files[w.n]
			f.Status, f.Token, f.TokenAt = store.FileSent, store.Secret(token), time.Now()
			f.Session, f.Granularity, f.Received, f.NotBefore = "", 0, 0, time.Time{}
			f.Attempts = 0
		})
		if err != nil {
			return e.unlessStopped(ctx, w, err)
		}
		e.queue.fileSent(w)
		return nil
	}
	if ctx.Err() != nil {
		e.queue.putBack(w) // the session is saved; the next start goes on from it
		return nil
	}
	if errors.Is(err, store.ErrEngine) {
		return err
	}
	return e.settleSend(ctx, w, err, e.streak.failed(began))
}

// upload brings one file's bytes to Google and returns Google's receipt.
func (e *Entry) upload(ctx context.Context, w work) (photos.UploadToken, error) {
	f := w.file(w.n)
	watch := watched(ctx, stallLimit)
	media := photos.Media{
		Size: f.Size, MIMEType: f.MIMEType,
		Open: func(ctx context.Context, offset int64) (io.ReadCloser, error) {
			r, err := e.spool.open(ctx, f, offset)
			if err != nil {
				return nil, err
			}
			return watch.reader(r), nil
		},
	}
	if f.Size <= rawUpTo {
		token, err := e.google.Upload(watch.ctx, media)
		return token, watch.stop(err)
	}
	token, err := e.uploadInSession(watch.ctx, w, f, media)
	return token, watch.stop(err)
}

// uploadInSession goes on where an unfinished session of the file stands, or
// begins one.
func (e *Entry) uploadInSession(ctx context.Context, w work, f store.File, media photos.Media) (photos.UploadToken, error) {
	session := photos.Session{URL: photos.SessionURL(f.Session), Granularity: f.Granularity}
	var at int64
	if session.URL == "" {
		var err error
		if session, err = e.google.Start(ctx, media); err != nil {
			return "", err
		}
		// A stop before this save leaves an empty session at Google, which dies by
		// itself; after it the upload goes on from where Google has it.
		err = w.update(ctx, e.store, func(r *store.Job) {
			r.Files[w.n].Session, r.Files[w.n].Granularity = store.Secret(session.URL), session.Granularity
		})
		if err != nil {
			return "", err
		}
	} else {
		got, err := e.google.Query(ctx, session)
		if err != nil || got.Token != "" {
			return got.Token, err
		}
		if got.Final { // the receipt was lost on its way, and Google does not say it twice
			return "", &photos.Error{Kind: photos.Expired, Op: "query session", Message: "the session is over and its upload token is lost"}
		}
		at = got.Received
		e.cameFurther(w, at)
	}
	e.streak.over()
	return e.google.Send(ctx, session, at, media, func(n int64) { e.progress.sent(w, n) })
}

// cameFurther lets a file whose session has grown start its waits anew: a long
// video on a bad line breaks often, and comes further each time. A stop forgets
// at most that, and asks Google again.
func (e *Entry) cameFurther(w work, received int64) {
	w.note(func(r *store.Job) {
		if f := &r.Files[w.n]; received > f.Received {
			f.Received, f.Attempts = received, 0
		}
	})
}

// settleSend carries out what the policy says of a file that could not be sent.
func (e *Entry) settleSend(ctx context.Context, w work, cause error, streak int) error {
	f := w.file(w.n)
	d := e.decide(w, f, cause, streak)
	switch d.action {
	case actFail:
		if err := e.closeFile(ctx, w, failed(d)); err != nil {
			return e.unlessStopped(ctx, w, err)
		}
		e.queue.fileOver()
		return nil
	case actRetry, actHoldEntry, actHoldProject, actRelink, actResend, actFindAlbum:
	}
	// A stop before this save tries the file again without its wait.
	err := w.update(ctx, e.store, func(r *store.Job) {
		f := &r.Files[w.n]
		f.Attempts++
		r.Attempts++
		f.ErrorCode, f.ErrorMessage = string(d.code), d.words
		if d.action == actRetry || d.action == actResend {
			f.NotBefore = d.at
		}
		if d.action == actResend {
			f.Session, f.Granularity, f.Received = "", 0, 0
		}
	})
	if err != nil {
		return e.unlessStopped(ctx, w, err)
	}
	e.hold(d)
	e.queue.putBack(w)
	return nil
}

// unlessStopped gives a file back and hides an error that only a stop caused.
func (e *Entry) unlessStopped(ctx context.Context, w work, err error) error {
	if ctx.Err() == nil {
		return err
	}
	e.queue.putBack(w)
	return nil
}
