package upload

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/bridge/account"
	"gphotos2mqtt/bridge/dedupe"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/photos"
)

const (
	createLimit = 5 * time.Minute // of one batchCreate: Google was seen to need 4 minutes (https://github.com/rclone/rclone/issues/8233)
	// tokenLife is how long an upload token is used. Google keeps it for one day; an hour is left for the way of the batch.
	// Source: https://developers.google.com/photos/library/guides/upload-media
	tokenLife = 23 * time.Hour
)

// A writer makes items of sent files, one batch after another: there is one writer in each account.
type writer struct {
	cfg      *Config
	queue    *queue
	outcomes *outcomes
	twins    dedupe.Twins // owned by run
}

// run makes items until ctx ends. The batch in hand is finished first. While the outcome of a batch is saved, Google is asked for the next one.
func (w *writer) run(ctx context.Context) error {
	saving, ctx := errgroup.WithContext(ctx)
	saving.SetLimit(1)
	for {
		batch, err := w.queue.nextBatch(ctx)
		var save func() error
		if err == nil {
			save, err = w.createBatch(ctx, batch)
		}
		if err != nil {
			return cmp.Or(saving.Wait(), err)
		}
		saving.Go(func() error {
			err := save()
			w.queue.leave(batch...)
			return err
		})
	}
}

// createBatch makes items of files, and returns what still saves them, or nothing to be saved. What Google refuses as a whole, and perhaps for
// one file alone, it is asked for again by halves until it has named that file. A stop or a hold in between leaves the others sent.
func (w *writer) createBatch(ctx context.Context, batch []file) (save func() error, err error) {
	save, halves, err := w.createAtOnce(ctx, batch)
	for _, half := range halves {
		if h, _ := w.cfg.Account.Held(); err != nil || h != nil || ctx.Err() != nil {
			break
		}
		if save, err = w.createBatch(ctx, half); err == nil {
			err, save = save(), saved
		}
	}
	return save, err
}

func saved() error { return nil }

// createAtOnce makes items of files with one call, but for those whose upload token is too old or another account's. What became of them is
// saved however the call ends, by save if all are items now; or it returns those that are to be created apart.
func (w *writer) createAtOnce(parent context.Context, batch []file) (save func() error, halves [][]file, err error) {
	ctx, cancel := wake.Outlive(parent, createLimit, account.StopLimit)
	defer cancel()
	saving := context.WithoutCancel(parent)
	if w.cfg.Account.Lock(ctx) != nil {
		return saved, nil, nil // only a stop gets here; the tokens are saved
	}
	defer w.cfg.Account.Unlock()
	owner := w.cfg.owner()
	fresh, err := w.fresh(saving, batch, owner)
	if err != nil || len(fresh) == 0 {
		return saved, nil, err
	}
	began := time.Now()
	album, err := w.findAlbum(ctx, fresh)
	var created []photos.Created
	var a account.Attempt
	if err == nil {
		created, err = w.createItems(ctx, album, fresh)
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
		a = w.cfg.Account.Failed(account.Creating, began)
		created = slices.Repeat([]photos.Created{{Err: err}}, len(fresh))
	}
	save = func() error { return w.settleItems(saving, fresh, owner, began, created, a) }
	if slices.ContainsFunc(created, func(c photos.Created) bool { return c.Err != nil }) { // which may hold the account
		return saved, nil, save()
	}
	return save, nil, nil
}

// fresh are the files of a batch whose upload tokens can be used. Those of the others are dropped; after a stop before, the next batch does it.
func (w *writer) fresh(ctx context.Context, batch []file, owner string) (fresh []file, err error) {
	for _, f := range batch {
		switch r := f.view(); {
		case !ownedBy(r, owner):
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
func (w *writer) findAlbum(ctx context.Context, batch []file) (id string, err error) {
	album := batch[0].job.view().Album
	if album.ID == "" && album.Title != "" {
		found, err := w.cfg.Albums.Find(ctx, album.Title)
		if err != nil && !w.cfg.Account.Link().State().Has(auth.ScopeRead) {
			err = w.cfg.Account.NameScopes(err, auth.ScopeRead) // which no waiting gives, and which files without an album do not need
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
			w.cfg.Library.AlbumCreated(photos.Album{ID: found.ID, Title: found.Title, Writeable: true})
		}
	}
	return album.ID, nil
}

// createItems makes the call. After a stop during it Google answers the same tokens with the items it already has.
func (w *writer) createItems(ctx context.Context, album string, batch []file) ([]photos.Created, error) {
	items := make([]photos.NewItem, len(batch))
	for i, f := range batch {
		r := f.view()
		items[i] = photos.NewItem{Token: r.Token, FileName: r.Name, Description: r.Description}
	}
	created, err := w.cfg.Google.CreateItems(ctx, album, items)
	for i := range created {
		w.findTwin(ctx, batch[i].view(), album, &created[i])
	}
	if err == nil {
		w.cfg.Account.Answered(account.Creating)
		w.cfg.Albums.Seen(album)
	}
	return created, err
}

// findTwin gives a file that Google says it has already the item that was made of equal bytes, if that is known, and brings it into the album.
func (w *writer) findTwin(ctx context.Context, f *store.File, album string, c *photos.Created) {
	if c.Err == nil {
		w.twins.Add(f, c.Item)
	} else if twin, ok := w.twins.Find(f); ok && photos.KindOf(c.Err) == photos.Duplicate {
		c.Item, c.Err = twin, nil
		if album != "" {
			c.Err = w.cfg.Google.AddItems(ctx, album, []string{twin.ID})
		}
	}
}

func (w *writer) settleItems(
	ctx context.Context, batch []file, owner string, began time.Time, created []photos.Created, a account.Attempt,
) error {
	var items []photos.Item
	var endings []ending
	for i, c := range created {
		if c.Err == nil {
			items = append(items, c.Item)
			endings = append(endings, ending{batch[i], done(c.Item, w.cfg.Library.Had(c.Item.ID, began))})
		}
	}
	err := w.outcomes.finish(ctx, endings...)
	for i, c := range created {
		if c.Err != nil && err == nil {
			err = w.outcomes.settle(ctx, batch[i], owner, c.Err, a)
		}
	}
	if err == nil && len(items) > 0 {
		w.cfg.Library.Uploaded(batch[0].job.view().Album.ID, items)
	}
	return err
}
