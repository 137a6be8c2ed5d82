package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gphotos2mqtt/photos"
)

const (
	// pageSize is the largest page of items.
	// Source: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/search
	pageSize = photos.MaxItemsPage
	// paceBurst is how many pages of albums are read at once: fifty albums of some
	// hundred items each. paceEvery is the pause between two more, so that the largest
	// library, fifty albums of 20,000 items, costs at most 1,440 of the day's 10,000 requests.
	paceBurst = 300
	paceEvery = time.Minute
	// barrenPages is how many empty pages in a row end an album: Google gives some
	// that have a next page. Source: gilesknap/gphotos-sync, GoogleAlbumsSync.py.
	barrenPages = 20
	// cheapPages is up to how many pages an album is read for anything but a need.
	cheapPages = 5
)

// A pace bounds how many pages of albums are read.
type pace struct {
	used int       // of paceBurst
	at   time.Time // since when one is given back every paceEvery
}

// next returns when a page may be read.
func (p *pace) next(now time.Time) time.Time {
	if back := int(now.Sub(p.at) / paceEvery); p.used > 0 && back > 0 {
		p.used = max(0, p.used-back)
		p.at = p.at.Add(time.Duration(back) * paceEvery)
	}
	if p.used < paceBurst {
		return now
	}
	return p.at.Add(paceEvery)
}

// take counts a page.
func (p *pace) take(now time.Time) {
	if p.used == 0 {
		p.at = now
	}
	p.used++
}

// A reading is what has been read of an album so far. Google does not say in
// which order it gives an album's items, so the newest are known only at its end.
type reading struct {
	began  time.Time
	page   string // token of the next page
	newest []seen // newest first
	count  int    // items so far
	sorted bool   // each one was older than the one before
	last   time.Time
	barren int // pages in a row without an item
}

// readLibrary reads the library's newest items, page by page, until they meet
// what is known and the listing is full.
func (e *Entry) readLibrary(ctx context.Context) error {
	l := e.listings
	var items []photos.Item
	at, token := time.Now(), ""
	for {
		page, err := e.listPage(ctx, token)
		if err != nil {
			return fmt.Errorf("read library: %w", err)
		}
		items = append(items, page.Items...)
		if page.Next == "" || l.meets(page.Items) || len(items) >= l.max {
			l.libraryRead(items, page.Next != "", at)
			return nil
		}
		token = page.Next
	}
}

func (e *Entry) listPage(ctx context.Context, token string) (photos.ItemPage, error) {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	return e.google.ListItems(ctx, pageSize, token)
}

// meets reports whether the library's listing goes on with what is known.
func (l *listings) meets(items []photos.Item) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	full := len(l.library.ids) >= l.max || !l.library.more && !l.library.readAt.IsZero()
	return full && slices.ContainsFunc(items, func(i photos.Item) bool { return slices.Contains(l.library.ids, i.ID) })
}

// libraryRead takes over the newest items of the library. What is known to be
// as new, and is not among them, is deleted or not listed yet: asking for it tells.
func (l *listings) libraryRead(items []photos.Item, more bool, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &l.library
	var oldest time.Time
	for _, item := range items {
		l.see(item, at)
		l.put(s, item.ID)
		if oldest.IsZero() || item.Created.Before(oldest) {
			oldest = item.Created
		}
	}
	for _, id := range s.ids {
		i := l.items[id]
		missing := i.asked.Before(at) && (!more || i.Created.After(oldest))
		if missing {
			i.asked = time.Time{}
			l.items[id] = i
		}
	}
	l.libraryAt, l.libraryDue = at, false
	s.readAt, s.dirty, s.more = at, true, s.more || more
	if !more && len(s.ids) < l.max {
		s.more = false
	}
}

