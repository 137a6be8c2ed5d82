package account

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
)

func TestHoldThatLastsLongest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := wake.Wall()
		of := func(reason mqttapi.HoldReason, wait time.Duration) hold {
			return hold{mqttapi.Hold{Reason: reason, Until: mqttapi.At(now.Add(wait))}, wait, Sending}
		}
		short, long := of(mqttapi.HoldRateLimited, time.Minute), of(mqttapi.HoldQuotaDaily, time.Hour)
		endless, unticked := hold{Hold: mqttapi.Hold{Reason: mqttapi.HoldRelink}}, hold{Hold: mqttapi.Hold{Reason: mqttapi.HoldScopeMissing}}
		full := of(mqttapi.HoldStorageFull, time.Hour)
		over := hold{mqttapi.Hold{Reason: mqttapi.HoldOffline, Until: mqttapi.At(now)}, time.Minute, Sending}
		setBack := hold{mqttapi.Hold{Reason: mqttapi.HoldOffline, Until: mqttapi.At(now.Add(2 * time.Hour))}, time.Minute, Sending}
		for name, tc := range map[string]struct {
			holds             holds
			uploads, requests *mqttapi.Hold
		}{
			"none":                    {},
			"over":                    {holds{over}, nil, nil},
			"the clock was set back":  {holds{setBack}, nil, nil},
			"one":                     {holds{short}, &short.Hold, &short.Hold},
			"the longest":             {holds{short, long}, &long.Hold, &long.Hold},
			"the longest comes first": {holds{long, short}, &long.Hold, &long.Hold},
			"without an end":          {holds{long, endless, short}, &endless.Hold, &endless.Hold},
			"an end after no end":     {holds{endless, long}, &endless.Hold, &endless.Hold},
			"no room":                 {holds{full, short}, &full.Hold, &short.Hold},
			"no right to upload":      {holds{unticked, {}, short}, &unticked.Hold, &short.Hold},
		} {
			for uploads, want := range map[bool]*mqttapi.Hold{true: tc.uploads, false: tc.requests} {
				got, lasts := tc.holds.longest(uploads)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s, of uploads %v: %s", name, uploads, diff)
				}
				if got != nil && lasts != max(0, got.Until.Sub(now)) {
					t.Errorf("%s lasts %v", name, lasts)
				}
			}
		}
	})
}
