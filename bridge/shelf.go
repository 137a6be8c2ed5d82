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
// publish every listing, and to know what has to be asked of Google next. Of the
// library, and of each listed album, only the newest items are known.
type listings struct {
	choice  Listings
	max     int           // items in a listing at most
	renew   time.Duration // age at which an address is renewed
	wake    chan struct{} // cap 1: something may have to be done
	picture chan struct{} // cap 1: E/image may no longer be the newest upload

	mu         sync.Mutex // guards all below
	account    string     // whose library this is; "" = unknown
	albums     []photos.Album
	albumsAt   time.Time            // when Google last listed the albums; zero = not in this run
	albumsDue  bool                 // it has to do so now
	covered    bool                 // the covers' addresses work
	made       map[string]time.Time // when the bridge made albums that Google has not listed yet
	recheck    []string             // ids of albums to ask for one by one
	library    shelf
	libraryAt  time.Time         // when its first page was read; zero = not in this run
	libraryDue bool              // that has to be done now
	shelves    map[string]*shelf // by album id
	items      map[string]seen
	pages      pace
	newest     string // id of the newest upload
	unseen     bool   // E/image does not show it yet
	dirty      bool   // E/albums is to be published
	wanted     int    // how often everything was asked for
	done       int    // how much of that is published
	fresh      chan struct{}
}

// A shelf is one listing: the newest ids in their order.
type shelf struct {
	ids      []string
	incoming []string  // ids put into the album whose place in the order is not known yet
	more     bool      // there are older items that have no room
	readAt   time.Time // when the newest items were last read; zero = never
	due      bool      // they are to be read, page by page
	reading  *reading  // what has been read of that so far
	sorted   bool      // Google gives this album newest first
	count    int64     // items in the album by Google's last list and the bridge's own changes
	changed  time.Time // when the bridge last changed the album
	off      int64     // by how much Google's last list differed from count
	dirty    bool      // the document is not what is published
	blank    bool      // it goes out although Google has not answered for all items
	unsaved  bool      // the ledger does not have it
}

// A seen item is as Google gave it.
type seen struct {
	photos.Item
	at       time.Time // when Google said so: the age of its address
	asked    time.Time // when Google was last asked; zero = it has to be now
	polls    int       // how often in a row it had not finished
	uploaded time.Time // when the bridge made it; zero when it did not
}

func newListings(cfg EntryConfig) *listings {
	l := &listings{
		choice: cfg.Listings, max: cfg.ListItems, renew: cfg.Renew - cfg.Renew/renewLead,
		wake: make(chan struct{}, 1), picture: make(chan struct{}, 1), fresh: make(chan struct{}),
	}
	l.reset("")
	return l
}

// reset forgets everything: it was another account's.
func (l *listings) reset(account string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.account, l.newest, l.unseen, l.pages = account, "", false, pace{}
	l.albums, l.albumsAt, l.albumsDue, l.covered, l.made, l.recheck = nil, time.Time{}, true, false, map[string]time.Time{}, nil
	l.library, l.libraryAt, l.libraryDue, l.shelves, l.items = shelf{}, time.Time{}, true, map[string]*shelf{}, map[string]seen{}
}

// moved reports whether the listings were another account's, and begins anew then.
func (l *listings) moved(account string) bool {
	l.mu.Lock()
	before := l.account
	if before == "" {
		l.account = account
	}
	l.mu.Unlock()
	if before == "" || before == account {
		return false
	}
	l.reset(account)
	return true
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
		l.items[item.ID] = seen{Item: item, uploaded: now}
		l.put(&l.library, item.ID)
		l.newest, l.unseen = item.ID, true
		if s := l.shelves[albumID]; s != nil && l.put(s, item.ID) {
			l.grow(albumID, 1)
		}
	}
	wake(l.wake)
}