// readPage reads one page of an album whose newest items are to be found.
func (e *Entry) readPage(ctx context.Context, albumID string) error {
	l := e.listings
	token := l.turnPage(albumID)
	at := time.Now()
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	page, err := e.google.SearchItems(ctx, photos.Search{AlbumID: albumID, PageSize: pageSize, PageToken: token})
	switch refused, _ := errors.AsType[*photos.Error](err); {
	case err == nil:
		l.pageRead(albumID, page, at)
		return nil
	case refused != nil && refused.Kind == photos.AlbumNotFound:
		return e.albumGone(ctx, albumID)
	case refused != nil && (refused.Kind == photos.Invalid || refused.Kind == photos.AlbumNotWriteable):
		l.closeBook(albumID, token != "") // the page has grown too old, or nothing of it may be read
		return nil
	}
	return fmt.Errorf("read album: %w", err)
}

// turnPage returns the token of the album's next page, and counts the page.
func (l *listings) turnPage(albumID string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pages.take(time.Now())
	s := l.shelves[albumID]
	if s == nil {
		return ""
	}
	if s.reading == nil {
		s.reading = &reading{began: time.Now(), sorted: true}
	}
	return s.reading.page
}

// closeBook ends a reading; again says whether the album is read from its beginning.
func (l *listings) closeBook(albumID string, again bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.shelves[albumID]; s != nil {
		s.reading, s.due = nil, again
	}
}

// pageRead takes a page over. An album that comes newest first is read as far as
// its listing goes, any other one to its end.
func (l *listings) pageRead(albumID string, page photos.ItemPage, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.shelves[albumID]
	if s == nil || s.reading == nil {
		return
	}
	r := s.reading
	r.page = page.Next
	r.barren++
	for _, item := range page.Items {
		r.take(item, at, l.max)
	}
	enough := s.sorted && r.sorted && r.count >= l.max
	if page.Next == "" || enough || r.barren > barrenPages {
		l.shelve(s, albumID)
		return
	}
	if s.readAt.IsZero() && l.pages.next(at).After(at) {
		l.show(s) // the rest takes a while
	}
}

// take notes one item.
func (r *reading) take(item photos.Item, at time.Time, most int) {
	if r.has(item.ID) {
		return // Google repeats items where two pages meet
	}
	r.sorted = r.sorted && (r.count == 0 || !item.Created.After(r.last))
	r.last, r.barren = item.Created, 0
	r.count++
	i, _ := slices.BinarySearchFunc(r.newest, item.Created, func(other seen, created time.Time) int { return created.Compare(other.Created) })
	r.newest = slices.Insert(r.newest, i, seen{Item: item, at: at})
	r.newest = r.newest[:min(len(r.newest), most)]
}

// shelve is called with mu held: the album has been read.
func (l *listings) shelve(s *shelf, albumID string) {
	r, now := s.reading, time.Now()
	l.show(s)
	s.more = r.count > len(s.ids) || r.page != ""
	s.reading, s.due, s.readAt, s.sorted, s.off = nil, false, now, r.sorted, 0
	for _, a := range l.albums {
		if a.ID == albumID && now.Sub(s.changed) > listLag {
			s.count = a.Items
		}
	}
	for _, id := range s.ids {
		if !r.has(id) { // not listed yet, or deleted already: asking for it tells
			item := l.items[id]
			item.asked = time.Time{}
			l.items[id] = item
		}
	}
}

// show is called with mu held: the listing is what has been read, and what the
// bridge has uploaded meanwhile or so shortly before that Google may not list it.
func (l *listings) show(s *shelf) {
	known, r := s.ids, s.reading
	s.ids, s.dirty, s.unsaved = nil, true, true
	for _, i := range r.newest {
		if known := l.items[i.ID]; known.asked.Before(i.at) {
			l.see(i.Item, i.at)
		}
		s.ids = append(s.ids, i.ID)
	}
	for _, id := range known {
		if item, ok := l.items[id]; ok && item.uploaded.After(r.began.Add(-listLag)) {
			l.put(s, id)
		}
	}
}

func (r *reading) has(id string) bool {
	return slices.ContainsFunc(r.newest, func(i seen) bool { return i.ID == id })
}

// cheap is called with mu held: whether reading the album anew costs little.
func (l *listings) cheap(s *shelf, items int64) bool {
	if s.sorted {
		items = min(items, int64(l.max))
	}
	return items <= cheapPages*pageSize
}
