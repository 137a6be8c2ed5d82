package account

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gphotos2mqtt/mqttapi"
)

func TestHoldsAt(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	short := mqttapi.Hold{Reason: mqttapi.HoldRateLimited, Until: mqttapi.At(now.Add(time.Minute))}
	long := mqttapi.Hold{Reason: mqttapi.HoldQuotaDaily, Until: mqttapi.At(now.Add(time.Hour))}
	endless := mqttapi.Hold{Reason: mqttapi.HoldRelink}
	over := mqttapi.Hold{Reason: mqttapi.HoldStorageFull, Until: mqttapi.At(now)}
	for name, tc := range map[string]struct {
		holds holds
		want  *mqttapi.Hold
	}{
		"none":                    {},
		"over":                    {holds{over}, nil},
		"one":                     {holds{short}, &short},
		"the longest":             {holds{short, long}, &long},
		"the longest comes first": {holds{long, short}, &long},
		"without an end":          {holds{long, endless, short}, &endless},
		"an end after no end":     {holds{endless, long}, &endless},
	} {
		t.Run(name, func(t *testing.T) {
			got, lasts := tc.holds.at(now)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			if got != nil && lasts != max(0, got.Until.Sub(now)) {
				t.Errorf("lasts %v", lasts)
			}
		})
	}
}
