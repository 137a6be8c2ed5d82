package bridge

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos"
)

func TestDecide(t *testing.T) {
	now := time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC) // noon in California
	midnight := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	google := func(kind photos.Kind) error { return fmt.Errorf("send: %w", &photos.Error{Kind: kind, Status: 503}) }
	type outcome struct {
		Action action
		At     time.Time
		Hold   mqttapi.HoldReason
		Code   mqttapi.Code
	}
	in := func(d time.Duration) time.Time { return now.Add(d) }
	for name, tc := range map[string]struct {
		err  error
		a    attempt
		want outcome
	}{
		"first fault waits a second": {
			google(photos.Transient),
			attempt{Tries: 1},
			outcome{actRetry, in(time.Second), "", mqttapi.CodeGoogleUnavailable},
		},
		"fifth fault waits 16 s": {
			google(photos.Transient),
			attempt{Tries: 5},
			outcome{actRetry, in(16 * time.Second), "", mqttapi.CodeGoogleUnavailable},
		},
		"hundredth fault waits 15 min": {
			google(photos.Transient),
			attempt{Tries: 100},
			outcome{actRetry, in(15 * time.Minute), "", mqttapi.CodeGoogleUnavailable},
		},
		"retry-after of a fault": {
			&photos.Error{Kind: photos.Transient, Status: 503, RetryAfter: time.Minute},
			attempt{Tries: 1},
			outcome{actRetry, in(time.Minute), "", mqttapi.CodeGoogleUnavailable},
		},
		"no answer once": {
			&photos.Error{Kind: photos.Transient},
			attempt{Tries: 1, Streak: 1},
			outcome{actRetry, in(time.Second), "", mqttapi.CodeGoogleUnavailable},
		},
		"no answer again holds the entry": {
			&photos.Error{Kind: photos.Transient},
			attempt{Tries: 1, Streak: 3},
			outcome{actHoldEntry, in(4 * time.Second), mqttapi.HoldOffline, mqttapi.CodeGoogleUnavailable},
		},
		"our own time limit": {
			fmt.Errorf("create items: %w", context.DeadlineExceeded),
			attempt{Tries: 1, Streak: 1},
			outcome{actRetry, in(time.Second), "", mqttapi.CodeGoogleUnavailable},
		},
		"token endpoint away": {
			fmt.Errorf("get: %w", auth.ErrUnavailable),
			attempt{Tries: 1, Streak: 1},
			outcome{actRetry, in(time.Second), "", mqttapi.CodeGoogleUnavailable},
		},
		"vault away": {
			fmt.Errorf("get: %w", auth.ErrVault),
			attempt{Tries: 1, Streak: 1},
			outcome{actRetry, in(time.Second), "", mqttapi.CodeGoogleUnavailable},
		},
		"writes a minute": {
			google(photos.RateLimited),
			attempt{Tries: 1, Streak: 1},
			outcome{actHoldEntry, in(30 * time.Second), mqttapi.HoldRateLimited, mqttapi.CodeRateLimited},
		},
		"writes a minute again": {
			google(photos.RateLimited),
			attempt{Tries: 2, Streak: 2},
			outcome{actHoldEntry, in(time.Minute), mqttapi.HoldRateLimited, mqttapi.CodeRateLimited},
		},
		"writes a minute for ever": {
			google(photos.RateLimited),
			attempt{Tries: 99, Streak: 99},
			outcome{actHoldEntry, in(10 * time.Minute), mqttapi.HoldRateLimited, mqttapi.CodeRateLimited},
		},
		"retry-after never shortens the wait": {
			&photos.Error{Kind: photos.RateLimited, RetryAfter: 2 * time.Second},
			attempt{Streak: 1},
			outcome{actHoldEntry, in(30 * time.Second), mqttapi.HoldRateLimited, mqttapi.CodeRateLimited},
		},
		"retry-after lengthens the wait": {
			&photos.Error{Kind: photos.RateLimited, RetryAfter: time.Hour},
			attempt{Streak: 1},
			outcome{actHoldEntry, in(time.Hour), mqttapi.HoldRateLimited, mqttapi.CodeRateLimited},
		},
		"concurrent writes": {
			google(photos.ConcurrentWrites),
			attempt{Streak: 1},
			outcome{actHoldEntry, in(30 * time.Second), mqttapi.HoldRateLimited, mqttapi.CodeRateLimited},
		},
		"daily quota": {
			google(photos.DailyQuota),
			attempt{},
			outcome{actHoldProject, midnight, mqttapi.HoldQuotaDaily, mqttapi.CodeQuotaDaily},
		},
		"storage full": {
			google(photos.StorageFull),
			attempt{},
			outcome{actHoldEntry, in(time.Hour), mqttapi.HoldStorageFull, mqttapi.CodeStorageFull},
		},
		"401 after a fresh token": {
			google(photos.Unauthorized),
			attempt{},
			outcome{actRelink, time.Time{}, mqttapi.HoldRelink, mqttapi.CodeRelinkRequired},
		},
		"grant ended": {
			&photos.Error{Kind: photos.Transient, Err: auth.ErrRelink},
			attempt{},
			outcome{actRelink, time.Time{}, mqttapi.HoldRelink, mqttapi.CodeRelinkRequired},
		},
		"unlinked meanwhile": {
			&photos.Error{Kind: photos.Transient, Err: auth.ErrUnlinked},
			attempt{},
			outcome{actRelink, time.Time{}, mqttapi.HoldRelink, mqttapi.CodeRelinkRequired},
		},
		"client deleted": {
			&photos.Error{Kind: photos.Transient, Err: auth.ErrClient},
			attempt{},
			outcome{actHoldEntry, in(10 * time.Minute), mqttapi.HoldRelink, mqttapi.CodeRelinkRequired},
		},
		"library api not enabled": {
			google(photos.AccessNotConfigured),
			attempt{},
			outcome{actHoldEntry, in(10 * time.Minute), mqttapi.HoldOffline, mqttapi.CodeAccessNotConfigured},
		},
		"scope missing":       {google(photos.ScopeMissing), attempt{}, outcome{Action: actFail, Code: mqttapi.CodeScopeMissing}},
		"album not writeable": {google(photos.AlbumNotWriteable), attempt{}, outcome{Action: actFail, Code: mqttapi.CodeAlbumNotWriteable}},
		"album full":          {google(photos.AlbumFull), attempt{}, outcome{Action: actFail, Code: mqttapi.CodeAlbumFull}},
		"too large":           {google(photos.TooLarge), attempt{}, outcome{Action: actFail, Code: mqttapi.CodeTooLarge}},
		"bad request":         {google(photos.Invalid), attempt{}, outcome{Action: actFail, Code: mqttapi.CodeRejected}},
		"item gone":           {google(photos.NotFound), attempt{}, outcome{Action: actFail, Code: mqttapi.CodeNotFound}},
		"equal bytes each time": {
			google(photos.Duplicate),
			attempt{Tries: 1, Faults: 5},
			outcome{Action: actFail, Code: mqttapi.CodeRejected},
		},
		"album by id gone": {google(photos.AlbumNotFound), attempt{}, outcome{Action: actFail, Code: mqttapi.CodeAlbumNotFound}},
		"album by title gone": {
			google(photos.AlbumNotFound),
			attempt{ByTitle: true},
			outcome{Action: actFindAlbum, Code: mqttapi.CodeAlbumNotFound},
		},
		"album by title gone twice": {
			google(photos.AlbumNotFound),
			attempt{ByTitle: true, Resent: true},
			outcome{Action: actFail, Code: mqttapi.CodeAlbumNotFound},
		},
		"session expired": {
			google(photos.Expired),
			attempt{Tries: 1},
			outcome{actResend, in(time.Second), "", mqttapi.CodeGoogleUnavailable},
		},
		"refused with a fresh token": {
			google(photos.Rejected),
			attempt{TokenAge: time.Minute},
			outcome{Action: actFail, Code: mqttapi.CodeRejected},
		},
		"refused with an old token": {
			google(photos.Rejected),
			attempt{TokenAge: 2 * time.Hour},
			outcome{actResend, now, "", mqttapi.CodeRejected},
		},
		"refused with an old token, sent anew before": {
			google(photos.Rejected),
			attempt{TokenAge: 2 * time.Hour, Resent: true},
			outcome{Action: actFail, Code: mqttapi.CodeRejected},
		},
		"equal bytes in one batch": {
			google(photos.Duplicate),
			attempt{Tries: 1},
			outcome{actRetry, now, "", mqttapi.CodeRejected},
		},
		"item fault": {
			google(photos.ItemFault),
			attempt{Tries: 1},
			outcome{actRetry, in(time.Second), "", mqttapi.CodeGoogleUnavailable},
		},
		"item fault after other troubles": {
			google(photos.ItemFault),
			attempt{Tries: 6, Faults: 1},
			outcome{actRetry, in(32 * time.Second), "", mqttapi.CodeGoogleUnavailable},
		},
		"item fault for the fifth time": {
			google(photos.ItemFault),
			attempt{Tries: 5, Faults: 5},
			outcome{Action: actFail, Code: mqttapi.CodeRejected},
		},
		"file changed": {
			&photos.Error{Kind: photos.Transient, Err: mqttapi.NewError(mqttapi.CodeChanged)},
			attempt{},
			outcome{Action: actFail, Code: mqttapi.CodeChanged},
		},
		"file grew while it was sent": {
			fmt.Errorf("upload: %w", photos.ErrMediaChanged),
			attempt{},
			outcome{Action: actFail, Code: mqttapi.CodeChanged},
		},
		"copy damaged": {
			&photos.Error{Kind: photos.Transient, Err: store.ErrDamaged},
			attempt{},
			outcome{Action: actFail, Code: mqttapi.CodeInternal},
		},
		"unknown error": {errors.New("a bug"), attempt{}, outcome{Action: actFail, Code: mqttapi.CodeInternal}},
		"too old to wait": {
			google(photos.StorageFull),
			attempt{Age: 8 * 24 * time.Hour},
			outcome{actFail, in(time.Hour), mqttapi.HoldStorageFull, mqttapi.CodeStorageFull},
		},
	} {
		t.Run(name, func(t *testing.T) {
			tc.a.MaxAge = 7 * 24 * time.Hour
			d := decide(tc.err, tc.a, now, 0)
			got := outcome{d.action, d.at, d.hold, d.code}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			if d.words == "" {
				t.Error("nothing to tell the user")
			}
		})
	}
}

