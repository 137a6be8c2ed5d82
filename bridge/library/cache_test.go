package library

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos"
	"gphotos2mqtt/photos/spec"
)

func itemOf(id string, day int) photos.Item {
	return photos.Item{ID: id, Created: time.Date(2026, 11, day, 0, 0, 0, 0, time.UTC), BaseURL: secret.Text("https://lh3/" + id)}
}

func TestListingKeepsTheNewest(t *testing.T) {
	l := newLibrary(Config{Choice: Listings{All: true}, Items: 3, Renew: 45 * time.Minute})
	c := l.cache
	libraryIs(c, nil, time.Now())
	c.albumsAre(nil, time.Now())
	l.AlbumCreated(photos.Album{ID: "A", Title: "Front door"}, false)
	l.Uploaded("A", []photos.Item{itemOf("old", 1), itemOf("new", 9), itemOf("mid", 5)})
	l.Uploaded("", []photos.Item{itemOf("newest", 20), itemOf("oldest", 1)})
	if diff := cmp.Diff([]string{"newest", "new", "mid"}, c.library.ids); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"new", "mid", "old"}, c.album("A").ids); diff != "" {
		t.Error(diff)
	}
	l.Uploaded("A", []photos.Item{itemOf("new", 9)}) // the same bytes once more
	for _, id := range batch(c, time.Now()) {
		c.renewed(c.items[id].Item, time.Now())
	}
	docs := documents(c, time.Now())
	if got := docs[topics.Album("A")].(mqttapi.Listing).Count; got != 3 {
		t.Errorf("the album counts %d items", got)
	}
	if again := documents(c, time.Now()); len(again) > 0 {
		t.Errorf("published again without a change: %+v", again)
	}
	c.gone("new")
	docs = documents(c, time.Now())
	if len(docs[topics.Media()].(mqttapi.Listing).Items) != 2 || len(docs[topics.Album("A")].(mqttapi.Listing).Items) != 2 {
		t.Errorf("an item that is gone is still listed: %+v", docs)
	}
}

// Of items of the same second Google gives the newest first.
func TestListingKeepsTheOrderOfASecond(t *testing.T) {
	c := newLibrary(Config{Items: 10, Renew: time.Minute}).cache
	for range 2 {
		libraryIs(c, []photos.Item{itemOf("c", 1), itemOf("b", 1), itemOf("a", 1)}, time.Now())
		if diff := cmp.Diff([]string{"c", "b", "a"}, c.library.ids); diff != "" {
			t.Error(diff)
		}
	}
}

func TestListingRenewsAddresses(t *testing.T) {
	l := newLibrary(Config{Items: 100, Renew: 50 * time.Minute})
	c := l.cache
	now := time.Now()
	libraryIs(c, []photos.Item{itemOf("a", 1), itemOf("b", 2)}, now)
	c.albumsAre(nil, now)
	documents(c, now)
	if at, _ := l.next(now); !at.Equal(now.Add(48 * time.Minute)) {
		t.Errorf("due in %v", at.Sub(now))
	}
	without := itemOf("c", 3)
	without.BaseURL = ""
	l.Uploaded("", []photos.Item{without})
	if diff := cmp.Diff([]string{"c"}, batch(c, now)); diff != "" {
		t.Error(diff)
	}
	c.renewed(itemOf("c", 3), now)
	if stale := batch(c, now.Add(47*time.Minute)); len(stale) > 0 {
		t.Errorf("%v are renewed too early", stale)
	}
	if stale := batch(c, now.Add(48*time.Minute)); len(stale) != 3 {
		t.Errorf("%v are renewed", stale)
	}
}

// A request for an address takes the next ones along, so that items that came one by one do not cost one request each for ever.
func TestListingFillsRequests(t *testing.T) {
	l := newLibrary(Config{Items: 200, Renew: 50 * time.Minute})
	c := l.cache
	now := time.Now()
	for i := range 120 {
		one := itemOf(fmt.Sprintf("i%03d", i), 1)
		l.Uploaded("", []photos.Item{one})
		c.renewed(one, now.Add(time.Duration(i)*time.Second))
	}
	ids := batch(c, now.Add(48*time.Minute))
	if len(ids) != spec.MaxBatch || ids[0] != "i000" || ids[49] != "i049" {
		t.Errorf("%d ids, from %v", len(ids), ids)
	}
}

func TestListingsOfChosenAlbums(t *testing.T) {
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
		"as Google has": {Listings{Titles: []string{" Album 7", "id8", "Id9"}}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLibrary(Config{Choice: tc.choice, Items: 10, Renew: time.Minute})
			c := l.cache
			c.albumsAre(albums, time.Now())
			if n := listings(c); n != tc.want {
				t.Errorf("%d listings", n)
			}
			c.albumsAre(albums[1:2], time.Now())
			if n := listings(c); n > 1 {
				t.Errorf("%d listings after the albums are gone", n)
			}
		})
	}
}

// Google's lists may lag behind: what was just uploaded stays until Google says that it does not exist.
func TestListingKeepsWhatTheListDoesNotShowYet(t *testing.T) {
	l := newLibrary(Config{Items: 10, Renew: time.Minute})
	c := l.cache
	l.Uploaded("", []photos.Item{itemOf("fresh", 9)})
	libraryIs(c, []photos.Item{itemOf("known", 1)}, time.Now())
	if diff := cmp.Diff([]string{"fresh", "known"}, c.library.ids); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"fresh"}, batch(c, time.Now())); diff != "" {
		t.Error(diff)
	}
}

