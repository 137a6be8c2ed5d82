package photos

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestMessages(t *testing.T) {
	long := strings.Repeat("ä", 400)
	tests := []struct{ name, contentType, body, want string }{
		{"json", "application/json", api(400, "INVALID_ARGUMENT", "Request contains an invalid argument."), "Request contains an invalid argument."},
		{"oauth", "application/json", `{"error":"invalid_client","error_description":"Unauthorized"}`, "Unauthorized"},
		{"html", "text/html", html502, "Error 502 (Server Error)!!1"},
		{"html unnamed", "", "<h1>gateway</h1>", ""},
		{"text", "text/plain", "wrong\n\toffset\x1b[31m\x00", "wrong offset [31m"},
		{"picture", "image/jpeg", "\xff\xd8\xff", ""},
		{"binary", "", "\xff\xfe\x00", ""},
		{"long", "text/plain", long, strings.Repeat("ä", 299) + "…"},
		{"empty", "", "", ""},
		{"help", "", "Enable it by visiting https://console.developers.google.com/apis/api/x/overview?project=1 then retry.", "Enable it by visiting https://console.developers.google.com/apis/api/x/overview?project=1 then retry."},
		{"link", "", "Sign in (https://google.com.evil.example/x), or HTTP://192.168.1.1 or https://me@cloud.google.com/!", "Sign in (…), or … or …"},
		{"link in JSON", "", api(400, "INVALID_ARGUMENT", "See javascript://x and https://support.google.com/photos."), "See … and https://support.google.com/photos."},
	}
	for _, test := range tests {
		if got := parseAnswer([]byte(test.body), test.contentType).message; got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

var fixedNow = time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)

func TestRetryAfter(t *testing.T) {
	now := fixedNow
	tests := []struct {
		value string
		want  time.Duration
	}{
		{"", 0},
		{"30", 30 * time.Second},
		{" 7 ", 7 * time.Second},
		{"-5", 0},
		{"soon", 0},
		{"99999999999999999999999", maxWait},
		{"86401", maxWait},
		{"Sun, 22 Nov 2026 20:01:00 GMT", time.Minute},
		{"Sun, 22 Nov 2026 19:59:00 GMT", 0},
		{"Fri, 22 Nov 2126 20:01:00 GMT", maxWait},
	}
	for _, test := range tests {
		if got := retryAfter(test.value, now); got != test.want {
			t.Errorf("%q: got %v, want %v", test.value, got, test.want)
		}
	}
}

// A date is read by the clock of who sent it: this machine's may be wrong by years.
func TestRetryAfterByGooglesClock(t *testing.T) {
	c := through(func(*http.Request) (*http.Response, error) {
		header := http.Header{"Date": {"Wed, 25 Nov 2026 12:00:00 GMT"}, "Retry-After": {"Wed, 25 Nov 2026 12:02:00 GMT"}}
		return &http.Response{StatusCode: http.StatusServiceUnavailable, Header: header, Body: http.NoBody}, nil
	})
	_, err := c.Item(t.Context(), "i")
	if refused, ok := errors.AsType[*Error](err); !ok || refused.RetryAfter != 2*time.Minute {
		t.Errorf("err = %+v", refused)
	}
}

func TestRefusalIsReadOnlyInPart(t *testing.T) {
	read := 0
	c := through(func(*http.Request) (*http.Response, error) {
		endless := readerFunc(func(p []byte) (int, error) { read += len(p); return len(p), nil })
		return &http.Response{StatusCode: http.StatusInternalServerError, Body: io.NopCloser(endless)}, nil
	})
	_, err := c.Item(t.Context(), "i")
	if KindOf(err) != Transient || read > 2*maxRefusal {
		t.Errorf("got %v after %d bytes", err, read)
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestErrorsSayWhatHappened(t *testing.T) {
	cause := errors.New("connection reset")
	tests := []struct {
		err  error
		want string
	}{
		{&Error{Kind: DailyQuota, Op: "list items", Status: 429, Reason: "RESOURCE_EXHAUSTED", Message: "per day"}, "list items: daily_quota (429 Too Many Requests RESOURCE_EXHAUSTED): per day"},
		{&Error{Kind: Transient, Op: "send", Err: cause}, "send: transient: connection reset"},
		{&Error{Op: "send", Err: io.EOF}, "send: EOF"},
		{&Error{Kind: Invalid, Op: "create items", Message: "51 items given"}, "create items: invalid: 51 items given"},
	}
	for _, test := range tests {
		if got := test.err.Error(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
	wrapped := fmt.Errorf("album: %w", tests[1].err)
	if KindOf(wrapped) != Transient || !errors.Is(wrapped, cause) || KindOf(cause) != 0 || KindOf(nil) != 0 {
		t.Error("the kind or the cause is not reachable through a chain")
	}
}

func TestKindsHaveNames(t *testing.T) {
	seen := make(map[string]bool)
	for k := Transient; k <= Invalid; k++ {
		name := k.String()
		if name == "none" || seen[name] || !utf8.ValidString(name) || strings.ToLower(name) != name {
			t.Errorf("kind %d has the name %q", int(k), name)
		}
		seen[name] = true
	}
	if DailyQuota.String() != "daily_quota" || AlbumFull.String() != "album_full" || Invalid.String() != "invalid" {
		t.Error("the names are not in the order of the kinds")
	}
	if Kind(0).String() != "none" || (Invalid+1).String() != "none" {
		t.Error("what is no kind has a name")
	}
}
