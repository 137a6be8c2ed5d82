// Package library knows the albums and items of one Google account, keeps the retained documents about them true, and their addresses
// alive.
//
// What is known is a cache in memory: the albums, and the newest items of the library and of each listed album. Google is asked only for
// what is due, a restart goes on with the records in the store, and what is published never holds a dead address. There is one lock,
// Library.mu: it guards the cache, is not held across I/O, and no other lock is taken under it.
package library

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"gphotos2mqtt/bridge/account"
	"gphotos2mqtt/bridge/albums"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/task"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos"
)

// A Publisher carries retained documents to the broker.
type Publisher interface {
	Retain(topic string, payload []byte) error     // at the topic from now on; an empty payload clears it
	Clear(ctx context.Context, topic string) error // what an earlier run retained; it returns when the broker confirms, or with ctx's error
}

// Listings chooses the albums that get a retained listing.
type Listings struct {
	All    bool     // every album, newest first, up to MaxListings
	Titles []string // the albums of these titles, see albums.Key, or ids, also beyond MaxListings
}

// MaxListings is how many albums get a listing when all are chosen.
const MaxListings = 50

// Config says whose library it is and what is published of it.
type Config struct {
	Topics     mqttapi.Topics
	Choice     Listings
	Items      int           // in a listing at most
	Renew      time.Duration // the age at which addresses are renewed; they die at an hour
	MaxPublish func() int    // the largest payload that is published now, in bytes
	Latest     string        // id of the newest upload of earlier runs; empty = none

	Store     *store.Store
	Google    *photos.Client
	Account   *account.Account
	Albums    *albums.Albums
	Turns     wake.Turns // for a request about listings
	Fetching  wake.Turns // for a picture
	Out       Publisher
	Log       *logrus.Entry
	AwaitIdle func(ctx context.Context, most time.Duration) error // waits until no upload is on its way, at most; its error is ctx's
	Changed   func()                                              // called, and must not wait, when Pictured may return something else
}

// A Library is what is known of one entry's albums and items. It is safe for use by several goroutines.
type Library struct {
	cfg      Config
	wake     wake.Flag // something may have to be done
	picture  wake.Flag // E/image may no longer be the newest upload
	failures int       // requests that failed in a row, owned by KeepListings
	burst    time.Time // since when uploads wait to be listed, owned by KeepListings; zero = none does
	density  float64   // bytes of a pixel in the last picture, owned by KeepImage

	mu      sync.Mutex // guards all below
	backoff time.Time  // until when no request follows those that failed
	cache   *cache     // changed by change, which wakes KeepListings
}

// Open returns the library with what the store knows of the linked account, so that a restart reads no album again.
func Open(ctx context.Context, cfg Config) (*Library, error) {
	l := newLibrary(cfg)
	l.cache.account = cfg.Account.Link().State().Account.ID
	listed, err := ListedAlbums(ctx, cfg.Store, cfg.Topics.Entry)
	if err != nil {
		return nil, err
	}
	for _, id := range append([]string{""}, listed...) {
		var r record
		_, err := cfg.Store.LoadState(ctx, cfg.Topics.Entry, recordName(id), &r)
		if err != nil && !errors.Is(err, store.ErrDamaged) { // one that is damaged is read from Google again
			return nil, err
		}
		if err == nil && r.Account != "" && r.Account == l.cache.account {
			l.cache.restore(id, r)
		}
	}
	l.cache.newest = cfg.Latest
	l.picture.Set()
	cfg.Account.Watch(l.wake.Set)
	return l, nil
}

func newLibrary(cfg Config) *Library {
	cfg.Renew -= cfg.Renew / renewLead
	l := &Library{cfg: cfg, wake: wake.NewFlag(), picture: wake.NewFlag(), density: usualDensity}
	l.cache = &cache{cfg: cfg, picture: l.picture}
	l.cache.reset()
	return l
}

// Wake says that the link may have changed.
func (l *Library) Wake() { l.wake.Set() }

// Had reports whether an item was known at a time.
func (l *Library) Had(itemID string, at time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, ok := l.cache.items[itemID]
	return ok && !i.since.After(at)
}

// Uploaded takes items over that a batch has just made or found; albumID is empty for those that are in no album.
func (l *Library) Uploaded(albumID string, items []photos.Item) {
	if len(items) == 0 {
		return
	}
	l.change(func(c *cache) {
		c.grew = time.Now()
		ids := make([]string, len(items))
		for i, made := range items {
			ids[i] = made.ID
			c.items[made.ID] = item{Item: made, uploaded: time.Now(), since: c.since(made.ID)}
			c.newest = made.ID
		}
		c.put(&c.library, ids...)
		if a := c.album(albumID); a != nil && a.listed {
			if n := c.put(a, ids...); n > 0 {
				c.grow(a, n)
			}
		}
	})
}

// Added notes items that were put into an album.
func (l *Library) Added(albumID string, ids []string) {
	l.changeAlbum(albumID, func(c *cache, a *album) {
		c.hurry()
		c.grow(a, len(ids))
		c.put(a, ids...)
		a.recheck = true
		unplaced := slices.DeleteFunc(slices.Clone(a.ids), func(id string) bool { return c.items[id].placed() })
		if len(unplaced) > c.cfg.Items { // reading the album costs less
			a.without(unplaced...)
			a.Due = true
		}
	})
}