// A run that ended right after an upload has not noted it: the next one reads the album at once.
func TestUploadBeforeAKillIsFound(t *testing.T) {
	c := newLibrary(Config{Choice: Listings{All: true}, Items: 10, Renew: 50 * time.Minute}).cache
	now := time.Now()
	c.restore("A", record{Count: 1, kept: kept{Read: true, Changed: now.Add(-time.Minute)}, Items: []itemRecord{{ID: "one", Created: now}}})
	c.albumsAre([]photos.Album{{ID: "A", Title: "Garden", Items: 2}}, now)
	if a := c.album("A"); !a.Due || a.Items != 2 {
		t.Errorf("due: %t, %d items", a.Due, a.Items)
	}
}

// Google works on a video for seconds to hours.
func TestListingAsksAgainForWhatIsNotFinished(t *testing.T) {
	l := newLibrary(Config{Items: 10, Renew: 50 * time.Minute})
	c := l.cache
	film := itemOf("film", 1)
	film.Video = &photos.Video{Status: photos.VideoProcessing}
	l.Uploaded("", []photos.Item{film})
	now := time.Now()
	var pauses []string
	for range 9 {
		c.renewed(film, now)
		turn := c.turn("film")
		pauses = append(pauses, turn.Sub(now).String())
		now = turn
	}
	want := []string{"30s", "1m0s", "2m0s", "4m0s", "8m0s", "16m0s", "30m0s", "30m0s", "30m0s"}
	if diff := cmp.Diff(want, pauses); diff != "" {
		t.Error(diff)
	}
	film.Video = &photos.Video{Status: photos.VideoReady}
	c.renewed(film, now)
	if turn := c.turn("film"); turn.Sub(now) != 48*time.Minute {
		t.Errorf("a finished video is asked for after %v", turn.Sub(now))
	}
}

func TestAddressesAreTakenBackInTime(t *testing.T) {
	l := newLibrary(Config{Choice: Listings{All: true}, Items: 10, Renew: 50 * time.Minute})
	c := l.cache
	now := time.Now()
	libraryIs(c, []photos.Item{itemOf("a", 1)}, now)
	c.albumsAre([]photos.Album{{ID: "A", Title: "Garden", CoverURL: "https://lh3/cover"}}, now)
	documents(c, now)
	if next := c.nextDeath(); !next.Equal(now.Add(59 * time.Minute)) {
		t.Errorf("taken back after %v", next.Sub(now))
	}
	if docs := documents(c, now.Add(58*time.Minute)); len(docs) > 0 {
		t.Errorf("taken back too early: %+v", docs)
	}
	docs := documents(c, now.Add(59*time.Minute))
	if media, ok := docs[topics.Media()].(mqttapi.Listing); !ok || media.Items[0].BaseURL != "" || !media.Expires.IsZero() {
		t.Errorf("media: %+v", media)
	}
	if list, ok := docs[topics.Albums()].(mqttapi.AlbumList); !ok || list.Albums[0].CoverURL != "" {
		t.Errorf("albums: %+v", list)
	}
	if next := c.nextDeath(); !next.IsZero() {
		t.Errorf("next %v", next)
	}
}

// Items whose place is unknown wait for Google, and then take it, whatever has room.
func TestListingPlacesWhatWasAdded(t *testing.T) {
	l := newLibrary(Config{Choice: Listings{All: true}, Items: 2, Renew: 50 * time.Minute})
	c := l.cache
	now := time.Now()
	c.albumsAre(nil, now)
	l.AlbumCreated(photos.Album{ID: "A", Title: "Garden"}, false)
	l.Uploaded("A", []photos.Item{itemOf("first", 1), itemOf("third", 3)})
	c.renewed(itemOf("first", 1), now)
	c.renewed(itemOf("third", 3), now)
	l.Added("A", []string{"second"})
	if docs := documents(c, now); docs[topics.Album("A")] != nil {
		t.Error("published without what Google has to say")
	}
	c.renewed(itemOf("second", 2), now)
	if diff := cmp.Diff([]string{"third", "second"}, c.album("A").ids); diff != "" {
		t.Error(diff)
	}
	l.Added("A", []string{"x", "y", "z"})
	if s := c.album("A"); !s.Due || len(s.ids) != 2 {
		t.Errorf("more items than have room are asked for one by one: %v", s.ids)
	}
}

func TestAnotherAccountBeginsAnew(t *testing.T) {
	c := newLibrary(Config{Items: 10, Renew: time.Minute}).cache
	if c.follow("one") {
		t.Error("the first account is another one")
	}
	libraryIs(c, []photos.Item{itemOf("a", 1)}, time.Now())
	if c.follow("one") || c.follow("") || len(c.items) != 1 {
		t.Error("the same account begins anew")
	}
	if !c.follow("two") || len(c.items)+len(c.library.ids) > 0 {
		t.Error("another account goes on where the first one was")
	}
}

var topics = mqttapi.Topics{Root: "gphotos", Entry: "home"}

// libraryIs has the library read in one page.
func libraryIs(c *cache, items []photos.Item, at time.Time) {
	c.library.scan = &scan{began: at, newestFirst: true}
	c.takePage(&c.library, photos.ItemPage{Items: items}, at)
}

// documents are those that are to be published, by topic.
func documents(c *cache, now time.Time) map[string]any {
	docs := map[string]any{}
	all, _ := c.publications(topics, now, false)
	for _, p := range all {
		docs[p.topic] = p.doc
	}
	return docs
}

// batch are the ids that are asked for now.
func batch(c *cache, now time.Time) []string {
	ids, _ := c.batch(now)
	return ids
}

// listings is how many albums have one.
func listings(c *cache) int {
	return len(c.listings()) - 1 // the library's
}
