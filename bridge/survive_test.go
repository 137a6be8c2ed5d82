package bridge

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/mqttapi/broker"
	"gphotos2mqtt/photos/photosim"
)

// Each call to Google on the way of an upload goes wrong in each way, and the
// bridge goes on, or is stopped there and started again: there is one item in the library
// and in the album, one job with a result, and nothing is left in the store. The
// same with kill -9 is in e2e/survival.
func TestEveryCallGoesWrong(t *testing.T) {
	faults := map[string]photosim.Fault{
		"refused":     {Mode: photosim.Refuse, Error: "unavailable"},
		"answer lost": {Mode: photosim.Lose},
		"cut":         {Mode: photosim.Cut, After: new(int64(40))},
		"stalls":      {Mode: photosim.Stall, After: new(int64(40))},
	}
	for _, call := range []string{
		"uploads.raw", "uploads.start", "uploads.send", "uploads.query", "albums.list", "albums.create", "mediaItems.batchCreate",
	} {
		for how, fault := range faults {
			for _, stops := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/stops=%v", call, how, stops), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) { survive(t, call, fault, stops) })
				})
			}
		}
	}
}

func survive(t *testing.T, call string, fault photosim.Fault, stops bool) {
	t.Helper()
	r := newHarness(t)
	r.start()
	time.Sleep(2 * listLife) // what is known of the albums is too old for a new title
	synctest.Wait()
	photo := jpegOf(1)
	if call != "uploads.raw" {
		photo = append(photo, make([]byte, 6<<20)...)
	}
	path := r.write("door.jpg", photo)
	fault.Route, fault.Calls = call, photosim.Calls{1}
	list := []photosim.Fault{fault}
	met := 1
	if call == "uploads.query" { // which is only asked after a break
		list = append(list, photosim.Fault{Route: "uploads.send", Calls: photosim.Calls{1}, Mode: photosim.Cut, After: new(int64(2 << 20))})
		met = 2
	}
	r.must(r.sim.Faults(list...))
	before := r.sim.Stats().Faults
	if !r.command(broker.Delivery{Topic: "gphotos/home/upload", QoS: 1, Payload: fmt.Appendf(nil, `{"path": %q, "album": "Front door"}`, path)}) {
		t.Fatal("not acknowledged")
	}
	for began := time.Now(); r.sim.Stats().Faults < before+met; time.Sleep(time.Millisecond) {
		if time.Since(began) > time.Minute {
			t.Fatal("the fault was not met")
		}
	}
	if stops {
		r.restart()
	}
	time.Sleep(5*time.Minute + time.Minute) // a stall ends by then
	got := r.broker.final(t, 0)
	if got["status"] != "done" {
		t.Errorf("result: %v", got)
	}
	for _, other := range r.broker.all("gphotos/home/upload/result") {
		if other["job"] != got["job"] {
			t.Errorf("another job: %v", other)
		}
	}
	synctest.Wait()
	account := r.sim.Library()[0]
	if len(account.Items) != 1 || len(account.Albums) != 1 || len(account.Albums[0].Items) != 1 {
		t.Errorf("library: %+v", account)
	}
	r.wantEmpty()
	r.stop()
}

// wantEmpty checks that the store holds neither a job nor a payload.
func (r *harness) wantEmpty() {
	r.t.Helper()
	ids, err := r.store.JobIDs(r.t.Context())
	r.must(err)
	payloads, err := r.store.SweepPayloads(r.t.Context(), func(string) bool { return false })
	r.must(err)
	if len(ids)+payloads > 0 {
		r.t.Errorf("left in the store: jobs %v and %d payloads", ids, payloads)
	}
}
