package bridge

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gphotos2mqtt/photos"
)

func item(id string, day int) photos.Item {
	return photos.Item{ID: id, Created: time.Date(2026, 11, day, 0, 0, 0, 0, time.UTC), BaseURL: photos.BaseURL("https://lh3/" + id)}
}

func TestShelfKeepsTheNewest(t *testing.T) {
	l := newListings(EntryConfig{Listings: Listings{All: true}, ListItems: 3, Renew: 45 * time.Minute})
	l.created(photos.Album{ID: "A", Title: "Front door"})
	l.uploaded("A", []photos.Item{item("old", 1), item("new", 9), item("mid", 5)})
	l.uploaded("", []photos.Item{item("newest", 20), item("oldest", 1)})
	if diff := cmp.Diff([]string{"newest", "new", "mid"}, l.library.ids); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"new", "mid", "old"}, l.shelves["A"].ids); diff != "" {
		t.Error(diff)
	}
	l.uploaded("A", []photos.Item{item("new", 9)}) // the same bytes once more
	docs := l.documents(time.Now())
	if got := docs.shelves["A"].Count; got != 3 {
		t.Errorf("the album counts %d items", got)
	}
	if again := l.documents(time.Now()); again.albums != nil || again.media != nil || len(again.shelves) > 0 {
		t.Errorf("published again without a change: %+v", again)
	}
	l.gone("new")
	if docs := l.documents(time.Now()); len(docs.media.Items) != 2 || len(docs.shelves["A"].Items) != 2 {
		t.Errorf("an item that is gone is still listed: %+v", docs)
	}
}

func TestShelfRenewsAddresses(t *testing.T) {
	l := newListings(EntryConfig{ListItems: 100, Renew: 45 * time.Minute})
	now := time.Now()
	l.relisted(nil, now)
	l.loaded("", []photos.Item{item("a", 1), item("b", 2)}, now)
	l.documents(now)
	if at, changed := l.due(now); changed || !at.Equal(now.Add(45*time.Minute)) {
		t.Errorf("due %v, changed %v", at.Sub(now), changed)
	}
	without := item("c", 3)
	without.BaseURL = ""
	l.uploaded("", []photos.Item{without})
	if diff := cmp.Diff([]string{"c"}, l.stale(now)); diff != "" {
		t.Error(diff)
	}
	l.renewed(item("c", 3), now)
	if stale := l.stale(now.Add(44 * time.Minute)); len(stale) > 0 {
		t.Errorf("%v are renewed too early", stale)
	}
	if stale := l.stale(now.Add(45 * time.Minute)); len(stale) != 3 {
		t.Errorf("%v are renewed", stale)
	}
}

func TestShelfOfChosenAlbums(t *testing.T) {
	var albums []photos.Album
	for i := range 60 {
		albums = append(albums, photos.Album{ID: fmt.Sprint("id", i), Title: fmt.Sprint("Album ", i)})
	}
	for name, tc := range map[string]struct {
		choice Listings
		want   int
	}{
		"all, up to 50": {Listings{All: true}, MaxListings},
		"none":          {Listings{}, 0},
		"titles":        {Listings{Titles: []string{"Album 7", "Album 59", "Album 99"}}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			l := newListings(EntryConfig{Listings: tc.choice, ListItems: 10, Renew: time.Minute})
			l.relisted(albums, time.Now())
			if len(l.shelves) != tc.want {
				t.Errorf("%d listings", len(l.shelves))
			}
			l.relisted(albums[1:2], time.Now())
			if len(l.shelves) > 1 {
				t.Errorf("%d listings after the albums are gone", len(l.shelves))
			}
		})
	}
}

// Google's lists may lag behind: what was just uploaded stays.
func TestShelfKeepsWhatTheListDoesNotShowYet(t *testing.T) {
	l := newListings(EntryConfig{ListItems: 10, Renew: time.Minute})
	l.uploaded("", []photos.Item{item("fresh", 9)})
	l.loaded("", []photos.Item{item("known", 1)}, time.Now())
	if diff := cmp.Diff([]string{"fresh", "known"}, l.library.ids); diff != "" {
		t.Error(diff)
	}
}
