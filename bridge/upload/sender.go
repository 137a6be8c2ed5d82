package upload

import (
	"context"
	"errors"
	"io"
	"time"

	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/bridge/account"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/upload/intake"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/photos"
)

const rawUpTo = 5 << 20 // bytes; up to this a file is sent in one raw request, larger ones need a session that survives restarts

// A sender brings the bytes of files to Google.
type sender struct {
	cfg      *Config
	intake   *intake.Intake
	queue    *queue
	progress *progress
	outcomes *outcomes
}

func (s *sender) run(ctx context.Context) error {
	return s.queue.each(ctx, s.cfg.Senders, s.queue.nextToSend, s.send)
}

func (s *sender) send(ctx context.Context, f inHand) error {
	if err := s.cfg.Turns.Take(ctx); err != nil {
		return err
	}
	defer s.cfg.Turns.Give()
	s.cfg.Changed()
	s.progress.begin(f.file)
	began, owner := time.Now(), s.cfg.owner()
	// After a stop the session is saved, and the next start goes on from it.
	token, err := s.sendBytes(f.ctx, f.file, owner)
	switch {
	case ctx.Err() == nil && f.job.view().State == store.JobCancelled:
		return s.outcomes.finish(ctx, ending{f.file, cancelled})
	case err == nil:
		s.cfg.Account.Answered(account.Sending)
		// A stop before this save sends the bytes again (raw) or asks the session for its token (resumable); after it never again.
		return f.update(context.WithoutCancel(ctx), sent(token, owner, time.Since(began)))
	case ctx.Err() != nil:
		return nil // a stop is no failure
	case errors.Is(err, store.ErrEngine):
		return err
	}
	if now := *f.view(); s.intake.Await(&now, err) {
		s.cfg.Log.WithError(err).WithFields(map[string]any{"job": f.ID, "kind": now.Wait.Reason}).Warn("upload waits for its file")
		// A stop before this save finds out again at the next start.
		return f.update(ctx, func(f *store.File) { *f = now })
	}
	return s.outcomes.settle(ctx, f.file, owner, err, s.cfg.Account.Failed(account.Sending, began))
}

func (s *sender) sendBytes(ctx context.Context, f file, owner string) (secret.Text, error) {
	r := f.view()
	watchdog := wake.Watch(ctx, account.StallLimit)
	body := photos.Media{
		Size: r.Size, MIMEType: r.MIMEType,
		Open: func(ctx context.Context, offset int64) (io.ReadCloser, error) {
			source, err := s.intake.Open(ctx, r, offset)
			return watchdog.Reader(source), err
		},
	}
	send := s.cfg.Google.Upload
	if r.Size > rawUpTo {
		send = func(ctx context.Context, body photos.Media) (secret.Text, error) {
			return s.sendInSession(ctx, f, owner, body)
		}
	}
	token, err := send(watchdog.Context, body)
	return token, watchdog.Stop(err)
}

// sendInSession goes on where the account's unfinished session of the file stands, or begins one.
func (s *sender) sendInSession(ctx context.Context, f file, owner string, body photos.Media) (token secret.Text, err error) {
	session, at := f.view().Session, int64(0)
	if session == "" || !ownedBy(f.view(), owner) {
		if session, err = s.cfg.Google.Start(ctx, body); err != nil {
			return "", err
		}
		// A stop before this save leaves an empty session at Google, which dies by itself; after it the upload goes on in the session.
		if err := f.update(ctx, func(f *store.File) { f.Session, f.Account, f.Received = session, owner, 0 }); err != nil {
			return "", err
		}
	} else {
		got, err := s.cfg.Google.Query(ctx, session)
		if err != nil || got.Token != "" {
			return got.Token, err
		}
		if got.Final { // the receipt was lost on its way, and Google does not say it twice
			return "", &photos.Error{Kind: photos.Expired, Op: "query session", Message: "the session is over and its upload token is lost"}
		}
		at = got.Received
		// A session that has grown starts the file's waits anew: on a bad line a long video comes further each time. A stop forgets that.
		f.note(func(r *store.Job) {
			if f := &r.Files[f.n]; at > f.Received {
				f.Received, f.Attempts = at, 0
			}
		})
	}
	s.cfg.Account.Answered(account.Sending)
	return s.cfg.Google.Send(ctx, session, at, body, func(n int64) { s.progress.note(f, func(s *stage) { s.sent = n }) })
}
