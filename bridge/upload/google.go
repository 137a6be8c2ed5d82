package upload

import (
	"cmp"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/bridge/account"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos"
)

const (
	rawUpTo     = 5 << 20         // bytes; up to this a file is sent in one raw request, larger ones need a session that survives restarts
	createLimit = 5 * time.Minute // of one batchCreate: Google was seen to need 4 minutes (https://github.com/rclone/rclone/issues/8233)
	// tokenLife is how long an upload token is used. Google keeps it for one day; an hour is left for the way of the batch.
	// Source: https://developers.google.com/photos/library/guides/upload-media
	tokenLife = 23 * time.Hour
)

// sendOne sends a file of the queue and gives it back.
func (u *Uploads) sendOne(ctx context.Context, f sending) error {
	if err := u.cfg.Turns.Take(ctx); err != nil {
		return err
	}
	defer u.cfg.Turns.Give()
	u.cfg.Changed()
	u.progress.begin(f.file)
	// After a stop the session is saved, and the next start goes on from it.
	if err := u.sendFile(ctx, f); err != nil {
		return err
	}
	u.queue.leave(f.file)
	u.cfg.Changed()
	return nil
}

func (u *Uploads) sendFile(ctx context.Context, f sending) error {
	began, owner := time.Now(), u.owner()
	token, err := u.send(f.ctx, f.file, owner)
	switch {
	case ctx.Err() == nil && f.job.view().State == store.JobCancelled:
		return u.finish(ctx, ending{f.file, failed(mqttapi.CodeCancelled, "")})
	case err == nil:
		u.cfg.Account.Answered(account.Sending)
		// A stop before this save sends the bytes again (raw) or asks the session for its token (resumable); after it never again.
		return f.update(context.WithoutCancel(ctx), sent(token, owner, time.Since(began)))
	case ctx.Err() != nil:
		return nil //nolint:nilerr // a stop is no failure
	case errors.Is(err, store.ErrEngine):
		return err
	}
	if waits, saving := u.awaitSource(ctx, f.file, err); waits {
		return saving
	}
	return u.settle(ctx, f.file, owner, err, u.cfg.Account.Failed(account.Sending, began))
}

// owner is the id of the Google account that is linked now.
func (u *Uploads) owner() string { return u.cfg.Account.Link().State().Account.ID }

func (u *Uploads) send(ctx context.Context, f file, owner string) (secret.Text, error) {
	r := f.view()
	watchdog := wake.Watch(ctx, account.StallLimit)
	body := photos.Media{
		Size: r.Size, MIMEType: r.MIMEType,
		Open: func(ctx context.Context, offset int64) (io.ReadCloser, error) {
			source, err := u.open(ctx, r, offset)
			return watchdog.Reader(source), err
		},
	}
	send := u.cfg.Google.Upload
	if r.Size > rawUpTo {
		send = func(ctx context.Context, body photos.Media) (secret.Text, error) {
			return u.sendInSession(ctx, f, owner, body)
		}
	}
	token, err := send(watchdog.Context, body)
	return token, watchdog.Stop(err)
}

