package bridge

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gphotos2mqtt/photos"
)

// created takes an album over that the bridge has just made.
func (l *listings) created(album photos.Album) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if slices.ContainsFunc(l.albums, func(a photos.Album) bool { return a.ID == album.ID }) {
		return
	}
	now := time.Now()
	l.albums = append([]photos.Album{album}, l.albums...)
	l.made[album.ID], l.dirty = now, true
	if l.choice.All && len(l.shelves) >= MaxListings {
		l.dropOldest()
	}
	if l.chosen(album) {
		l.shelves[album.ID] = &shelf{readAt: now, changed: now, sorted: true, dirty: true, unsaved: true}
	}
	wake(l.wake)
}

// relisted takes over a complete list of albums. An album whose number of items
// is not what the bridge's own changes make of it was changed by somebody else,
// and is read anew; any other album costs no request.
func (l *listings) relisted(all []photos.Album, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	missing := func(a photos.Album) bool {
		return !slices.ContainsFunc(all, func(b photos.Album) bool { return a.ID == b.ID })
	}
	kept := slices.Clone(all)
	for _, a := range slices.Backward(l.albums) {
		if made, ok := l.made[a.ID]; ok && missing(a) && at.Sub(made) < listLag {
			kept = append([]photos.Album{a}, kept...)
			l.recheckAlbum(a.ID) // not listed yet, or deleted already
		} else {
			delete(l.made, a.ID)
		}
	}
	l.albums, l.albumsAt, l.albumsDue, l.covered, l.dirty = kept, at, false, true, true
	for id := range l.shelves {
		if i := slices.IndexFunc(kept, func(a photos.Album) bool { return a.ID == id }); i < 0 || !l.chosen(kept[i]) {
			delete(l.shelves, id)
		}
	}
	for _, a := range kept {
		s := l.shelves[a.ID]
		if s == nil && l.chosen(a) {
			l.shelves[a.ID] = &shelf{due: true, count: a.Items}
		}
		if s != nil {
			s.dirty = true // the cover's address is a new one
			l.compare(s, a, at)
		}
	}
}

// compare is called with mu held. Google's count may lag behind the bridge's own
// changes: a difference soon after one counts when it stays.
func (l *listings) compare(s *shelf, a photos.Album, at time.Time) {
	off := a.Items - s.count
	switch {
	case off == 0:
		s.due = s.due || s.more && len(s.ids) < l.max
	case at.Sub(s.changed) > listLag || off == s.off:
		s.due, s.count, off, s.unsaved = true, a.Items, 0, true
	}
	s.off = off
}

// again asks for everything to be read from Google anew; awaitFresh takes what it returns.
func (l *listings) again() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.libraryDue, l.albumsDue = true, true
	for _, a := range l.albums {
		s := l.shelves[a.ID]
		if s == nil {
			continue
		}
		if l.cheap(s, a.Items) {
			s.due = true
			continue
		}
		for _, id := range s.ids {
			i := l.items[id]
			i.asked = time.Time{}
			l.items[id] = i
		}
	}
	l.wanted++
	l.touch()
	return l.wanted
}

// readAlbum asks for one album that the bridge has changed, or misses.
func (e *Entry) readAlbum(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	a, err := e.google.Album(ctx, id)
	switch kind := photos.KindOf(err); {
	case kind == photos.AlbumNotFound:
		return e.albumGone(ctx, id)
	case kind == photos.Invalid, kind == photos.AlbumNotWriteable: // asking again changes nothing
		a = photos.Album{ID: id}
	case err != nil:
		return fmt.Errorf("read album: %w", err)
	}
	e.listings.changedAlbum(a)
	return nil
}

// changedAlbum takes over how one album is now; without a title nothing is known of it.
func (l *listings) changedAlbum(a photos.Album) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.recheck = slices.DeleteFunc(l.recheck, func(id string) bool { return id == a.ID })
	for i, known := range l.albums {
		if known.ID != a.ID || a.Title == "" {
			continue
		}
		if a.CoverURL == "" && a.CoverItemID == known.CoverItemID {
			a.CoverURL = known.CoverURL
		}
		l.albums[i], l.dirty = a, true
		if s := l.shelves[a.ID]; s != nil {
			s.count, s.dirty, s.unsaved = a.Items, true, true
		}
	}
}

// retitled takes over what a request has changed of an album. Google is asked for
// it again, because the answer need not have the new cover's address.
func (l *listings) retitled(a photos.Album) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.albums {
		if known := &l.albums[i]; known.ID == a.ID {
			known.Title, known.CoverItemID, l.dirty = a.Title, a.CoverItemID, true
			l.recheckAlbum(a.ID)
		}
	}
	if s := l.shelves[a.ID]; s != nil {
		s.dirty = true
	}
	l.touch()
}

// albumGone forgets an album that Google no longer knows.
func (e *Entry) albumGone(ctx context.Context, id string) error {
	e.listings.dropAlbum(id)
	return e.albums.forget(ctx, id)
}

func (l *listings) dropAlbum(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.shelves, id)
	delete(l.made, id)
	l.recheck = slices.DeleteFunc(l.recheck, func(other string) bool { return other == id })
	l.albums = slices.DeleteFunc(l.albums, func(a photos.Album) bool { return a.ID == id })
	l.dirty = true
	l.touch()
}

// recheckAlbum is called with mu held: Google is asked how the album is now.
func (l *listings) recheckAlbum(id string) {
	if !slices.Contains(l.recheck, id) {
		l.recheck = append(l.recheck, id)
	}
}

// chosen is called with mu held: whether an album gets a listing.
func (l *listings) chosen(a photos.Album) bool {
	if l.shelves[a.ID] != nil {
		return l.choice.All || slices.Contains(l.choice.Titles, a.Title)
	}
	if l.choice.All {
		return len(l.shelves) < MaxListings
	}
	return slices.Contains(l.choice.Titles, a.Title)
}

// dropOldest is called with mu held: the last listed album makes room.
func (l *listings) dropOldest() {
	for _, a := range slices.Backward(l.albums) {
		if l.shelves[a.ID] != nil {
			delete(l.shelves, a.ID)
			return
		}
	}
}
