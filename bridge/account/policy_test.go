package account

import (
	"context"
	"crypto/x509"
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
		Action Action
		At     time.Time
		Hold   mqttapi.HoldReason
		Code   mqttapi.Code
	}
	notYetValid := x509.CertificateInvalidError{Reason: x509.Expired, Cert: &x509.Certificate{NotBefore: now}}
	in := func(d time.Duration) time.Time { return now.Add(d) }
	for name, tc := range map[string]struct {
		err  error
		a    Attempt
		want outcome
	}{
		"first fault waits a second": {
			google(photos.Transient),
			Attempt{Tries: 1},
			outcome{Retry, in(time.Second), "", mqttapi.CodeGoogleUnavailable},
		},
		"fifth fault waits 16 s": {
			google(photos.Transient),
			Attempt{Tries: 5},
			outcome{Retry, in(16 * time.Second), "", mqttapi.CodeGoogleUnavailable},
		},
		"hundredth fault waits 15 min": {
			google(photos.Transient),
			Attempt{Tries: 100},
			outcome{Retry, in(15 * time.Minute), "", mqttapi.CodeGoogleUnavailable},
		},
		"retry-after of a fault": {
			&photos.Error{Kind: photos.Transient, Status: 503, RetryAfter: time.Minute},
			Attempt{Tries: 1},
			outcome{Retry, in(time.Minute), "", mqttapi.CodeGoogleUnavailable},
		},
		"no answer once": {
			&photos.Error{Kind: photos.Transient},
			Attempt{Tries: 1, InARow: 1},
			outcome{Retry, in(time.Second), "", mqttapi.CodeGoogleUnavailable},
		},
		"no answer again holds the entry": {
			&photos.Error{Kind: photos.Transient},
			Attempt{Tries: 1, InARow: 3},
			outcome{HoldEntry, in(4 * time.Second), mqttapi.HoldOffline, mqttapi.CodeGoogleUnavailable},
		},
		"our own time limit": {
			fmt.Errorf("create items: %w", context.DeadlineExceeded),
			Attempt{Tries: 1, InARow: 1},
			outcome{Retry, in(time.Second), "", mqttapi.CodeGoogleUnavailable},
		},
		"clock wrong": {
			&photos.Error{Kind: photos.Transient, Err: notYetValid},
			Attempt{Tries: 1, InARow: 1},
			outcome{HoldEntry, in(30 * time.Second), mqttapi.HoldOffline, mqttapi.CodeGoogleUnavailable},
		},
		"clock wrong for the token endpoint": {
			fmt.Errorf("get: %w: %w", auth.ErrUnavailable, notYetValid),
			Attempt{Tries: 1, InARow: 1},
			outcome{HoldEntry, in(30 * time.Second), mqttapi.HoldOffline, mqttapi.CodeGoogleUnavailable},
		},
		"token endpoint away": {
			fmt.Errorf("get: %w", auth.ErrUnavailable),
			Attempt{Tries: 1, InARow: 1},
			outcome{Retry, in(time.Second), "", mqttapi.CodeGoogleUnavailable},
		},
		"vault away": {
			fmt.Errorf("get: %w", auth.ErrVault),
			Attempt{Tries: 1, InARow: 1},
			outcome{Retry, in(time.Second), "", mqttapi.CodeGoogleUnavailable},
		},
		"writes a minute": {
			google(photos.RateLimited),
			Attempt{Tries: 1, InARow: 1},
			outcome{HoldEntry, in(30 * time.Second), mqttapi.HoldRateLimited, mqttapi.CodeRateLimited},
		},
		"writes a minute again": {
			google(photos.RateLimited),
			Attempt{Tries: 2, InARow: 2},
			outcome{HoldEntry, in(time.Minute), mqttapi.HoldRateLimited, mqttapi.CodeRateLimited},
		},
		"writes a minute for ever": {
			google(photos.RateLimited),
			Attempt{Tries: 99, InARow: 99},
			outcome{HoldEntry, in(10 * time.Minute), mqttapi.HoldRateLimited, mqttapi.CodeRateLimited},
		},
		"retry-after never shortens the wait": {
			&photos.Error{Kind: photos.RateLimited, RetryAfter: 2 * time.Second},
			Attempt{InARow: 1},
			outcome{HoldEntry, in(30 * time.Second), mqttapi.HoldRateLimited, mqttapi.CodeRateLimited},
		},
		"retry-after lengthens the wait": {
			&photos.Error{Kind: photos.RateLimited, RetryAfter: time.Hour},
			Attempt{InARow: 1},
			outcome{HoldEntry, in(time.Hour), mqttapi.HoldRateLimited, mqttapi.CodeRateLimited},
		},
		"concurrent writes": {
			google(photos.ConcurrentWrites),
			Attempt{InARow: 1},
			outcome{HoldEntry, in(30 * time.Second), mqttapi.HoldRateLimited, mqttapi.CodeRateLimited},
		},
		"daily quota": {
			google(photos.DailyQuota),
			Attempt{},
			outcome{HoldProject, midnight, mqttapi.HoldQuotaDaily, mqttapi.CodeQuotaDaily},
		},
		"storage full": {
			google(photos.StorageFull),
			Attempt{},
			outcome{HoldEntry, in(time.Hour), mqttapi.HoldStorageFull, mqttapi.CodeStorageFull},
		},
		"401 after a fresh token": {
			google(photos.Unauthorized),
			Attempt{},
			outcome{HoldEntry, in(time.Minute), mqttapi.HoldGoogleUnavailable, mqttapi.CodeGoogleUnavailable},
		},
		"401 for hours": {
			google(photos.Unauthorized),
			Attempt{InARow: 99},
			outcome{HoldEntry, in(time.Hour), mqttapi.HoldGoogleUnavailable, mqttapi.CodeGoogleUnavailable},
		},
		"grant ended": {
			&photos.Error{Kind: photos.Transient, Err: auth.ErrRelink},
			Attempt{},
			outcome{Relink, time.Time{}, mqttapi.HoldRelink, mqttapi.CodeRelinkRequired},
		},
		"unlinked meanwhile": {
			&photos.Error{Kind: photos.Transient, Err: auth.ErrUnlinked},
			Attempt{},
			outcome{Relink, time.Time{}, mqttapi.HoldRelink, mqttapi.CodeRelinkRequired},
		},
		"client deleted": {
			&photos.Error{Kind: photos.Transient, Err: auth.ErrClient},
			Attempt{},
			outcome{HoldEntry, in(time.Minute), mqttapi.HoldClientRefused, mqttapi.CodeAccessNotConfigured},
		},
		"library api not enabled": {
			google(photos.ProjectBlocked),
			Attempt{},
			outcome{HoldProject, in(time.Minute), mqttapi.HoldAccessNotConfigured, mqttapi.CodeAccessNotConfigured},
		},
		"no google photos": {
			google(photos.PhotosDisabled),
			Attempt{InARow: 3},
			outcome{HoldEntry, in(4 * time.Minute), mqttapi.HoldAccessNotConfigured, mqttapi.CodeAccessNotConfigured},
		},
		"scope missing": {
			google(photos.ScopeMissing),
			Attempt{},
			outcome{HoldEntry, in(time.Minute), mqttapi.HoldScopeMissing, mqttapi.CodeScopeMissing},
		},
		"album not writeable": {google(photos.AlbumNotWriteable), Attempt{}, outcome{Action: Fail, Code: mqttapi.CodeAlbumNotWriteable}},
		"album full":          {google(photos.AlbumFull), Attempt{}, outcome{Action: Fail, Code: mqttapi.CodeAlbumFull}},
		"too large":           {google(photos.TooLarge), Attempt{}, outcome{Action: Fail, Code: mqttapi.CodeTooLarge}},
		"bad request":         {google(photos.Invalid), Attempt{}, outcome{Action: Fail, Code: mqttapi.CodeRejected}},
		"item gone":           {google(photos.NotFound), Attempt{}, outcome{Action: Fail, Code: mqttapi.CodeNotFound}},
		"equal bytes each time": {
			google(photos.Duplicate),
			Attempt{Tries: 1, Faults: 5},
			outcome{Action: Fail, Code: mqttapi.CodeRejected},
		},
		"album by id gone": {google(photos.AlbumNotFound), Attempt{}, outcome{Action: Fail, Code: mqttapi.CodeAlbumNotFound}},
		"album by title gone": {
			google(photos.AlbumNotFound),
			Attempt{ByTitle: true},
			outcome{Action: FindAlbum, Code: mqttapi.CodeAlbumNotFound},
		},
		"album by title gone after a token was refused": {
			google(photos.AlbumNotFound),
			Attempt{ByTitle: true, Resent: true},
			outcome{FindAlbum, time.Time{}, "", mqttapi.CodeAlbumNotFound},
		},
		"album by title gone twice": {
			google(photos.AlbumNotFound),
			Attempt{ByTitle: true, Resent: true, Sought: true},
			outcome{Action: Fail, Code: mqttapi.CodeAlbumNotFound},
		},
		"album made minutes ago": {
			google(photos.AlbumNotFound),
			Attempt{ByTitle: true, NewAlbum: true, Tries: 3},
			outcome{Retry, in(4 * time.Second), "", mqttapi.CodeGoogleUnavailable},
		},
		"faults for less than a minute": {
			google(photos.Transient),
			Attempt{Tries: 6, InARow: 6, Lasts: time.Minute - 1},
			outcome{Retry, in(32 * time.Second), "", mqttapi.CodeGoogleUnavailable},
		},
		"faults for a minute": {
			google(photos.Transient),
			Attempt{Tries: 1, InARow: 7, Lasts: time.Minute},
			outcome{HoldEntry, in(64 * time.Second), mqttapi.HoldGoogleUnavailable, mqttapi.CodeGoogleUnavailable},
		},
		"session expired": {
			google(photos.Expired),
			Attempt{Tries: 1},
			outcome{Resend, in(time.Second), "", mqttapi.CodeGoogleUnavailable},
		},
		"bytes refused": {
			google(photos.Rejected),
			Attempt{},
			outcome{Action: Fail, Code: mqttapi.CodeRejected},
		},
		"upload token refused": {
			google(photos.Rejected),
			Attempt{Sent: true},
			outcome{Resend, now, "", mqttapi.CodeRejected},
		},
		"upload token unknown": {
			google(photos.NotFound),
			Attempt{Sent: true},
			outcome{Resend, now, "", mqttapi.CodeNotFound},
		},
		"upload token refused, sent anew before": {
			google(photos.Rejected),
			Attempt{Sent: true, Resent: true},
			outcome{Action: Fail, Code: mqttapi.CodeRejected},
		},
		"equal bytes in one batch": {
			google(photos.Duplicate),
			Attempt{Tries: 1},
			outcome{Retry, now, "", mqttapi.CodeRejected},
		},
		"item fault": {
			google(photos.ItemFault),
			Attempt{Tries: 1},
			outcome{Retry, in(time.Second), "", mqttapi.CodeGoogleUnavailable},
		},
		"item fault after other troubles": {
			google(photos.ItemFault),
			Attempt{Tries: 6, Faults: 1},
			outcome{Retry, in(32 * time.Second), "", mqttapi.CodeGoogleUnavailable},
		},
		"item fault for hours": {
			google(photos.ItemFault),
			Attempt{Tries: 31, Faults: 31},
			outcome{Retry, in(15 * time.Minute), "", mqttapi.CodeGoogleUnavailable},
		},
		"item fault for too many hours": {
			google(photos.ItemFault),
			Attempt{Tries: 32, Faults: 32},
			outcome{Action: Fail, Code: mqttapi.CodeGoogleUnavailable},
		},
		"equal bytes again": {
			google(photos.Duplicate),
			Attempt{Tries: 3, Faults: 3},
			outcome{Retry, in(2 * time.Minute), "", mqttapi.CodeRejected},
		},
		"file changed": {
			&photos.Error{Kind: photos.Transient, Err: mqttapi.NewError(mqttapi.CodeChanged)},
			Attempt{},
			outcome{Action: Fail, Code: mqttapi.CodeChanged},
		},
		"file grew while it was sent": {
			fmt.Errorf("upload: %w", photos.ErrMediaChanged),
			Attempt{},
			outcome{Action: Fail, Code: mqttapi.CodeChanged},
		},
		"copy damaged": {
			&photos.Error{Kind: photos.Transient, Err: store.ErrDamaged},
			Attempt{},
			outcome{Action: Fail, Code: mqttapi.CodeInternal},
		},
		"unknown error": {errors.New("a bug"), Attempt{}, outcome{Action: Fail, Code: mqttapi.CodeInternal}},
		"too old to wait": {
			google(photos.StorageFull),
			Attempt{Age: 8 * 24 * time.Hour},
			outcome{Fail, in(time.Hour), mqttapi.HoldStorageFull, mqttapi.CodeStorageFull},
		},
	} {
		t.Run(name, func(t *testing.T) {
			tc.a.MaxAge = 7 * 24 * time.Hour
			d := Decide(tc.err, tc.a, now, 0)
			got := outcome{d.Action, d.At, d.Hold, d.Code}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			if d.Sentence == "" {
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
		d := Decide(&photos.Error{Kind: kind}, Attempt{MaxAge: time.Hour}, time.Now(), 0)
		if d.Code == mqttapi.CodeInternal {
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
		if got := NextQuotaDay(at).UTC().Format(time.RFC3339); got != want {
			t.Errorf("after %s: %s, want %s", now, got, want)
		}
	}
}
