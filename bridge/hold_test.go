package bridge

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gphotos2mqtt/bridge/account"
	"gphotos2mqtt/mqttapi/broker"
	"gphotos2mqtt/photos/photosim"
)

// Six hours of a hold for the daily quota: the entry asks Google nothing
// meanwhile, says until when it waits, and goes on by itself.
func TestQuotaHoldEndsAtMidnightPacific(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		midnight := account.NextQuotaDay(time.Now())
		time.Sleep(time.Until(midnight.Add(-6 * time.Hour)))
		r := newHarness(t)
		r.start()
		synctest.Wait()
		if err := r.sim.Faults(photosim.Fault{Route: "mediaItems.batchCreate", Calls: []int{1}, Mode: photosim.Refuse, Error: "daily_quota"}); err != nil {
			t.Fatal(err)
		}
		r.command(broker.Delivery{Topic: "gphotos/home/upload", Payload: jpegOf(7), QoS: 1})
		r.broker.await(t, "the hold in E/state", func() bool {
			hold, _ := r.broker.document("gphotos/home/state")["hold"].(map[string]any)
			return hold["reason"] == "quota_daily" && hold["until"] == midnight.UTC().Format(time.RFC3339)
		})
		synctest.Wait() // the answers are out
		before := r.sim.Stats()
		time.Sleep(5 * time.Hour)
		synctest.Wait()
		if after := r.sim.Stats(); !cmp.Equal(before.Routes, after.Routes) {
			t.Error(cmp.Diff(before.Routes, after.Routes))
		}
		time.Sleep(time.Hour)
		got := r.broker.final(t, 0)
		if got["status"] != "done" || len(r.items()) != 1 {
			t.Errorf("result: %v, %d items", got, len(r.items()))
		}
		if wait := time.Until(midnight); wait > 0 {
			t.Errorf("went on %v early", wait)
		}
		r.stop()
	})
}

// Every other hold: what E/state says of it, when it is tried again, and that the
// upload goes on by itself.
func TestHoldsEnd(t *testing.T) {
	for name, tc := range map[string]struct {
		fault    photosim.Fault
		reason   string
		at, most time.Duration // first try, and the last of all
	}{
		"storage full for three hours": {
			photosim.Fault{Route: "mediaItems.batchCreate", Calls: photosim.Calls{1, 2, 3}, Mode: photosim.Refuse, Error: "storage_full"},
			"storage_full", time.Hour, 3*time.Hour + time.Minute,
		},
		"writes a minute": {
			photosim.Fault{Route: "mediaItems.batchCreate", Calls: photosim.Calls{1}, Mode: photosim.Refuse, Error: "minute_quota"},
			"rate_limited", 30 * time.Second, time.Minute,
		},
		"writes at a time": {
			photosim.Fault{Route: "mediaItems.batchCreate", Calls: photosim.Calls{1}, Mode: photosim.Refuse, Error: "concurrent_write"},
			"rate_limited", 30 * time.Second, time.Minute,
		},
		"google says how long": {
			photosim.Fault{
				Route: "mediaItems.batchCreate", Calls: photosim.Calls{1}, Mode: photosim.Refuse, Status: 429, Body: "slow down",
				Header: map[string]string{"Retry-After": "600"},
			},
			"rate_limited", 10 * time.Minute, 11 * time.Minute,
		},
		"no line for a while": {
			photosim.Fault{Route: "*", Calls: photosim.Calls{1, 2, 3, 4}, Mode: photosim.Cut},
			"offline", 2 * time.Second, time.Minute,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newHarness(t)
				r.start()
				time.Sleep(time.Minute)
				r.must(r.sim.Faults(tc.fault))
				began := time.Now()
				r.command(broker.Delivery{Topic: "gphotos/home/upload", Payload: jpegOf(7), QoS: 1})
				r.broker.await(t, "the hold in E/state", func() bool {
					hold, _ := r.broker.document("gphotos/home/state")["hold"].(map[string]any)
					return hold["reason"] == tc.reason && hold["message"] != ""
				})
				time.Sleep(tc.at - time.Since(began) - time.Millisecond)
				if n := len(r.items()); n != 0 {
					t.Error("went on too early")
				}
				time.Sleep(tc.most - time.Since(began))
				if got := r.broker.final(t, 0); got["status"] != "done" || len(r.items()) != 1 {
					t.Errorf("result: %v, %d items", got, len(r.items()))
				}
				r.stop()
			})
		})
	}
}

// An account whose access has ended waits for a person, without asking Google.
func TestRelinkHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.start()
		time.Sleep(time.Minute)
		r.sim.Revoke(photosim.DefaultAccountID)
		r.command(broker.Delivery{Topic: "gphotos/home/upload", Payload: jpegOf(7), QoS: 1})
		r.broker.await(t, "the hold in E/state", func() bool {
			hold, _ := r.broker.document("gphotos/home/state")["hold"].(map[string]any)
			return hold["reason"] == "relink" && hold["until"] == nil
		})
		synctest.Wait() // the answers are out
		before := r.sim.Stats()
		time.Sleep(24 * time.Hour)
		if after := r.sim.Stats(); !cmp.Equal(before.Routes, after.Routes) {
			t.Error(cmp.Diff(before.Routes, after.Routes))
		}
		r.linkAccount(r.entry.cfg.Link)
		time.Sleep(time.Minute)
		if got := r.broker.final(t, 0); got["status"] != "done" {
			t.Errorf("result: %v", got)
		}
		r.stop()
	})
}

// What has waited in vain for longer than the setting allows fails with what it
// waited for, and can be tried again.
func TestWaitedTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.config = func(c *EntryConfig) { c.MaxAge = 5 * time.Hour }
		r.start()
		time.Sleep(time.Minute)
		r.must(r.sim.Faults(photosim.Fault{Route: "mediaItems.batchCreate", Mode: photosim.Refuse, Error: "storage_full"}))
		r.command(broker.Delivery{Topic: "gphotos/home/upload", Payload: jpegOf(7), QoS: 1})
		time.Sleep(5*time.Hour - time.Minute)
		if n := r.broker.count("gphotos/home/upload/result"); n != 1 {
			t.Errorf("%d results before its time", n)
		}
		time.Sleep(2 * time.Minute)
		got := r.broker.final(t, 0)
		refused, _ := got["error"].(map[string]any)
		if got["status"] != "failed" || refused["code"] != "storage_full" {
			t.Errorf("result: %v", got)
		}
		r.must(r.sim.Faults())
		r.ask("job/retry", got["job"].(string))
		time.Sleep(time.Minute)
		if got := r.broker.final(t, 2); got["status"] != "done" {
			t.Errorf("tried again: %v", got)
		}
		r.stop()
	})
}
