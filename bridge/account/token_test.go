package account

import (
	"testing"
	"time"

	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos"
)

// An upload token that has died costs its bytes once more. One that is refused although it is new costs them few times, and no batch its
// other files.
func TestUploadTokenIsRefused(t *testing.T) {
	now := time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)
	refused := &photos.Error{Kind: photos.Expired, Op: "create items", Status: 400}
	for name, tc := range map[string]struct {
		a      Attempt
		action Action
		wait   time.Duration
	}{
		"too old":                 {Attempt{Tries: 1, Faults: 1, Sent: true}, Resend, time.Second},
		"new":                     {Attempt{Tries: 1, Faults: 1, Sent: true, Resent: true}, Resend, time.Minute},
		"new, for the third time": {Attempt{Tries: 1, Faults: 3, Sent: true, Resent: true}, Resend, 4 * time.Minute},
		"new, each time":          {Attempt{Tries: 1, Faults: 5, Sent: true, Resent: true}, Fail, 0},
		"a session":               {Attempt{Tries: 3, Faults: 9, Resent: true}, Resend, 4 * time.Second},
	} {
		tc.a.MaxAge = time.Hour
		d := Decide(refused, tc.a, now, 0)
		if d.Action != tc.action || d.Wait != tc.wait || d.Code != mqttapi.CodeGoogleUnavailable {
			t.Errorf("%s: got %+v", name, d)
		}
	}
	for kind := photos.Transient; kind <= photos.Invalid; kind++ {
		d := Decide(&photos.Error{Kind: kind}, Attempt{Sent: true, MaxAge: time.Hour}, now, 0)
		ofFile := d.Action == Resend || kind == photos.Invalid
		if got := MayBeOfOne(&photos.Error{Kind: kind}); got != ofFile {
			t.Errorf("%v: perhaps of one file is %v", kind, got)
		}
	}
}
