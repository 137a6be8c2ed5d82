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
	l.libraryRead(nil, false, time.Now())
	l.relisted(nil, time.Now())
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
	for _, id := range l.stale(time.Now()) {
		l.renewed(l.items[id].Item, time.Now())
	}
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
	l := newListings(EntryConfig{ListItems: 100, Renew: 50 * time.Minute})
	now := time.Now()
	l.libraryRead([]photos.Item{item("a", 1), item("b", 2)}, false, now)
	l.relisted(nil, now)
	l.documents(now)
	if at, _ := l.next(now, nil); !at.Equal(now.Add(48 * time.Minute)) {
		t.Errorf("due in %v", at.Sub(now))
	}
	without := item("c", 3)
	without.BaseURL = ""
	l.uploaded("", []photos.Item{without})
	if diff := cmp.Diff([]string{"c", "b", "a"}, l.stale(now)); diff != "" {
		t.Error(diff)
	}
	l.renewed(item("c", 3), now)
	if stale := l.stale(now.Add(47 * time.Minute)); len(stale) > 0 {
		t.Errorf("%v are renewed too early", stale)
	}
	if stale := l.stale(now.Add(48 * time.Minute)); len(stale) != 3 {
		t.Errorf("%v are renewed", stale)
	}
}

// A request for one item takes the next ones along, so that items that came one
// by one do not cost one request each for ever.
func TestShelfFillsRequests(t *testing.T) {
	l := newListings(EntryConfig{ListItems: 200, Renew: 50 * time.Minute})
	now := time.Now()
	for i := range 120 {
		one := item(fmt.Sprintf("i%03d", i), 1)
		l.uploaded("", []photos.Item{one})
		l.renewed(one, now.Add(time.Duration(i)*time.Second))
	}
	ids := l.stale(now.Add(48 * time.Minute))
	if len(ids) != batchGet || ids[0] != "i000" || ids[49] != "i049" {
		t.Errorf("%d ids, from %v", len(ids), ids)
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

// Google's lists may lag behind: what was just uploaded stays until Google says
// that it does not exist.
func TestShelfKeepsWhatTheListDoesNotShowYet(t *testing.T) {
	l := newListings(EntryConfig{ListItems: 10, Renew: time.Minute})
	l.uploaded("", []photos.Item{item("fresh", 9)})
	l.libraryRead([]photos.Item{item("known", 1)}, false, time.Now())
	if diff := cmp.Diff([]string{"fresh", "known"}, l.library.ids); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"fresh", "known"}, l.stale(time.Now())); diff != "" {
		t.Error(diff)
	}
}

// Google works on a video for seconds to hours.
func TestShelfAsksAgainForWhatIsNotFinished(t *testing.T) {
	l := newListings(EntryConfig{ListItems: 10, Renew: 50 * time.Minute})
	film := item("film", 1)
	film.Video = &photos.Video{Status: photos.VideoProcessing}
	l.uploaded("", []photos.Item{film})
	now := time.Now()
	var pauses []string
	for range 9 {
		l.renewed(film, now)
		turn := l.turn("film")
		pauses = append(pauses, turn.Sub(now).String())
		now = turn
	}
	want := []string{"30s", "1m0s", "2m0s", "4m0s", "8m0s", "16m0s", "30m0s", "30m0s", "30m0s"}
	if diff := cmp.Diff(want, pauses); diff != "" {
		t.Error(diff)
	}
	film.Video = &photos.Video{Status: photos.VideoReady}
	l.renewed(film, now)
	if turn := l.turn("film"); turn.Sub(now) != 48*time.Minute {
		t.Errorf("a finished video is asked for after %v", turn.Sub(now))
	}
}

func TestAddressesAreTakenBackInTime(t *testing.T) {
	l := newListings(EntryConfig{Listings: Listings{All: true}, ListItems: 10, Renew: 50 * time.Minute})
	now := time.Now()
	l.libraryRead([]photos.Item{item("a", 1)}, false, now)
	l.relisted([]photos.Album{{ID: "A", Title: "Garden", CoverURL: "https://lh3/cover"}}, now)
	l.documents(now)
	if next := l.expire(now.Add(30 * time.Minute)); !next.Equal(now.Add(59 * time.Minute)) {
		t.Errorf("taken back after %v", next.Sub(now))
	}
	if next := l.expire(now.Add(59 * time.Minute)); !next.IsZero() {
		t.Errorf("next %v", next)
	}
	docs := l.documents(now.Add(59 * time.Minute))
	if docs.media == nil || docs.media.Items[0].URL != "" || !docs.media.Expires.IsZero() {
		t.Errorf("media: %+v", docs.media)
	}
	if docs.albums == nil || docs.albums.Albums[0].CoverURL != "" {
		t.Errorf("albums: %+v", docs.albums)
	}
}
