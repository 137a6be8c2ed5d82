package bridge

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/bridge/library"
	"gphotos2mqtt/photos/photosim"
	"gphotos2mqtt/photos/spec"
)

// TestListingsOfADay runs a day at rest with 500 listed items, of the library and
// of four albums among 500: no reader ever holds a dead address, and the day costs
// what docs/performance.md says.
func TestListingsOfADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.seed(photosim.Seed{Items: 20_000, Albums: 500, AlbumItems: 120, Width: 64, Height: 48})
		r.config = func(c *EntryConfig) {
			c.Renew = 50 * time.Minute
			c.Listings = library.Listings{Titles: []string{"Album 1", "Album 2", "Album 3", "Album 400"}}
		}
		r.start()
		synctest.Wait()
		r.broker.await(t, "the listings", func() bool { return r.broker.listed() == 6 })
		before := r.requests()
		reader := r.broker.reader()
		versions := map[string]map[time.Time]bool{}
		for minute := range 24 * 60 {
			time.Sleep(time.Minute)
			synctest.Wait()
			now := time.Now()
			for topic, doc := range reader.listings() {
				if doc.Expires.IsZero() != (topic == "gphotos/home/albums") || !doc.Expires.IsZero() && !now.Before(doc.Expires) {
					t.Fatalf("minute %d: %s expires %v", minute, topic, doc.Expires)
				}
				if versions[topic] == nil {
					versions[topic] = map[time.Time]bool{}
				}
				versions[topic][doc.Updated] = true
				if age := now.Sub(doc.Updated); age > 50*time.Minute {
					t.Fatalf("minute %d: %s is %v old", minute, topic, age)
				}
				if minute%47 == 0 {
					r.visit(doc.address())
				}
			}
		}
		day := r.requests() - before
		if day < 500 || day > 600 {
			t.Errorf("%d requests a day: %v", day, r.routes())
		}
		for topic, of := range versions {
			if len(of) > 31 { // once in 48 minutes, and at the start
				t.Errorf("%s was published %d times", topic, len(of))
			}
		}
		r.stop()
	})
}

// TestRestartOfALargeLibrary: what the store knows is not read again.
func TestRestartOfALargeLibrary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.seed(photosim.Seed{Items: 100_000, Albums: 500, AlbumItems: 200})
		r.sim.Latency(map[string]photosim.Delay{"*": {Base: 100 * time.Millisecond}})
		began := time.Now()
		r.start()
		r.broker.await(t, "the library", func() bool { return r.broker.document("gphotos/home/media") != nil })
		r.broker.await(t, "the albums", func() bool { return r.broker.document("gphotos/home/albums") != nil })
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("the first listings came after %v", took)
		}
		r.broker.await(t, "all listings", func() bool { return r.broker.listed() == 2+library.MaxListings })
		synctest.Wait()
		// 1 page of the library, 10 of the albums, 2 of each listed album.
		if n := r.requests(); n != 1+10+2*library.MaxListings {
			t.Errorf("%d requests at the first start: %v", n, r.routes())
		}
		r.broker.forget()
		before := r.requests()
		r.restart()
		r.broker.await(t, "all listings again", func() bool { return r.broker.listed() == 2+library.MaxListings })
		synctest.Wait()
		// 1 page of the library, 10 of the albums, and batchGet of what is published.
		if n := r.requests() - before; n > 1+10+library.MaxListings*100/spec.MaxBatch {
			t.Errorf("%d requests at the second start: %v", n, r.routes())
		}
		r.stop()
	})
}

// TestVideoIsRepublishedWhenReady: Google needs 25 minutes for a video.
func TestVideoIsRepublishedWhenReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.seed(photosim.Seed{Items: 1, VideoEvery: 1})
		id := r.items()[0].ID
		r.must(r.sim.ChangeItem(photosim.ItemChange{ID: id, VideoStatus: new("PROCESSING")}))
		r.start()
		r.broker.await(t, "the video", func() bool { return len(r.broker.listings()["gphotos/home/media"].Items) == 1 })
		if got := r.broker.listings()["gphotos/home/media"].Items[0]; got.BaseURL != "" || got.Video.Status != "PROCESSING" {
			t.Errorf("item %+v", got)
		}
		time.Sleep(25 * time.Minute)
		synctest.Wait()
		if n := r.sim.Stats().Routes["mediaItems.batchGet"].Requests; n != 5 { // after 30 s, 1, 2, 4, 8 min, of 15:30
			t.Errorf("asked %d times", n)
		}
		r.must(r.sim.ChangeItem(photosim.ItemChange{ID: id, VideoStatus: new("READY")}))
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		got := r.broker.listings()["gphotos/home/media"].Items[0]
		if got.Video.Status != "READY" {
			t.Fatalf("item %+v", got)
		}
		r.visit(got.BaseURL + "=dv")
		r.stop()
	})
}

// TestAddressesWithoutGoogle: what cannot be renewed is taken back before it dies,
// and is there again when Google is.
func TestAddressesWithoutGoogle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.seed(photosim.Seed{Items: 10, Albums: 1, AlbumItems: 10})
		r.start()
		r.broker.await(t, "the listings", func() bool { return r.broker.listed() == 3 })
		r.must(r.sim.Faults(photosim.Fault{Route: "*", Mode: photosim.Refuse, Error: "unavailable"}))
		for range 120 {
			time.Sleep(time.Minute)
			synctest.Wait()
			for topic, doc := range r.broker.listings() {
				if !doc.Expires.IsZero() && !time.Now().Before(doc.Expires) {
					t.Fatalf("%s holds dead addresses: it has expired at %v", topic, doc.Expires)
				}
			}
		}
		if got := r.broker.listings()["gphotos/home/media"]; len(got.Items) != 10 || got.Items[0].BaseURL != "" || got.Items[0].FileName == "" {
			t.Errorf("media: %+v", got)
		}
		r.must(r.sim.Faults())
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		r.visit(r.broker.listings()["gphotos/home/media"].address())
		r.stop()
	})
}

