package library

import (
	"slices"
	"time"

	"gphotos2mqtt/bridge/albums"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos"
)

// Images says which albums are images in Home Assistant.
type Images struct {
	Newest int      // how many of the listed albums, the one that was changed last first; ignored with Titles
	Titles []string // the albums of these titles, which are to be in Listings too
}

// Pictured returns the albums that are images and have a picture, by id and title, the one that was changed last first; false before Google
// has listed them in this run.
func (l *Library) Pictured(images Images) (pictured []mqttapi.Album, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range slices.SortedStableFunc(slices.Values(l.cache.albums), l.cache.byChange) {
		chosen := titled(images.Titles, a.Album) || len(images.Titles) == 0 && len(pictured) < images.Newest
		if chosen && a.listed && (a.Items > 0 || len(a.ids) > 0) {
			pictured = append(pictured, mqttapi.Album{ID: a.ID, Title: a.Title})
		}
	}
	return pictured, !l.cache.albumsAt.IsZero()
}

// A Held album is what a listed album holds.
type Held struct {
	ID, Title string
	Known     bool          // it was read, and each of its newest items was
	Items     []photos.Item // newest first, at most Config.Items; without a base URL what is not finished, or has none that works now
}

// Titled returns the albums of some titles; false before Google has listed albums in this run.
func (l *Library) Titled(titles []string) (held []Held, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.cache.albums {
		if a.listed && titled(titles, a.Album) {
			held = append(held, l.cache.held(a, time.Now()))
		}
	}
	return held, !l.cache.albumsAt.IsZero()
}

// titled reports whether an album is among titles, or its id is.
func titled(titles []string, a photos.Album) bool {
	return slices.ContainsFunc(titles, func(t string) bool { return albums.Key(t) == albums.Key(a.Title) || t == a.ID })
}

// byChange sorts albums by their last change; of one that the bridge has not changed, that is its newest item.
func (c *cache) byChange(a, b *album) int {
	last := func(a *album) time.Time {
		if a.Changed.IsZero() && len(a.ids) > 0 {
			return c.items[a.ids[0]].Created
		}
		return a.Changed
	}
	return last(b).Compare(last(a))
}

func (c *cache) held(a *album, now time.Time) Held {
	h := Held{ID: a.ID, Title: a.Title, Known: a.Read && !a.Due}
	for _, id := range a.ids {
		i := c.items[id]
		if Unfinished(i.Item) || !now.Before(takeBack(i.at)) {
			i.BaseURL = ""
		}
		h.Items, h.Known = append(h.Items, i.Item), h.Known && i.ID != ""
	}
	return h
}