// Every kind that photos can return has a row; none falls through to internal.
func TestDecideKnowsEveryKind(t *testing.T) {
	n := 0
	for kind := photos.Kind(1); kind < 64; kind++ {
		if kind.String() == photos.Kind(64).String() {
			continue
		}
		n++
		d := decide(&photos.Error{Kind: kind}, attempt{MaxAge: time.Hour}, time.Now(), 0)
		if d.code == mqttapi.CodeInternal {
			t.Errorf("%v is not decided", kind)
		}
	}
	if n < 15 {
		t.Errorf("only %d kinds found", n)
	}
}

func TestBackoffJitter(t *testing.T) {
	for tries := range 200 {
		low, high := backoff(tries, 0), backoff(tries, 0.999)
		if low < firstRetry || low > lastRetry || high < low || high > low+low/4 {
			t.Errorf("try %d: %v to %v", tries, low, high)
		}
	}
}

func TestNextQuotaDay(t *testing.T) {
	for now, want := range map[string]string{
		"2026-11-22T07:59:59Z": "2026-11-22T08:00:00Z",
		"2026-11-22T08:00:00Z": "2026-11-23T08:00:00Z",
		"2026-07-01T12:00:00Z": "2026-07-02T07:00:00Z", // daylight saving
		"2026-03-08T09:00:00Z": "2026-03-09T07:00:00Z", // the day has 23 hours
		"2026-11-01T08:00:00Z": "2026-11-02T08:00:00Z", // the day has 25 hours
	} {
		at, err := time.Parse(time.RFC3339, now)
		if err != nil {
			t.Fatal(err)
		}
		if got := nextQuotaDay(at).UTC().Format(time.RFC3339); got != want {
			t.Errorf("after %s: %s, want %s", now, got, want)
		}
	}
}

func TestOutlive(t *testing.T) {
	parent, stop := context.WithCancel(t.Context())
	ctx, cancel := outlive(parent, time.Hour, time.Hour)
	defer cancel()
	stop()
	if err := ctx.Err(); err != nil {
		t.Errorf("ended with its parent: %v", err)
	}
}
