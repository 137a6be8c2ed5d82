package bridge

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/bridge/library"
	"gphotos2mqtt/mqttapi/broker"
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

// Google does not know an album everywhere for minutes after it was made: it is asked for by the same id, also after a restart, and no
// second album of the title is made.
func TestNewAlbumIsNotKnownYet(t *testing.T) {
	for _, restarts := range []bool{false, true} {
		t.Run(fmt.Sprintf("restarts=%v", restarts), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newHarness(t)
				r.start()
				time.Sleep(2 * listLife)
				r.must(r.sim.Faults(photosim.Fault{Route: "albums.create", Mode: photosim.Late, For: photosim.Duration(4 * time.Minute)}))
				for n := range 3 {
					path := r.write(fmt.Sprintf("%d.jpg", n), jpegOf(n))
					r.command(broker.Delivery{Topic: "gphotos/home/upload", Payload: fmt.Appendf(nil, `{"path": %q, "album": "Garden"}`, path), QoS: 1})
				}
				time.Sleep(time.Minute)
				if restarts {
					r.restart()
				}
				r.command(broker.Delivery{Topic: "gphotos/home/request/refresh", QoS: 1})
				time.Sleep(9 * time.Minute)
				for _, got := range r.broker.all("gphotos/home/upload/result") {
					if got["status"] != "accepted" && got["status"] != "done" {
						t.Errorf("result: %v", got)
					}
				}
				if albums := r.sim.Library()[0].Albums; len(albums) != 1 || len(albums[0].Items) != 3 {
					t.Errorf("albums: %+v", albums)
				}
				synctest.Wait()
				r.wantEmpty()
				r.stop()
			})
		})
	}
}

// A request that names such an album says to send it again.
func TestRequestForANewAlbum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.start()
		time.Sleep(time.Minute)
		id := r.upload(string(jpegOf(1)))["media_items"].([]any)[0].(map[string]any)["media_item_id"]
		r.must(r.sim.Faults(photosim.Fault{Route: "albums.create", Mode: photosim.Late, For: photosim.Duration(time.Minute)}))
		r.request("album/create", map[string]any{"title": "Garden"})
		add := map[string]any{"album": "Garden", "media_item_ids": []any{id}}
		if got := r.request("album/add", add); got.code() != "google_unavailable" {
			t.Errorf("at once: %+v", got)
		}
		time.Sleep(2 * time.Minute)
		if got := r.request("album/add", add); got.Status != "ok" {
			t.Errorf("later: %+v", got)
		}
		if albums := r.sim.Library()[0].Albums; len(albums) != 1 || len(albums[0].Items) != 1 {
			t.Errorf("albums: %+v", albums)
		}
		r.stop()
	})
}
