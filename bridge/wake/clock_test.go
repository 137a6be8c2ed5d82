package wake

import (
	"testing"
	"testing/synctest"
	"time"
)

// set steps the clock for the rest of a test.
func set(t *testing.T, by time.Duration) {
	t.Helper()
	Step(by)
	t.Cleanup(func() { Step(-by) })
}

func TestLeft(t *testing.T) {
	for name, tc := range map[string]struct{ passes, step, want time.Duration }{
		"at first":                   {0, 0, 10 * time.Minute},
		"later":                      {4 * time.Minute, 0, 6 * time.Minute},
		"over":                       {10 * time.Minute, 0, 0},
		"the clock was set forward":  {0, 2 * time.Hour, 0},
		"a little":                   {0, time.Minute, 9 * time.Minute},
		"the clock was set back":     {0, -2 * time.Hour, 0},
		"it starts in 1970":          {0, -30 * 365 * 24 * time.Hour, 0},
		"it hears the time at last":  {0, 400 * 24 * time.Hour, 0},
		"it was set back meanwhile":  {4 * time.Minute, -5 * time.Minute, 0},
		"it goes a little too fast ": {4 * time.Minute, -time.Minute, 7 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				until := Wall().Add(10 * time.Minute)
				time.Sleep(tc.passes)
				set(t, tc.step)
				if got := Left(until, 10*time.Minute); got != tc.want {
					t.Errorf("%v left, want %v", got, tc.want)
				}
			})
		})
	}
}

// Whatever time is waited for, it is looked at again within a minute.
func TestSleepIsShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for d, want := range map[time.Duration]time.Duration{time.Second: time.Second, 56 * 365 * 24 * time.Hour: time.Minute} {
			began := time.Now()
			if err := Sleep(t.Context(), nil, d); err != nil || time.Since(began) != want {
				t.Errorf("slept %v of %v: %v", time.Since(began), d, err)
			}
		}
	})
}