// Removed notes items that were taken out of an album.
func (l *Library) Removed(albumID string, ids []string) {
	l.changeAlbum(albumID, func(c *cache, a *album) {
		c.hurry()
		c.grow(a, -len(ids))
		a.without(ids...)
		a.recheck, a.Due, a.scan = true, a.Due || a.More, nil
	})
}

// Amended takes over what a request has changed of an item, as Google answered at a time; without an address the known one stays.
func (l *Library) Amended(changed photos.Item, at time.Time) {
	l.change(func(c *cache) {
		c.hurry()
		if known, ok := c.items[changed.ID]; ok {
			if changed.BaseURL == "" {
				changed.BaseURL, at = known.BaseURL, known.at
			}
			c.renewed(changed, at)
		}
	})
}

// AlbumCreated takes an album over that was just made: for an upload, which follows, or by a request, which does not wait to be listed.
func (l *Library) AlbumCreated(made photos.Album, byRequest bool) {
	l.change(func(c *cache) {
		if c.grew = time.Now(); byRequest {
			c.hurry()
		}
		if a := (&album{Album: made}); c.album(made.ID) == nil {
			c.albums, c.index.stale = slices.Insert(c.albums, 0, a), true
			c.choose()
			a.stale, a.unsaved, a.kept = true, true, kept{Read: true, NewestFirst: true, Changed: time.Now()} // it is empty
		}
	})
}

// Retitled takes over an album's new title and cover. Google is asked again, as the answer need not have the new cover's address.
func (l *Library) Retitled(now photos.Album) {
	l.changeAlbum(now.ID, func(c *cache, a *album) {
		c.hurry()
		a.Title, a.CoverItemID = now.Title, now.CoverItemID
		a.recheck, a.stale, c.index.stale = true, true, true
		c.choose()
	})
}

// ReadAgain has everything read from Google anew.
func (l *Library) ReadAgain() { l.change((*cache).again) }

// Refresh does what ReadAgain does, waits until all of it is published, and counts it. Its error is ctx's.
func (l *Library) Refresh(ctx context.Context) (mqttapi.RefreshData, error) {
	done := make(chan struct{})
	l.change(func(c *cache) {
		c.again()
		c.refreshes, l.backoff = append(c.refreshes, done), time.Time{}
	})
	err := wake.Sleep(ctx, done, 0)
	l.mu.Lock()
	defer l.mu.Unlock()
	return mqttapi.RefreshData{Albums: len(l.cache.albums), Items: len(l.cache.listed())}, err
}

func (l *Library) change(f func(*cache)) {
	l.mu.Lock()
	f(l.cache)
	l.mu.Unlock()
	l.wake.Set()
}

func (l *Library) changeAlbum(id string, f func(*cache, *album)) {
	l.change(func(c *cache) {
		if a := c.album(id); a != nil {
			f(c, a)
		}
	})
}

// KeepListings keeps the retained listings true and their addresses alive until ctx ends. Its error is the store's, or ctx's.
func (l *Library) KeepListings(ctx context.Context) error {
	for {
		l.awaitBurst(ctx)
		var wait time.Duration
		err := task.Apart(func() (err error) {
			wait, err = l.round(ctx)
			return err
		})
		if err == nil && wait != 0 {
			err = wake.Sleep(ctx, l.wake, max(wait, 0))
		}
		if err != nil {
			return err
		}
	}
}

// round returns how long there is nothing to do after it: 0 = not at all, negative = until something changes.
func (l *Library) round(ctx context.Context) (time.Duration, error) {
	linked, now := l.cfg.Account.Link().State().Account.ID, time.Now()
	l.mu.Lock()
	another := l.cache.follow(linked)
	due, do := l.next(now)
	death, refreshes, backoff := l.cache.nextDeath(), len(l.cache.refreshes), l.backoff
	l.mu.Unlock()
	if another {
		l.cfg.Albums.Reset()
	}
	wait := l.pause(now, later(due, backoff), death)
	if wait == 0 {
		if err := l.cfg.Turns.Take(ctx); err != nil {
			return 0, err
		}
		err := do(ctx)
		l.cfg.Turns.Give()
		switch {
		case errors.Is(err, store.ErrEngine):
			return 0, err
		case ctx.Err() != nil:
			return 0, ctx.Err()
		case err == nil:
			l.failures = 0
			l.cfg.Account.Answered(account.Listing)
		default:
			l.failures++
			d := l.cfg.Account.Postpone(err, l.failures)
			l.mu.Lock()
			l.backoff = time.Now().Add(d.Wait)
			l.mu.Unlock()
			fields := map[string]any{"op": "listings", "kind": d.Code, "attempt": l.failures}
			l.cfg.Log.WithError(err).WithFields(fields).Warn("listings are not fresh")
		}
	}
	if err := l.publish(ctx); err != nil {
		return 0, err
	}
	if due.After(now) { // nothing is left to ask of Google: items that are in no listing are forgotten
		l.mu.Lock()
		c, items := l.cache, map[string]item{}
		for _, id := range append(c.listed(), c.newest) {
			if i, ok := c.items[id]; ok {
				items[id] = i
			}
		}
		c.items = items
		for _, done := range c.refreshes[:refreshes] {
			close(done)
		}
		c.refreshes = c.refreshes[refreshes:]
		l.mu.Unlock()
	}
	return wait, ctx.Err()
}
