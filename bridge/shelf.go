package bridge

import (
	"slices"
	"sync"
	"time"

	"gphotos2mqtt/photos"
)

// urlLife is how long a base URL works after Google gave it.
// Source: https://developers.google.com/photos/library/guides/access-media-items#base-urls
const urlLife = time.Hour

// Listings chooses the albums that get a retained listing.
type Listings struct {
	// All chooses every album, newest first, up to MaxListings.
	All bool
	// Titles chooses albums by their exact titles; ignored with All.
	Titles []string
}

// MaxListings is how many albums get a listing when all are chosen.
const MaxListings = 50

// listings is what the bridge knows of an entry's albums and items: enough to
// publish every listing, and when each address in them has to be renewed.
type listings struct {
	choice Listings
	max    int           // items in a listing at most
	renew  time.Duration // age at which an address is renewed
	wake   chan struct{}

	mu       sync.Mutex // guards all below
	albums   []photos.Album
	albumsAt time.Time // when Google last listed the albums; zero = never
	reload   bool      // everything is to be read from Google anew
	library  shelf
	shelves  map[string]*shelf // by album id
	items    map[string]seen
	newest   string // id of the newest upload
	dirty    bool   // E/albums is to be published
	wanted   int    // how often everything was asked for
	done     int    // how much of that is published
	fresh    chan struct{}
}

// A shelf is one listing: the newest ids in their order.
type shelf struct {
	ids    []string
	loaded bool
	dirty  bool
}

// A seen item is as Google gave it at a time; at is zero without a base URL.
// uploaded is when the bridge made it, zero when it did not in this run.
type seen struct {
	photos.Item
	at, uploaded time.Time
}

func newListings(cfg EntryConfig) *listings {
	return &listings{
		choice: cfg.Listings, max: cfg.ListItems, renew: cfg.Renew, wake: make(chan struct{}, 1),
		shelves: map[string]*shelf{}, items: map[string]seen{}, fresh: make(chan struct{}),
	}
}

// uploaded takes items over that a batch has just made or found.
func (l *listings) uploaded(albumID string, items []photos.Item) {
	if len(items) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for _, item := range items {
		l.items[item.ID] = seen{uploaded: now}
		l.see(item, now)
		l.put(&l.library, item.ID)
		l.newest = item.ID
		if s := l.shelves[albumID]; s != nil && l.put(s, item.ID) {
			l.count(albumID)
		}
	}
	l.touch()
}

// created takes an album over that the bridge has just made.
func (l *listings) created(album photos.Album) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if slices.ContainsFunc(l.albums, func(a photos.Album) bool { return a.ID == album.ID }) {
		return
	}
	l.albums = append([]photos.Album{album}, l.albums...)
	l.dirty = true
	if l.chosen(album) {
		l.shelves[album.ID] = &shelf{loaded: true, dirty: true}
	}
	l.touch()
}

// has reports whether an item is known already.
func (l *listings) has(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.items[id]
	return ok
}

// again asks for everything to be read from Google anew; awaitFresh takes what it returns.
func (l *listings) again() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reload = true
	l.wanted++
	l.touch()
	return l.wanted
}

// begin returns what published takes once all that is wanted now is out.
func (l *listings) begin() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.wanted
}

// due returns when something has to be done next, and whether that is now
// because something has changed.
func (l *listings) due(now time.Time) (at time.Time, changed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reload || l.albumsAt.IsZero() || l.dirty || l.library.dirty || !l.library.loaded {
		return now, true
	}
	at = l.albumsAt.Add(l.renew)
	for _, s := range l.all() {
		if s.dirty || !s.loaded {
			return now, true
		}
		for _, id := range s.ids {
			if renew := l.items[id].at.Add(l.renew); renew.Before(at) {
				at = renew
			}
		}
	}
	return at, false
}

// stale returns the ids on any shelf whose addresses are to be renewed, each once.
func (l *listings) stale(now time.Time) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var ids []string
	listed := map[string]bool{}
	for _, s := range l.all() {
		for _, id := range s.ids {
			if !listed[id] && now.Sub(l.items[id].at) >= l.renew {
				ids = append(ids, id)
			}
			listed[id] = true
		}
	}
	return ids
}

// renewed takes over what Google answered about one id; gone takes it off.
func (l *listings) renewed(item photos.Item, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.see(item, at)
	for _, s := range l.all() {
		s.dirty = s.dirty || slices.Contains(s.ids, item.ID)
	}
}

// gone takes an item off that Google no longer knows.
func (l *listings) gone(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.items, id)
	for _, s := range l.all() {
		if i := slices.Index(s.ids, id); i >= 0 {
			s.ids, s.dirty = slices.Delete(s.ids, i, i+1), true
		}
	}
}

// removed takes items off an album's listing that the bridge took out of the album.
func (l *listings) removed(albumID string, ids []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.shelves[albumID]; s != nil {
		s.ids = slices.DeleteFunc(s.ids, func(id string) bool { return slices.Contains(ids, id) })
		s.dirty = true
	}
}

// all is called with mu held.
func (l *listings) all() []*shelf {
	all := []*shelf{&l.library}
	for _, s := range l.shelves {
		all = append(all, s)
	}
	return all
}

// put is called with mu held: it places an item by its time, newest first, and
// reports whether it was not there.
func (l *listings) put(s *shelf, id string) bool {
	s.dirty = true
	if slices.Contains(s.ids, id) {
		return false
	}
	at := l.items[id].Created
	i := slices.IndexFunc(s.ids, func(other string) bool { return !l.items[other].Created.After(at) })
	if i < 0 {
		i = len(s.ids)
	}
	s.ids = slices.Insert(s.ids, i, id)
	if len(s.ids) > l.max {
		s.ids = s.ids[:l.max]
	}
	return true
}

// see is called with mu held.
func (l *listings) see(item photos.Item, at time.Time) {
	if item.BaseURL == "" {
		at = time.Time{}
	}
	l.items[item.ID] = seen{item, at, l.items[item.ID].uploaded}
}

// count is called with mu held: the album has one item more.
func (l *listings) count(albumID string) {
	for i := range l.albums {
		if l.albums[i].ID == albumID {
			l.albums[i].Items++
			l.dirty = true
		}
	}
}

// chosen is called with mu held: whether an album gets a listing.
func (l *listings) chosen(a photos.Album) bool {
	if l.choice.All {
		return len(l.shelves) < MaxListings || l.shelves[a.ID] != nil
	}
	return slices.Contains(l.choice.Titles, a.Title)
}

// touch wakes who keeps the listings.
func (l *listings) touch() { wake(l.wake) }
