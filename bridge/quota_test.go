package bridge

import (
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/mqttapi/broker"
	"gphotos2mqtt/photos/photosim"
)

// The day's count is on the disk a moment after a request, and so is what Google
// said of the day: a restart asks nothing.
func TestQuotaSurvivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.start()
		synctest.Wait()
		r.must(r.sim.Faults(photosim.Fault{Route: "mediaItems.batchCreate", Calls: photosim.Calls{1}, Mode: photosim.Refuse, Error: "daily_quota"}))
		r.command(broker.Delivery{Topic: "gphotos/home/upload", Payload: jpegOf(7), QoS: 1})
		time.Sleep(time.Minute)
		made, _ := r.entry.cfg.Project.Requests()
		var saved struct{ Requests int }
		if _, err := r.store.LoadState(t.Context(), store.Bridge, "requests-test", &saved); err != nil || saved.Requests != made || made == 0 {
			t.Errorf("saved %+v of %d requests: %v", saved, made, err)
		}
		before := r.sim.Stats().Routes["mediaItems.batchCreate"].Requests
		r.restart()
		time.Sleep(time.Minute)
		if after := r.sim.Stats().Routes["mediaItems.batchCreate"].Requests; after != before {
			t.Errorf("asked again on the same day")
		}
		if h, _ := r.entry.account.Held(); h == nil || h.Reason != mqttapi.HoldQuotaDaily {
			t.Errorf("hold: %+v", h)
		}
		time.Sleep(24 * time.Hour)
		if got := r.broker.final(t, 0); got["status"] != "done" {
			t.Errorf("result: %v", got)
		}
		r.stop()
	})
}

// Listings leave the last fifth of the day's requests to uploads.
func TestListingsLeaveAReserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.start()
		time.Sleep(time.Minute)
		for p := r.entry.cfg.Project; p.Spare(); {
			p.Count()
		}
		before := r.sim.Stats()
		time.Sleep(3 * time.Hour) // addresses are renewed every 45 min
		if after := r.sim.Stats(); after.Routes["albums.list"].Requests != before.Routes["albums.list"].Requests {
			t.Error("the reserve was used for listings")
		}
		if got := r.upload(string(jpegOf(1))); got["status"] != "done" {
			t.Errorf("result: %v", got)
		}
		time.Sleep(24 * time.Hour)
		if after := r.sim.Stats(); after.Routes["albums.list"].Requests == before.Routes["albums.list"].Requests {
			t.Error("no listing on the next day")
		}
		r.stop()
	})
}
