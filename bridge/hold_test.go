package bridge

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gphotos2mqtt/bridge/store/storetest"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos/photosim"
)

func TestHoldsAt(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	short := Hold{Reason: mqttapi.HoldRateLimited, Until: now.Add(time.Minute)}
	long := Hold{Reason: mqttapi.HoldQuotaDaily, Until: now.Add(time.Hour)}
	endless := Hold{Reason: mqttapi.HoldRelink}
	over := Hold{Reason: mqttapi.HoldStorageFull, Until: now}
	for name, tc := range map[string]struct {
		holds holds
		want  Hold
	}{
		"none":                    {},
		"over":                    {holds{over}, Hold{}},
		"one":                     {holds{short}, short},
		"the longest":             {holds{short, long}, long},
		"the longest comes first": {holds{long, short}, long},
		"without an end":          {holds{long, endless, short}, endless},
		"an end after no end":     {holds{endless, long}, endless},
	} {
		t.Run(name, func(t *testing.T) {
			got, held := tc.holds.at(now)
			if diff := cmp.Diff(tc.want, got); diff != "" || held != (tc.want.Reason != "") {
				t.Errorf("held %v: %s", held, diff)
			}
		})
	}
}

// Six hours of a hold for the daily quota: the entry asks Google nothing
// meanwhile, says until when it waits, and goes on by itself.
func TestQuotaHoldEndsAtMidnightPacific(t *testing.T) {
	storetest.VirtualTime(t)
	synctest.Test(t, func(t *testing.T) {
		midnight := nextQuotaDay(time.Now())
		time.Sleep(midnight.Add(-6 * time.Hour).Sub(time.Now()))
		r := newRig(t)
		r.start()
		synctest.Wait()
		if err := r.sim.Faults(photosim.Fault{Route: "mediaItems.batchCreate", Calls: []int{1}, Mode: photosim.Refuse, Error: "daily_quota"}); err != nil {
			t.Fatal(err)
		}
		r.command(mqttapi.Delivery{Topic: "gphotos/home/upload", Payload: jpegOf(7), QoS: 1})
		r.broker.await(t, "the hold in E/state", func() bool {
			hold, _ := r.broker.document("gphotos/home/state")["hold"].(map[string]any)
			return hold["reason"] == "quota_daily" && hold["until"] == midnight.UTC().Format(time.RFC3339)
		})
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
