package bridge

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"

	"gphotos2mqtt/bridge/store/storetest"
	"gphotos2mqtt/photos"
	"gphotos2mqtt/photos/photosim"
)

// Two albums of one title: the first by id counts, and one warning says so.
func TestTwoAlbumsOfOneTitle(t *testing.T) {
	r := newRig(t)
	r.start()
	log, said := logtest.NewNullLogger()
	a := r.entry.albums
	a.log = logrus.NewEntry(log)
	list := []photos.Album{{ID: "C", Title: "Garden"}, {ID: "A", Title: "Garden"}, {ID: "B", Title: "Garden"}, {ID: "D", Title: "Door"}}
	for range 2 {
		if _, err := a.listedAll(t.Context(), list); err != nil {
			t.Fatal(err)
		}
	}
	if id, _ := a.known("Garden"); id != "A" || len(said.AllEntries()) != 1 {
		t.Errorf("album %s is used, %d warnings", id, len(said.AllEntries()))
	}
}

// Google's lists may leave an album out, or still have one that is gone.
func TestTitlesOutliveIncompleteLists(t *testing.T) {
	r := newRig(t)
	r.start()
	a := r.entry.albums
	steps := []struct {
		what string
		do   func() error
		want map[string]string
	}{
		{"made", func() error { return a.learn(t.Context(), "Garden", "A") }, map[string]string{"Garden": "A"}},
		{"left out", func() error { _, err := a.listedAll(t.Context(), nil); return err }, map[string]string{"Garden": "A"}},
		{"renamed by somebody", func() error {
			_, err := a.listedAll(t.Context(), []photos.Album{{ID: "A", Title: "Yard"}})
			return err
		}, map[string]string{"Yard": "A"}},
		{"gone", func() error { return a.forget(t.Context(), "A") }, map[string]string{}},
		{"still listed", func() error {
			left, err := a.listedAll(t.Context(), []photos.Album{{ID: "A", Title: "Yard"}})
			if len(left) != 0 {
				err = fmt.Errorf("%v is taken for an album", left)
			}
			return err
		}, map[string]string{}},
	}
	for _, s := range steps {
		if err := s.do(); err != nil {
			t.Fatal(s.what, err)
		}
		if diff := cmp.Diff(s.want, a.ids); diff != "" {
			t.Error(s.what, diff)
		}
	}
}

// A known title costs no request; a list that fails makes no album.
func TestTitlesCostNoRequest(t *testing.T) {
	storetest.VirtualTime(t)
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.config = func(c *EntryConfig) { c.Listings = Listings{} }
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
	r := newRig(t)
	r.seed(photosim.Seed{Items: 3, Albums: 1, AlbumItems: 3})
	r.start()
	r.broker.await(t, "the listings", func() bool { return r.broker.listed() == 3 })
	l := r.entry.listings
	if l.moved(photosim.DefaultAccountID) {
		t.Error("the same account begins anew")
	}
	r.sim.ResetLibrary() // what the other account has
	if !l.moved("another") {
		t.Fatal("another account goes on where the first one was")
	}
	l.touch() // the loop finds its own account again, and nothing in the library
	r.broker.await(t, "empty listings", func() bool {
		listings := r.broker.listings()
		return len(listings) == 2 && listings["gphotos/home/media"].Count == 0
	})
	if _, known := r.entry.albums.known("Album 1"); known {
		t.Error("a title of the first account is still known")
	}
}
