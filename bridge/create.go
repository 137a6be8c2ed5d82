package bridge

import (
	"context"
	"errors"
	"time"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/photos"
)

const (
	// createLimit is how long one batchCreate may take: Google was seen to need
	// 4 minutes for one (https://github.com/rclone/rclone/issues/8233).
	createLimit = 5 * time.Minute
	// stopLimit is how long the batch in hand may take once the bridge stops.
	stopLimit = 20 * time.Second
)

// createBatches is the entry's one writer of new items: it creates one batch
// after another until ctx ends. The batch in hand is finished first.
func (e *Entry) createBatches(ctx context.Context) error {
	for {
		batch, err := e.queue.takeBatch(ctx)
		if err != nil {
			return nil //nolint:nilerr // a stop is no failure
		}
		if err := e.createBatch(ctx, batch); err != nil {
			return err
		}
	}
}

// createBatch makes items of files whose bytes Google has. What becomes of them
// is written down however the call to Google ends.
func (e *Entry) createBatch(parent context.Context, batch []work) error {
	ctx, cancel := outlive(parent, createLimit, stopLimit)
	defer cancel()
	keep := context.WithoutCancel(parent)
	if e.writer.take(ctx) != nil {
		e.queue.batchOver(batch, nil) // only a stop gets here; the tokens are saved
		return nil
	}
	defer e.writer.give()

	batch, stale := e.splitStale(batch)
	b := &settled{resend: stale}
	if err := e.forgetTokens(keep, stale); err != nil {
		return err
	}
	if len(batch) > 0 {
		began := time.Now()
		created, err := e.createItems(ctx, batch)
		switch {
		case err == nil:
			err = e.settleItems(keep, batch, created, b)
		case errors.Is(ctx.Err(), context.Canceled): // the stop could not wait longer
			b.again = batch
			err = nil
		default:
			err = e.settleBatch(keep, batch, err, e.streak.failed(began), b)
		}
		if err != nil {
			return err
		}
	}
	e.queue.batchOver(b.again, b.resend)
	e.changed()
	return nil
}

// settled collects where the files of a batch go on.
type settled struct{ again, resend []work }

// createItems finds the album and makes the call. A stop during the call leaves
// the upload tokens saved: the same tokens are created again, and Google
// answers with the items it already has.
func (e *Entry) createItems(ctx context.Context, batch []work) ([]photos.Created, error) {
	album, err := e.albumFor(ctx, batch)
	if err != nil {
		return nil, err
	}
	items := make([]photos.NewItem, len(batch))
	for i, w := range batch {
		f := w.file(w.n)
		items[i] = photos.NewItem{Token: photos.UploadToken(f.Token), FileName: f.Name, Description: f.Description}
	}
	created, err := e.google.CreateItems(ctx, album.ID, items)
	if err != nil {
		return nil, err
	}
	e.streak.over()
	return created, nil
}

// settleItems writes down what became of each file of a batch.
func (e *Entry) settleItems(ctx context.Context, batch []work, created []photos.Created, b *settled) error {
	var items []photos.Item
	for i, w := range batch {
		c := created[i]
		if c.Err == nil {
			items = append(items, c.Item)
			if err := e.closeFile(ctx, w, e.done(c.Item)); err != nil {
				return err
			}
			continue
		}
		if err := e.settleFile(ctx, w, c.Err, 0, b); err != nil {
			return err
		}
	}
	e.listings.uploaded(batch[0].view().Album.ID, items)
	return nil
}

// settleBatch writes down that a whole call failed.
func (e *Entry) settleBatch(ctx context.Context, batch []work, cause error, streak int, b *settled) error {
	if errors.Is(cause, store.ErrEngine) {
		return cause
	}
	for _, w := range batch {
		if err := e.settleFile(ctx, w, cause, streak, b); err != nil {
			return err
		}
	}
	return nil
}

// settleFile carries out what the policy says of a file that was not created.
func (e *Entry) settleFile(ctx context.Context, w work, cause error, streak int, b *settled) error {
	f := w.file(w.n)
	d := e.decide(w, f, cause, streak)
	if d.action == actFail {
		return e.closeFile(ctx, w, failed(d))
	}
	if d.action == actFindAlbum {
		if err := e.albumGone(ctx, w.view().Album.ID); err != nil {
			return err
		}
	}
	// A stop before this save creates the file again without its wait.
	err := w.update(ctx, e.store, func(r *store.Job) {
		f := &r.Files[w.n]
		f.Attempts++
		r.Attempts++
		f.ErrorCode, f.ErrorMessage = string(d.code), d.words
		if d.fault {
			f.Faults++
		}
		if d.action == actRetry || d.action == actResend {
			f.NotBefore = d.at
		}
		switch d.action {
		case actFindAlbum:
			r.Album.ID = ""
			f.Resent = true
		case actResend:
			f.Status, f.Token, f.TokenAt, f.Resent = store.FileQueued, "", time.Time{}, true
		case actRetry, actHoldEntry, actHoldProject, actRelink, actFail:
		}
	})
	if err != nil {
		return err
	}
	e.hold(d)
	if d.action == actResend {
		b.resend = append(b.resend, w)
	} else {
		b.again = append(b.again, w)
	}
	return nil
}

// splitStale takes out the files whose upload token is too old to be used.
func (e *Entry) splitStale(batch []work) (fresh, stale []work) {
	for _, w := range batch {
		if time.Since(w.sentAt(w.n)) > tokenLife {
			stale = append(stale, w)
		} else {
			fresh = append(fresh, w)
		}
	}
	return fresh, stale
}

func (e *Entry) forgetTokens(ctx context.Context, stale []work) error {
	for _, w := range stale {
		err := w.update(ctx, e.store, func(r *store.Job) {
			f := &r.Files[w.n]
			f.Status, f.Token, f.TokenAt = store.FileQueued, "", time.Time{}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// outlive returns a context that goes on for limit, but only for grace once its
// parent has ended: what is in hand when the bridge stops is finished.
func outlive(parent context.Context, limit, grace time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(parent), limit)
	stop := context.AfterFunc(parent, func() { time.AfterFunc(grace, cancel) })
	return ctx, func() {
		stop()
		cancel()
	}
}