// sendInSession goes on where the account's unfinished session of the file stands, or begins one.
func (u *Uploads) sendInSession(ctx context.Context, f file, owner string, body photos.Media) (token secret.Text, err error) {
	session, at := f.view().Session, int64(0)
	if session == "" || !of(f.view(), owner) {
		if session, err = u.cfg.Google.Start(ctx, body); err != nil {
			return "", err
		}
		// A stop before this save leaves an empty session at Google, which dies by itself; after it the upload goes on in the session.
		if err := f.update(ctx, func(f *store.File) { f.Session, f.Account, f.Received = session, owner, 0 }); err != nil {
			return "", err
		}
	} else {
		got, err := u.cfg.Google.Query(ctx, session)
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
	u.cfg.Account.Answered(account.Sending)
	return u.cfg.Google.Send(ctx, session, at, body, func(n int64) { u.progress.note(f, func(s *stage) { s.sent = n }) })
}

// createBatches is the entry's one writer of new items: one batch after another until ctx ends. The batch in hand is finished first. While
// the outcome of a batch is saved, Google is asked for the next one.
func (u *Uploads) createBatches(ctx context.Context) error {
	saving, ctx := errgroup.WithContext(ctx)
	saving.SetLimit(1)
	for {
		batch, err := u.queue.nextBatch(ctx)
		var save func() error
		if err == nil {
			save, err = u.createBatch(ctx, batch)
		}
		if err != nil {
			return cmp.Or(saving.Wait(), err)
		}
		saving.Go(func() error {
			err := save()
			u.queue.leave(batch...)
			u.cfg.Changed()
			return err
		})
	}
}

// createBatch makes items of files, and returns what still saves them, or nothing to be saved. What Google refuses as a whole, and perhaps for
// one file alone, it is asked for again by halves until it has named that file. A stop or a hold in between leaves the others sent.
func (u *Uploads) createBatch(ctx context.Context, batch []file) (save func() error, err error) {
	save, halves, err := u.createAtOnce(ctx, batch)
	for _, half := range halves {
		if h, _ := u.cfg.Account.Held(); err != nil || h != nil || ctx.Err() != nil {
			break
		}
		if save, err = u.createBatch(ctx, half); err == nil {
			err, save = save(), saved
		}
	}
	return save, err
}

func saved() error { return nil }

// createAtOnce makes items of files with one call, but for those whose upload token is too old or another account's. What became of them is
// saved however the call ends, by save if all are items now; or it returns those that are to be created apart.
func (u *Uploads) createAtOnce(parent context.Context, batch []file) (save func() error, halves [][]file, err error) {
	ctx, cancel := wake.Outlive(parent, createLimit, account.StopLimit)
	defer cancel()
	saving := context.WithoutCancel(parent)
	if u.cfg.Account.Lock(ctx) != nil {
		return saved, nil, nil // only a stop gets here; the tokens are saved
	}
	defer u.cfg.Account.Unlock()
	owner := u.owner()
	fresh, err := u.fresh(saving, batch, owner)
	if err != nil || len(fresh) == 0 {
		return saved, nil, err
	}
	began := time.Now()
	album, err := u.findAlbum(ctx, fresh)
	var created []photos.Created
	var a account.Attempt
	if err == nil {
		created, err = u.createItems(ctx, album, fresh)
		if half := len(fresh) / 2; half > 0 && account.MayBeOfOne(err) {
			return saved, [][]file{fresh[:half], fresh[half:]}, nil
		}
	}
	switch {
	case err == nil:
	case errors.Is(ctx.Err(), context.Canceled): // the stop could not wait longer
		return saved, nil, nil
	case errors.Is(err, store.ErrEngine):
		return nil, nil, err
	default:
		a = u.cfg.Account.Failed(account.Creating, began)
		created = slices.Repeat([]photos.Created{{Err: err}}, len(fresh))
	}
	save = func() error { return u.settleItems(saving, fresh, owner, began, created, a) }
	if slices.ContainsFunc(created, func(c photos.Created) bool { return c.Err != nil }) { // which may hold the account
		return saved, nil, save()
	}
	return save, nil, nil
}

// fresh are the files of a batch whose upload tokens can be used. Those of the others are dropped; after a stop before, the next batch does it.
func (u *Uploads) fresh(ctx context.Context, batch []file, owner string) (fresh []file, err error) {
	for _, f := range batch {
		switch r := f.view(); {
		case !of(r, owner):
			err = f.disown(ctx)
		case wake.Wall().Sub(r.TokenAt) > tokenLife:
			err = f.update(ctx, sendAgain)
		default:
			fresh = append(fresh, f)
		}
		if err != nil {
			return nil, err
		}
	}
	return fresh, nil
}

// findAlbum finds the album of a batch, and notes it in the jobs, to be saved with the outcome of each file.
func (u *Uploads) findAlbum(ctx context.Context, batch []file) (id string, err error) {
	album := batch[0].job.view().Album
	if album.ID == "" && album.Title != "" {
		found, err := u.cfg.Albums.Find(ctx, album.Title)
		if err != nil && !u.cfg.Account.Link().State().Has(auth.ScopeRead) {
			err = u.cfg.Account.NameScopes(err, auth.ScopeRead) // which no waiting gives, and which files without an album do not need
		}
		if err != nil {
			return "", err
		}
		album = store.Album{ID: found.ID, Title: found.Title}
		for i, f := range batch {
			album.Created = f.job.view().Album.Created || found.Created && i == 0
			f.note(func(r *store.Job) { r.Album = album })
		}
		if found.Created {
			u.cfg.Library.AlbumCreated(photos.Album{ID: found.ID, Title: found.Title, Writeable: true})
		}
	}
	return album.ID, nil
}

// createItems makes the call. After a stop during it Google answers the same tokens with the items it already has.
func (u *Uploads) createItems(ctx context.Context, album string, batch []file) ([]photos.Created, error) {
	items := make([]photos.NewItem, len(batch))
	for i, f := range batch {
		r := f.view()
		items[i] = photos.NewItem{Token: r.Token, FileName: r.Name, Description: r.Description}
	}
	created, err := u.cfg.Google.CreateItems(ctx, album, items)
	for i := range created {
		u.findTwin(ctx, batch[i].view(), album, &created[i])
	}
	if err == nil {
		u.cfg.Account.Answered(account.Creating)
		u.cfg.Albums.Seen(album)
	}
	return created, err
}

// findTwin gives a file that Google says it has already the item that was made of equal bytes, if that is known, and brings it into the album.
func (u *Uploads) findTwin(ctx context.Context, f *store.File, album string, c *photos.Created) {
	if c.Err == nil {
		u.twins.Add(f, c.Item)
	} else if twin, ok := u.twins.Find(f); ok && photos.KindOf(c.Err) == photos.Duplicate {
		c.Item, c.Err = twin, nil
		if album != "" {
			c.Err = u.cfg.Google.AddItems(ctx, album, []string{twin.ID})
		}
	}
}

func (u *Uploads) settleItems(
	ctx context.Context, batch []file, owner string, began time.Time, created []photos.Created, a account.Attempt,
) error {
	var items []photos.Item
	var endings []ending
	for i, c := range created {
		if c.Err == nil {
			items = append(items, c.Item)
			endings = append(endings, ending{batch[i], done(c.Item, u.cfg.Library.Had(c.Item.ID, began))})
		}
	}
	err := u.finish(ctx, endings...)
	for i, c := range created {
		if c.Err != nil && err == nil {
			err = u.settle(ctx, batch[i], owner, c.Err, a)
		}
	}
	if err == nil && len(items) > 0 {
		u.cfg.Library.Uploaded(batch[0].job.view().Album.ID, items)
	}
	return err
}

// settle asks the policy about a file that could not be sent or created, logs the answer, once, and carries it out. What was said of an
// account that is linked no more counts for nothing.
func (u *Uploads) settle(ctx context.Context, f file, owner string, cause error, a account.Attempt) error {
	if now := u.owner(); now != "" && now != owner {
		return f.disown(ctx)
	}
	j, r := f.job.view(), f.view()
	a.Tries, a.Faults, a.Age, a.MaxAge = r.Attempts+1, r.Faults+1, u.cfg.Store.Ran()-j.Ran, u.cfg.MaxAge
	a.Sent, a.Resent = r.Status == store.FileSent, r.Resent
	a.ByTitle, a.Sought, a.NewAlbum = j.Album.Title != "", r.Sought, u.cfg.Albums.IsNew(j.Album.ID)
	d := account.Decide(cause, a, wake.Wall(), rand.Float64())
	log := u.cfg.Log.WithError(cause).WithFields(map[string]any{"job": f.ID, "kind": d.Code, "attempt": a.Tries})
	if d.Action == account.Fail {
		log.Error("upload failed")
		return u.finish(ctx, ending{f, failed(d.Code, d.Sentence)})
	}
	log.WithField("wait", d.Wait.Round(time.Millisecond).String()).Warn("upload will be tried again")
	if d.Action == account.FindAlbum {
		if err := u.cfg.Library.AlbumGone(ctx, j.Album.ID); err != nil {
			return err
		}
	}
	// A stop before this save tries the file again without its wait.
	err := f.job.update(ctx, func(r *store.Job) { putOff(r, f.n, d) })
	if err == nil {
		u.cfg.Account.Apply(d)
	}
	return err
}
