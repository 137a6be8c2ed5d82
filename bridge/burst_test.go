package bridge

import (
	"encoding/json"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/mqttapi/broker"
	"gphotos2mqtt/photos/photosim"
)

// modelA is how long Google takes: an upload 200 ms, a batch 800 ms, a listing 100 ms.
func (r *harness) modelA() {
	const ms = time.Millisecond
	r.must(r.sim.Latency(map[string]photosim.Delay{
		"uploads.raw": {Base: 200 * ms}, "mediaItems.batchCreate": {Base: 800 * ms},
		"mediaItems.batchGet": {Base: 100 * ms}, "albums.get": {Base: 100 * ms},
	}))
}

// photo sends a picture into an album.
func (r *harness) photo(album string, seed int) {
	r.t.Helper()
	command, err := json.Marshal(map[string]any{"data": jpegOf(seed), "album": album})
	r.must(err)
	r.command(broker.Delivery{Topic: "gphotos/home/upload", Payload: command, QoS: 1})
}

// lists reports whether the library's listing shows an item with an address.
func (r *harness) lists(id string) bool {
	for _, i := range r.broker.listings()["gphotos/home/media"].Items {
		if i.ID == id {
			return i.BaseURL != ""
		}
	}
	return false
}

// A burst is listed once it is over: each look at it before that would be asked for again.
func TestBurstIsListedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const photos = 240 // in six seconds
		r := newHarness(t)
		r.modelA()
		r.start()
		r.photo("Door", 1_000_000)
		time.Sleep(time.Minute)
		before := r.routes()
		for n := range photos {
			r.photo("Door", n)
		}
		r.broker.await(t, "all of them", func() bool { return len(r.items()) == 1+photos })
		time.Sleep(5 * time.Second)
		synctest.Wait()
		after := r.routes()
		maps.DeleteFunc(after, func(route string, n int) bool { return n == before[route] })
		if n := after["mediaItems.batchGet"] - before["mediaItems.batchGet"]; n != 2 || len(after) != 3 { // of the 100 that are listed
			t.Errorf("%d requests: %v, before %v", n, after, before)
		}
		newest := r.items()
		if !r.lists(newest[len(newest)-1].ID) {
			t.Error("the last photo is not listed with an address 5 s later")
		}
		r.stop()
	})
}

// Uploads that do not end are seen to go on, and hold up nothing else.
func TestListingsGoOnDuringABurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.modelA()
		r.start()
		r.photo("Door", 1_000_000)
		time.Sleep(time.Minute)
		r.refresh()
		before, oldest := r.routes()["mediaItems.batchGet"], time.Duration(0)
		const step = 400 * time.Millisecond
		for n := range int(3 * time.Minute / step) {
			r.photo("Door", n)
			time.Sleep(step)
			if n == 200 {
				began := time.Now()
				if made := r.request("album/create", map[string]any{"title": "Garden"}); made.Status != "ok" {
					t.Errorf("an album was not made: %+v", made)
				}
				r.broker.await(t, "the album", func() bool { return r.broker.document("gphotos/home/albums")["count"] == 2. })
				r.refresh()
				if took := time.Since(began); took > 10*time.Second {
					t.Errorf("an album and a refresh took %v", took)
				}
			}
			if n%5 == 0 {
				oldest = max(oldest, time.Since(r.broker.listings()["gphotos/home/media"].Updated))
			}
		}
		if r.entry.uploads.Idle() {
			t.Error("uploads have paused")
		}
		if oldest > 65*time.Second {
			t.Errorf("a listing was %v old", oldest)
		}
		if n := r.routes()["mediaItems.batchGet"] - before; n > 15 {
			t.Errorf("%d requests of listings in three minutes", n)
		}
		r.stop()
	})
}

// A long video holds up no photo beside it.
func TestPhotoIsListedBesideAVideo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.modelA()
		r.start()
		r.photo("Door", 1_000_000)
		time.Sleep(time.Minute)
		r.must(r.sim.Faults(photosim.Fault{Route: "uploads.raw", Mode: photosim.Stall, Calls: photosim.Calls{1}}))
		r.photo("Door", 0) // which Google does not answer
		time.Sleep(time.Second)
		for n := range 2 {
			r.photo("Door", 1+n)
			r.broker.await(t, "the photo", func() bool { return len(r.items()) == 2+n })
			time.Sleep(5 * time.Second)
			if items := r.items(); !r.lists(items[len(items)-1].ID) {
				t.Errorf("photo %d is not listed 5 s later", n)
			}
			time.Sleep(5 * time.Second)
		}
		if r.entry.uploads.Idle() {
			t.Error("nothing was on its way")
		}
		r.stop()
	})
}
