package bridge

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos"
)

const (
	// listingPause is how long a listing waits for the rest of a burst of uploads;
	// contract: a listing shows an upload within 5 s.
	listingPause = 3 * time.Second
	// readLimit is how long one request that only reads may take, after what
	// Google's own clients allow for all tries of one.
	readLimit = 30 * time.Second
	// batchGet is how many items one request renews.
	// Source: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/batchGet
	batchGet = 50
	// pageSize is the largest page of items.
	// Source: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/search
	pageSize = 100
)

// keepListings keeps the retained listings true and their addresses alive until
// ctx ends. It asks Google only for what is due.
func (e *Entry) keepListings(ctx context.Context) error {
	tries := 0
	for {
		if err := e.awaitDue(ctx); err != nil {
			return nil //nolint:nilerr // a stop is no failure
		}
		err := e.refreshListings(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // a stop is no failure
		}
		if errors.Is(err, store.ErrEngine) {
			return err
		}
		if err == nil {
			tries = 0
			continue
		}
		tries++
		d := decide(err, attempt{Tries: tries, MaxAge: time.Hour}, time.Now(), rand.Float64())
		e.log.WithError(err).WithFields(map[string]any{"op": "listings", "kind": d.code, "attempt": tries}).Warn("listings are not fresh")
		e.hold(d)
		if err := sleep(ctx, nil, max(time.Until(d.at), backoff(tries, 0))); err != nil {
			return nil //nolint:nilerr // a stop is no failure
		}
	}
}

// awaitDue waits until a listing has to be published or renewed, the account
// can be read, and a burst of uploads is over.
func (e *Entry) awaitDue(ctx context.Context) error {
	for {
		now := time.Now()
		at, changed := e.listings.due(now)
		var wait time.Duration
		h, held := e.queue.held(now)
		switch {
		case !e.link.State().Has(auth.ScopeRead): // linking wakes us
		case held && h.Reason != mqttapi.HoldStorageFull:
			wait = h.wait(now)
		case !e.cfg.Project.Spare(): // what is left of the day's requests is for uploads
			wait = nextQuotaDay(now).Sub(now)
		case changed || !at.After(now):
			return e.queue.awaitIdle(ctx, listingPause)
		default:
			wait = at.Sub(now)
		}
		if err := sleep(ctx, e.listings.wake, wait); err != nil {
			return err
		}
	}
}

// refreshListings does what is due, and publishes what has changed.
func (e *Entry) refreshListings(ctx context.Context) error {
	gen := e.listings.begin()
	if err := e.refreshAlbums(ctx); err != nil {
		return fmt.Errorf("refresh albums: %w", err)
	}
	if err := e.loadShelves(ctx); err != nil {
		return fmt.Errorf("read items: %w", err)
	}
	if err := e.renewItems(ctx); err != nil {
		return fmt.Errorf("renew items: %w", err)
	}
	return e.publishListings(ctx, gen)
}

// refreshAlbums lists the albums when their addresses are due.
func (e *Entry) refreshAlbums(ctx context.Context) error {
	now := time.Now()
	l := e.listings
	l.mu.Lock()
	due := l.reload || now.Sub(l.albumsAt) >= l.renew
	l.mu.Unlock()
	if !due {
		return nil
	}
	all, err := readAlbums(ctx, e.google)
	if err != nil {
		return err
	}
	if err := e.albums.listedAll(ctx, all); err != nil {
		return err
	}
	l.relisted(all, now)
	return nil
}

// readAlbums reads all pages; only the albums that the bridge made are there.
func readAlbums(ctx context.Context, google *photos.Client) ([]photos.Album, error) {
	watch := watched(ctx, readLimit)
	var all []photos.Album
	for album, err := range google.AllAlbums(watch.ctx) {
		if err != nil {
			return nil, watch.stop(err)
		}
		watch.moves()
		all = append(all, album)
	}
	return all, watch.stop(nil)
}

// relisted takes over a complete list of albums. Albums that the bridge made
// while the list was read may be missing in it and stay.
func (l *listings) relisted(all []photos.Album, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.albums, l.albumsAt, l.dirty = all, at, true
	if l.reload {
		l.reload = false
		l.library.loaded = false
		for _, s := range l.shelves {
			s.loaded = false
		}
	}
	for _, s := range l.shelves {
		s.dirty = true // the cover's address is a new one
	}
	for id := range l.shelves {
		if !slices.ContainsFunc(all, func(a photos.Album) bool { return a.ID == id }) {
			delete(l.shelves, id)
		}
	}
	for _, a := range all {
		if l.shelves[a.ID] == nil && l.chosen(a) {
			l.shelves[a.ID] = &shelf{}
		}
	}
}

// loadShelves reads the listings that were never read.
func (e *Entry) loadShelves(ctx context.Context) error {
	l := e.listings
	l.mu.Lock()
	var ids []string
	if !l.library.loaded {
		ids = append(ids, "")
	}
	for id, s := range l.shelves {
		if !s.loaded {
			ids = append(ids, id)
		}
	}
	l.mu.Unlock()
	for _, id := range ids {
		if err := e.loadShelf(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// loadShelf reads the library ("") up to the newest items, or a whole album,
// because Google does not say in which order it gives an album's items.
func (e *Entry) loadShelf(ctx context.Context, albumID string) error {
	at := time.Now()
	watch := watched(ctx, readLimit)
	var items []photos.Item
	for item, err := range e.google.AllItems(watch.ctx, photos.Search{AlbumID: albumID, PageSize: pageSize}) {
		if err != nil {
			return watch.stop(err)
		}
		watch.moves()
		items = append(items, item)
		if albumID == "" && len(items) >= max(e.listings.max, pageSize) {
			break
		}
	}
	e.listings.loaded(albumID, items, at)
	return watch.stop(nil)
}

func (l *listings) loaded(albumID string, items []photos.Item, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &l.library
	if albumID != "" {
		if s = l.shelves[albumID]; s == nil {
			return
		}
	}
	known := s.ids
	s.ids, s.loaded, s.dirty = nil, true, true
	slices.SortStableFunc(items, func(a, b photos.Item) int { return b.Created.Compare(a.Created) })
	for _, item := range items[:min(len(items), l.max)] {
		l.see(item, at)
		s.ids = append(s.ids, item.ID)
	}
	for _, id := range known {
		item := l.items[id]
		if slices.Contains(s.ids, id) || at.Sub(item.uploaded) > listLag {
			continue
		}
		// Not listed yet, or deleted already: renewing its address tells.
		item.at = time.Time{}
		l.items[id] = item
		l.put(s, id)
	}
}

// renewItems asks for fresh addresses, 50 items to a request.
func (e *Entry) renewItems(ctx context.Context) error {
	for ids := range slices.Chunk(e.listings.stale(time.Now()), batchGet) {
		at := time.Now()
		got, err := e.readItems(ctx, ids)
		if err != nil {
			return err
		}
		for _, g := range got {
			switch {
			case g.Err == nil:
				e.listings.renewed(g.Item, at)
			case photos.KindOf(g.Err) == photos.NotFound:
				e.listings.gone(g.ID)
			default:
				return g.Err
			}
		}
	}
	return nil
}

func (e *Entry) readItems(ctx context.Context, ids []string) ([]photos.Got, error) {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	return e.google.Items(ctx, ids)
}