// added notes items that the bridge has put into an album.
func (l *listings) added(albumID string, ids []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.grow(albumID, len(ids))
	l.recheckAlbum(albumID)
	s := l.shelves[albumID]
	switch {
	case s == nil:
	case len(s.incoming)+len(ids) > l.max:
		s.incoming, s.due = nil, true // reading the album costs less
	default:
		s.incoming = append(s.incoming, ids...)
		for _, id := range ids {
			if item, ok := l.items[id]; ok && item.ID != "" {
				l.arrive(item.Item)
			}
		}
	}
	wake(l.wake)
}

// removed takes items off an album's listing that the bridge took out of the album.
func (l *listings) removed(albumID string, ids []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.grow(albumID, -len(ids))
	l.recheckAlbum(albumID)
	if s := l.shelves[albumID]; s != nil {
		s.ids = slices.DeleteFunc(s.ids, func(id string) bool { return slices.Contains(ids, id) })
		s.incoming = slices.DeleteFunc(s.incoming, func(id string) bool { return slices.Contains(ids, id) })
		s.dirty, s.unsaved, s.due, s.reading = true, true, s.due || s.more, nil
	}
	wake(l.wake)
}

// has reports whether an item is known already.
func (l *listings) has(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.items[id]
	return ok
}

// gone takes an item off that Google no longer knows.
func (l *listings) gone(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.items, id)
	if l.newest == id {
		l.newest, l.unseen = "", false
	}
	for albumID, s := range l.each() {
		s.incoming = slices.DeleteFunc(s.incoming, func(other string) bool { return other == id })
		if i := slices.Index(s.ids, id); i >= 0 {
			s.ids, s.dirty, s.unsaved = slices.Delete(s.ids, i, i+1), true, true
			l.grow(albumID, -1)
		}
	}
}

// each is called with mu held: the library, under "", and the album's shelves in
// the order of the albums.
func (l *listings) each() func(yield func(string, *shelf) bool) {
	return func(yield func(string, *shelf) bool) {
		if !yield("", &l.library) {
			return
		}
		for _, a := range l.albums {
			if s := l.shelves[a.ID]; s != nil && !yield(a.ID, s) {
				return
			}
		}
	}
}

// asking is called with mu held: the ids that Google is asked for, in the order of
// the listings, each at least once.
func (l *listings) asking(yield func(string) bool) {
	if l.unseen && !yield(l.newest) {
		return
	}
	for _, s := range l.each() {
		for _, ids := range [][]string{s.incoming, s.ids} {
			for _, id := range ids {
				if !yield(id) {
					return
				}
			}
		}
	}
}

// put is called with mu held: it places an item by its time, newest first, and
// reports whether it was not there.
func (l *listings) put(s *shelf, id string) bool {
	s.dirty = true
	if slices.Contains(s.ids, id) {
		return false
	}
	s.unsaved = true
	at := l.items[id].Created
	i := slices.IndexFunc(s.ids, func(other string) bool { return !l.items[other].Created.After(at) })
	if i < 0 {
		i = len(s.ids)
	}
	s.ids = slices.Insert(s.ids, i, id)
	if len(s.ids) > l.max {
		s.ids, s.more = s.ids[:l.max], true
	}
	return true
}

// arrive is called with mu held: an item whose time is known takes its place
// where it is expected.
func (l *listings) arrive(item photos.Item) {
	for _, s := range l.each() {
		if i := slices.Index(s.incoming, item.ID); i >= 0 {
			s.incoming = slices.Delete(s.incoming, i, i+1)
			l.put(s, item.ID)
		}
	}
}

// grow is called with mu held: the bridge has changed how many items an album has.
func (l *listings) grow(albumID string, by int) {
	if s := l.shelves[albumID]; s != nil {
		s.count, s.changed, s.dirty, s.unsaved = s.count+int64(by), time.Now(), true, true
	}
	for i := range l.albums {
		if a := &l.albums[i]; a.ID == albumID {
			a.Items = max(0, a.Items+int64(by))
			l.dirty = true
			if a.CoverItemID == "" {
				l.recheckAlbum(albumID)
			}
		}
	}
}

// touch wakes who keeps the listings.
func (l *listings) touch() { wake(l.wake) }
