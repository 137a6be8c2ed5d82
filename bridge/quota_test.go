package bridge

import (
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/bridge/store/storetest"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos/photosim"
)

func TestQuotaBack(t *testing.T) {
	midnight := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct{ now, want time.Time }{
		"at noon":                  {midnight.Add(12 * time.Hour), midnight.Add(24 * time.Hour)},
		"right before midnight":    {midnight.Add(-time.Second), midnight},
		"our clock is ahead":       {midnight.Add(time.Second), midnight.Add(quotaLag)},
		"a day of 25 hours":        {time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC), time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)},
		"a day of 23 hours":        {time.Date(2027, 3, 14, 12, 0, 0, 0, time.UTC), time.Date(2027, 3, 15, 7, 0, 0, 0, time.UTC)},
		"the quarter hour is over": {midnight.Add(quotaLag), midnight.Add(24 * time.Hour)},
	} {
		t.Run(name, func(t *testing.T) {
			if got := quotaBack(tc.now); !got.Equal(tc.want) {
				t.Errorf("%v, want %v", got, tc.want)
			}
		})
	}
}

// The day's count is on the disk a moment after a request, and so is what Google
// said of the day: a restart asks nothing.
func TestQuotaSurvivesARestart(t *testing.T) {
	storetest.VirtualTime(t)
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.start()
		synctest.Wait()
		r.must(r.sim.Faults(photosim.Fault{Route: "mediaItems.batchCreate", Calls: photosim.Calls{1}, Mode: photosim.Refuse, Error: "daily_quota"}))
		r.command(mqttapi.Delivery{Topic: "gphotos/home/upload", Payload: jpegOf(7), QoS: 1})
		time.Sleep(time.Minute)
		made, _ := r.entry.cfg.Project.Requests()
		var saved projectState
		if _, err := r.store.LoadState(t.Context(), projectScope, "requests-test", &saved); err != nil || saved.Requests != made || made == 0 {
			t.Errorf("saved %+v of %d requests: %v", saved, made, err)
		}
		before := r.sim.Stats().Routes["mediaItems.batchCreate"].Requests
		r.restart()
		time.Sleep(time.Minute)
		if after := r.sim.Stats().Routes["mediaItems.batchCreate"].Requests; after != before {
			t.Errorf("asked again on the same day")
		}
		if h, _ := r.entry.queue.held(time.Now()); h.Reason != mqttapi.HoldQuotaDaily {
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
	storetest.VirtualTime(t)
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
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
