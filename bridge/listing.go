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
)

// keepListings keeps the retained listings true and their addresses alive until
// ctx ends. Each round does one thing that is due, and publishes what it changed.
func (e *Entry) keepListings(ctx context.Context) error {
	l := e.listings
	var r rest
	for {
		if l.unsettled() && e.queue.awaitIdle(ctx, listingPause) != nil {
			return nil //nolint:nilerr // a stop is no failure
		}
		if account := e.link.State().Account.ID; account != "" && l.moved(account) {
			e.albums.reset()
		}
		gen, now := l.begin(), time.Now()
		expires := l.expire(now)
		at, task := l.next(now, e)
		wait := e.pause(now, at, r.until, expires)
		if wait == 0 {
			err := task(ctx)
			if errors.Is(err, store.ErrEngine) || ctx.Err() != nil {
				return stopped(ctx, err)
			}
			r.after(e, err)
		}
		if err := e.publishListings(ctx); err != nil {
			return stopped(ctx, err)
		}
		if at.After(now) {
			l.settle(gen)
		}
		if wait != 0 && sleep(ctx, l.wake, max(wait, 0)) != nil {
			return nil //nolint:nilerr // a stop is no failure
		}
	}
}

// A rest is the pause after requests that failed.
type rest struct {
	tries int
	until time.Time
}

// after sets the pause by what became of a request.
func (r *rest) after(e *Entry, err error) {
	if err == nil {
		r.tries = 0
		return
	}
	r.tries++
	now := time.Now()
	d := decide(err, attempt{Tries: r.tries, MaxAge: time.Hour}, now, rand.Float64())
	e.log.WithError(err).WithFields(map[string]any{"op": "listings", "kind": d.code, "attempt": r.tries}).Warn("listings are not fresh")
	e.hold(d)
	r.until = now.Add(max(d.at.Sub(now), backoff(r.tries, 0)))
}

// pause returns how long there is nothing to do, 0 when Google is to be asked
// now; negative = until something changes.
func (e *Entry) pause(now, due, rested, expires time.Time) time.Duration {
	from, may := e.mayAsk(now)
	if due = later(due, from, rested); may && !due.After(now) {
		return 0
	}
	if !may || !expires.IsZero() && expires.Before(due) {
		due = expires // without a link, only linking and the end of addresses change anything
	}
	if due.IsZero() {
		return -1
	}
	return max(due.Sub(now), 1)
}

// mayAsk tells from when on listings may ask Google, if that is known.
func (e *Entry) mayAsk(now time.Time) (from time.Time, ok bool) {
	h, held := e.queue.held(now)
	switch {
	case !e.link.State().Has(auth.ScopeRead), held && h.Until.IsZero():
		return time.Time{}, false
	case held && h.Reason != mqttapi.HoldStorageFull:
		return h.Until, true
	case !e.cfg.Project.Spare(): // what is left of the day's requests is for uploads
		return nextQuotaDay(now), true
	}
	return now, true
}

// next returns when Google is to be asked next, and for what. What is published
// first comes first: the library and the albums, then items without an address,
// then albums that were never read.
func (l *listings) next(now time.Time, e *Entry) (time.Time, func(context.Context) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.libraryDue {
		return now, e.readLibrary
	}
	if l.albumsDue {
		return now, e.refreshAlbums
	}
	at, what := l.libraryAt.Add(l.renew), e.readLibrary
	if due := l.albumsAt.Add(l.renew); due.Before(at) {
		at, what = due, e.refreshAlbums
	}
	if turn, ok := l.firstTurn(); ok && turn.Before(at) {
		at, what = turn, e.renewItems
	}
	if !at.After(now) {
		return at, what
	}
	if len(l.recheck) > 0 {
		id := l.recheck[0]
		return now, func(ctx context.Context) error { return e.readAlbum(ctx, id) }
	}
	for id, s := range l.each() {
		if s.due {
			if page := l.pages.next(now); page.Before(at) {
				return page, func(ctx context.Context) error { return e.readPage(ctx, id) }
			}
			break
		}
	}
	return at, what
}

// firstTurn is called with mu held: when the next item is to be asked for.
func (l *listings) firstTurn() (first time.Time, ok bool) {
	for id := range l.asking {
		if turn := l.turn(id); !ok || turn.Before(first) {
			first, ok = turn, true
		}
	}
	return first, ok
}

// unsettled reports whether something has changed that a burst of uploads may
// change again.
func (l *listings) unsettled() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dirty {
		return true
	}
	for _, s := range l.each() {
		for _, id := range s.ids {
			if i := l.items[id]; i.asked.IsZero() && !i.uploaded.IsZero() {
				return true
			}
		}
	}
	return false
}

// refreshAlbums lists the albums.
func (e *Entry) refreshAlbums(ctx context.Context) error {
	at := time.Now()
	all, err := readAlbums(ctx, e.google)
	if err != nil {
		return fmt.Errorf("refresh albums: %w", err)
	}
	if all, err = e.albums.listedAll(ctx, all); err != nil {
		return err
	}
	e.listings.relisted(all, at)
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

// later returns the latest time.
func later(times ...time.Time) time.Time {
	return slices.MaxFunc(times, time.Time.Compare)
}
