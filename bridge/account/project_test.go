package account

import (
	"testing"
	"time"
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
