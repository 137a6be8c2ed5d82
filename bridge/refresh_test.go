package bridge

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/mqttapi/broker"
	"gphotos2mqtt/photos/photosim"
)

// A person who has made room, or waits no longer, presses Refresh: whatever held the uploads is asked again at once.
func TestRefreshEndsHolds(t *testing.T) {
	for name, tc := range map[string]struct {
		fault  photosim.Fault
		reason string
	}{
		"storage full": {photosim.Fault{Route: "mediaItems.batchCreate", Mode: photosim.Refuse, Error: "storage_full"}, "storage_full"},
		"daily quota":  {photosim.Fault{Route: "mediaItems.batchCreate", Mode: photosim.Refuse, Error: "daily_quota"}, "quota_daily"},
		"rate limited": {photosim.Fault{Route: "mediaItems.batchCreate", Mode: photosim.Refuse, Error: "minute_quota"}, "rate_limited"},
		"google fails": {photosim.Fault{Route: "mediaItems.batchCreate", Mode: photosim.Refuse, Error: "unavailable"}, "google_unavailable"},
		"api is off":   {photosim.Fault{Route: "mediaItems.batchCreate", Mode: photosim.Refuse, Error: "not_enabled"}, "access_not_configured"},
		"no line":      {photosim.Fault{Route: "mediaItems.batchCreate", Mode: photosim.Cut}, "offline"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newHarness(t)
				r.start()
				time.Sleep(time.Minute)
				held := func() bool {
					hold, _ := r.broker.document("gphotos/home/state")["hold"].(map[string]any)
					return hold["reason"] == tc.reason
				}
				r.must(r.sim.Faults(tc.fault))
				r.command(broker.Delivery{Topic: "gphotos/home/upload", Payload: jpegOf(7), QoS: 1})
				time.Sleep(20 * time.Minute)
				r.broker.await(t, "the hold", held)
				r.refresh() // in vain
				time.Sleep(5 * time.Second)
				r.broker.await(t, "the hold again", held)
				r.must(r.sim.Faults())
				began := time.Now()
				r.refresh()
				if got := r.broker.final(t, 0); got["status"] != "done" {
					t.Errorf("result: %v", got)
				}
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("went on after %v", took)
				}
				r.broker.await(t, "the end of the hold", func() bool { return r.broker.document("gphotos/home/state")["hold"] == nil })
				r.stop()
			})
		})
	}
}

// Listings that failed for a while are read at once, too.
func TestRefreshEndsThePauseOfListings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.must(r.sim.Faults(photosim.Fault{Route: "albums.list", Mode: photosim.Refuse, Error: "internal"}))
		r.start()
		time.Sleep(time.Hour)
		r.must(r.sim.Faults())
		r.refresh()
		answers := r.broker.all("gphotos/home/response/refresh")
		if len(answers) != 1 || answers[0]["status"] != "ok" {
			t.Errorf("answers: %v", answers)
		}
		r.stop()
	})
}

func (r *harness) refresh() {
	r.command(broker.Delivery{Topic: "gphotos/home/request/refresh", QoS: 1})
}

// The last error is shown as long as it matters.
func TestLastErrorGoesAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.start()
		code := func() any {
			last, _ := r.broker.document("gphotos/home/state")["last_error"].(map[string]any)
			return last["code"]
		}
		shows := func(want any) {
			t.Helper()
			r.broker.await(t, fmt.Sprintf("last_error %v", want), func() bool { return code() == want })
		}
		r.upload("/nowhere/a.jpg")
		shows("not_allowed")
		r.upload(string(jpegOf(1))) // nothing refuses commands any more
		shows(nil)

		refuse := func(seed int) map[string]any {
			r.must(r.sim.Faults(photosim.Fault{Route: "uploads.raw", Mode: photosim.Refuse, Status: 400, Body: "not a picture"}))
			defer func() { r.must(r.sim.Faults()) }()
			return r.upload(string(jpegOf(seed)))
		}
		failed := refuse(2)
		shows("rejected")
		r.upload(string(jpegOf(3))) // another upload says nothing about that one
		time.Sleep(time.Minute)
		shows("rejected")
		n := r.broker.count("gphotos/home/upload/result")
		r.ask("job/retry", failed["job"].(string))
		r.broker.final(t, n)
		shows(nil)
		failed = refuse(4)
		shows("rejected")
		r.ask("job/cancel", failed["job"].(string))
		shows(nil)
		refuse(5)
		shows("rejected")
		time.Sleep(25 * time.Hour) // it cannot be tried again any more
		shows(nil)
		r.restart()
		r.broker.await(t, "state", func() bool { return r.broker.document("gphotos/home/state") != nil })
		shows(nil)
		r.stop()
	})
}
