package bridge

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/bridge/library"
	"gphotos2mqtt/photos/photosim"
)

// A known title costs no request; a list that fails makes no album.
func TestTitlesCostNoRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.config = func(c *EntryConfig) { c.Listings = library.Listings{} }
		r.start()
		r.broker.await(t, "the listings", func() bool { return r.broker.listed() == 2 })
		r.must(r.sim.Faults(photosim.Fault{Route: "albums.list", Calls: []int{1, 2, 3}, Mode: photosim.Refuse, Error: "unavailable"}))
		time.Sleep(listLife)
		for n := range 3 {
			got := r.upload(fmt.Sprintf(`{"path": %q, "album": "Garden"}`, r.write(fmt.Sprintf("%d.jpg", n), jpegOf(30+n))))
			if got["status"] != "done" {
				t.Fatalf("result: %v", got)
			}
		}
		routes := r.routes()
		if albums := r.sim.Library()[0].Albums; len(albums) != 1 || len(albums[0].Items) != 3 || routes["albums.create"] != 1 {
			t.Errorf("%d albums after %v", len(albums), routes)
		}
		r.restart()
		r.broker.await(t, "the listings", func() bool { return r.broker.listed() == 2 })
		synctest.Wait()
		before := r.routes()["albums.list"]
		r.upload(fmt.Sprintf(`{"path": %q, "album": "Garden"}`, r.write("4.jpg", jpegOf(34))))
		if n := r.routes()["albums.list"] - before; n != 0 || len(r.sim.Library()[0].Albums) != 1 {
			t.Errorf("a known title cost %d lists", n)
		}
		r.stop()
	})
}

// Another account is linked: nothing of the first one is shown or used.
func TestAnotherAccountBeginsAnew(t *testing.T) {
	r := newHarness(t)
	r.must(r.sim.Close())
	r.sim = photosim.New(photosim.Config{Accounts: []photosim.Account{
		{ID: photosim.DefaultAccountID, Email: "one@example.com"}, {ID: "another", Email: "another@example.com"},
	}})
	r.seed(photosim.Seed{Items: 3, Albums: 1, AlbumItems: 3})
	r.start()
	r.broker.await(t, "the listings", func() bool { return r.broker.listed() == 3 })
	r.must(r.entry.cfg.Link.Unlink(t.Context(), false))
	r.linkAs(r.entry.cfg.Link, "another")
	r.broker.await(t, "empty listings", func() bool {
		listings := r.broker.listings()
		return len(listings) == 2 && len(listings["gphotos/home/media"].Items) == 0
	})
	if _, known := r.entry.albums.Known("Album 1"); known {
		t.Error("a title of the first account is still known")
	}
}
