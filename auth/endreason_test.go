package auth

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/auth/authtest"
)

func TestEndReason(t *testing.T) {
	const day = 24 * time.Hour
	granted := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		name         string
		renewed, now time.Duration // since granted
		until        time.Duration // 0: not said
		want         string
	}{
		{"seven days", 7*day - 30*time.Minute, 7*day + 30*time.Minute, 0, "Testing"},
		{"seven days, a little early", 7*day - 2*time.Hour, 7*day - time.Minute, 0, "Testing"},
		{"seven days, off for a while", 6 * day, 10 * day, 0, "Testing"},
		{"seven days, and Google said so", 6 * day, 7 * day, 7 * day, "Testing"},
		{"removed soon", day, day + time.Hour, 0, "removed"},
		{"removed later", 30 * day, 30*day + time.Hour, 0, "removed"},
		{"time-based", 29 * day, 30 * day, 30 * day, "until 2026-03-31 12:00 UTC"},
		{"time-based, removed before", 3 * day, 4 * day, 30 * day, "removed"},
		{"time-based, off for a while", 3 * day, 31 * day, 30 * day, "until 2026-03-31 12:00 UTC"},
		{"half a year", 3 * day, 200 * day, 0, "six months"},
	}
	for _, tt := range tests {
		r := &record{Granted: granted, Renewed: granted.Add(tt.renewed)}
		if tt.until != 0 {
			r.Until = granted.Add(tt.until)
		}
		if got := endReason(r, granted.Add(tt.now)); !strings.Contains(got, tt.want) || !strings.Contains(got, "ink the account again") {
			t.Errorf("%s: %s", tt.name, got)
		}
	}
}

// A week in the life of a consent screen in Testing, with the way out.
func TestTestingGrantEndsAfterSevenDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, vault, l := linked(t)
		end := time.Now().Add(7 * 24 * time.Hour)
		for time.Now().Before(end) {
			if status := get(t, l); status != 200 {
				t.Fatalf("status %d", status)
			}
			time.Sleep(50 * time.Minute)
		}
		g.set(func() { clear(g.refresh) })
		drain(l)
		time.Sleep(time.Hour)
		wantError(t, getError(t, l), ErrRelink, "publishing status Testing")
		<-l.Watch()
		l = open(t, g.config("home"), vault)
		if s := l.State(); s.Status != Relink || !strings.Contains(s.Reason, "Publish app") || s.Account != sam {
			t.Errorf("after a restart: %+v", s)
		}
		link(t, g, l, sam)
		if status := get(t, l); status != 200 {
			t.Errorf("linked again: status %d", status)
		}
	})
}

func TestTimedGrant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, vault := newGoogle(), new(authtest.Vault)
		g.extra = `"refresh_token_expires_in":2592000,`
		l := open(t, g.config("home"), vault)
		link(t, g, l, sam)
		l = open(t, g.config("home"), vault)
		if want := time.Now().Add(30 * 24 * time.Hour); !l.current().Until.Equal(want) {
			t.Errorf("until %v, want %v", l.current().Until, want)
		}
	})
}