// TestChangesByOthers: what a person changes in Google Photos is noticed with the
// next round, without reading any album that has not changed.
func TestChangesByOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.seed(photosim.Seed{Items: 300, Albums: 3, AlbumItems: 100})
		r.start()
		r.broker.await(t, "the listings", func() bool { return r.broker.listed() == 5 })
		synctest.Wait()
		lib := r.sim.Library()[0]
		gone, deleted := lib.Albums[0], lib.Albums[1].Items[50]
		before := r.sim.Stats().Routes["mediaItems.search"].Requests
		r.must(r.sim.Delete(gone.ID))
		r.must(r.sim.Delete(deleted))
		time.Sleep(50 * time.Minute)
		synctest.Wait()
		if r.broker.document("gphotos/home/albums/"+gone.ID) != nil {
			t.Error("the listing of an album that is gone is still there")
		}
		album := r.broker.listings()["gphotos/home/albums/"+lib.Albums[1].ID]
		if album.Count != 99 || len(album.Items) != 99 || slices.ContainsFunc(album.Items, func(i listedItem) bool { return i.ID == deleted }) {
			t.Errorf("the album counts %d and lists %d items", album.Count, len(album.Items))
		}
		if n := r.sim.Stats().Routes["mediaItems.search"].Requests - before; n != 1 {
			t.Errorf("%d albums were read", n)
		}
		r.stop()
	})
}

// TestListingsAreChosen: nothing is asked for albums that nobody lists, and what an
// earlier run has listed is cleared.
func TestListingsAreChosen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.seed(photosim.Seed{Items: 100, Albums: 5, AlbumItems: 20})
		r.start()
		r.broker.await(t, "the listings", func() bool { return r.broker.listed() == 7 })
		r.config = func(c *EntryConfig) { c.Listings = library.Listings{Titles: []string{"Album 2", "Nowhere"}} }
		r.restart()
		r.broker.await(t, "the listings", func() bool { return r.broker.listed() == 3 })
		r.config = func(c *EntryConfig) { c.Listings = library.Listings{} }
		r.restart()
		r.broker.await(t, "no listing", func() bool { return r.broker.listed() == 2 })
		before := r.routes()
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if n := r.routes()["mediaItems.search"] - before["mediaItems.search"]; n != 0 {
			t.Errorf("albums were read %d times", n)
		}
		r.stop()
	})
}

// listed is a retained listing as a reader sees it.
type listed struct {
	Updated, Expires time.Time
	Count            int
	Truncated        bool
	Sizes            struct{ URL string }
	Items            []listedItem
}

type listedItem struct {
	ID, FileName string
	BaseURL      string `json:"base_url"`
	Video        *struct{ Status string }
}

// address is the one that was given first of all, as far as a reader can tell.
func (l listed) address() string {
	if len(l.Items) == 0 {
		return ""
	}
	return l.Items[len(l.Items)-1].BaseURL + l.Sizes.URL
}

// A reader follows the retained listings and reads each document once.
type reader struct {
	broker *fakeBroker
	read   map[string][]byte
	docs   map[string]listed
}

// listings are the retained listings by topic.
func (r *reader) listings() map[string]listed {
	r.broker.mu.Lock()
	defer r.broker.mu.Unlock()
	maps.DeleteFunc(r.docs, func(topic string, _ listed) bool { return r.broker.retained[topic] == nil })
	for topic, payload := range r.broker.retained {
		if !isListing(topic) || bytes.Equal(r.read[topic], payload) {
			continue
		}
		var doc listed
		if err := json.Unmarshal(payload, &doc); err != nil {
			panic(err)
		}
		r.read[topic], r.docs[topic] = payload, doc
	}
	return r.docs
}

func (b *fakeBroker) reader() *reader {
	return &reader{broker: b, read: map[string][]byte{}, docs: map[string]listed{}}
}

func (b *fakeBroker) listings() map[string]listed { return b.reader().listings() }

// listed is how many retained listings there are.
func (b *fakeBroker) listed() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for topic := range b.retained {
		if isListing(topic) {
			n++
		}
	}
	return n
}

func isListing(topic string) bool {
	return topic == "gphotos/home/media" || strings.HasPrefix(topic, "gphotos/home/albums")
}

// forget loses what is retained, as a broker without a disk does.
func (b *fakeBroker) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.retained)
}

func (r *harness) seed(s photosim.Seed) {
	r.t.Helper()
	r.must(r.sim.Seed(s))
}

// routes are the requests to the Library API so far, by route.
func (r *harness) routes() map[string]int {
	routes := map[string]int{}
	for route, stats := range r.sim.Stats().Routes {
		if !strings.HasPrefix(route, "oauth.") && route != "bytes" {
			routes[route] = stats.Requests
		}
	}
	return routes
}

// requests is how many there were of the day's quota.
func (r *harness) requests() int {
	n := 0
	for _, of := range r.routes() {
		n += of
	}
	return n
}

// visit opens an address as a reader does.
func (r *harness) visit(address string) {
	r.t.Helper()
	if address == "" {
		return
	}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodHead, address, nil)
	r.must(err)
	resp, err := (&http.Client{Transport: r.sim.Transport()}).Do(req) // a video's leads elsewhere
	r.must(err)
	r.must(resp.Body.Close())
	if resp.StatusCode != http.StatusOK {
		r.t.Errorf("an address of a listing is answered %s", resp.Status)
	}
}
