package auth

import (
	"errors"
	"strings"
	"testing"
)

func TestCheckRedirect(t *testing.T) {
	for _, good := range []string{
		"http://localhost:8099/oauth/callback", "http://localhost/oauth/callback", "http://127.0.0.1:8099/oauth/callback",
		"http://[::1]:8099/oauth/callback", "https://localhost:8443/oauth/callback",
		"https://photos.example.org/oauth/callback", "https://example.com:8443/gphotos/oauth/callback",
		"https://nas.fritz.box/oauth/callback", "https://home.tail1234.ts.net/oauth/callback",
	} {
		if err := CheckRedirect(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	const local = "http://localhost:8099/oauth/callback"
	tests := []struct{ uri, problem, use string }{
		{"", "is empty", local},
		{"localhost:8099/oauth/callback", "does not start with http://", local},
		{"HTTPS://example.com/oauth/callback", "does not start with http://", local},
		{"ftp://example.com/oauth/callback", "does not start with http://", local},
		{"http:///oauth/callback", "and a host", local},
		{"https://example.com/ oauth/callback", "plain letters", local},
		{"https://exämple.com/oauth/callback", "plain letters", local},
		{"https://example.com/%zz/oauth/callback", "plain letters", local},
		{"https://sam:hunter2@example.com/oauth/callback", "user name", local},
		{"https://example.com/oauth/callback#x", "signs", local},
		{"https://*.example.com/oauth/callback", "signs", local},
		{`https://example.com\oauth/callback`, "plain letters", local},
		{"https://example.com/a/../oauth/callback", "dots", local},
		{"https://example.com/oauth/callback?next=https://evil.example", "query", local},
		{"https://example.com/oauth/callback?", "query", local},
		{"https://example.com/", "does not end with /oauth/callback", local},
		{"http://localhost:8099/oauth/callback/", "does not end with /oauth/callback", local},
		{"http://192.168.1.10:9000/oauth/callback", "IP address", "http://localhost:9000/oauth/callback"},
		{"https://192.168.1.10/oauth/callback", "IP address", local},
		{"https://[fd00::1]/oauth/callback", "IP address", local},
		{"http://nas:8099/oauth/callback", "public ending", local},
		{"http://homeassistant.local:8123/oauth/callback", "ends with .local", "http://localhost:8123/oauth/callback"},
		{"https://bridge.LAN/oauth/callback", "ends with .lan", local},
		{"https://bridge.home.arpa/oauth/callback", "ends with .arpa", local},
		{"https://a..com/oauth/callback", "empty part", local},
		{"http://example.com/oauth/callback", "for localhost only", "https://example.com/oauth/callback"},
	}
	for _, tt := range tests {
		err := CheckRedirect(tt.uri)
		if !errors.Is(err, ErrRedirect) {
			t.Errorf("%s: err = %v", tt.uri, err)
			continue
		}
		want := "Use " + tt.use + " instead, and register exactly that address in Google's console"
		if !strings.Contains(err.Error(), tt.problem) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s:\n%v\nwant %q and %q", tt.uri, err, tt.problem, want)
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the password is in the error", tt.uri)
		}
		if CheckRedirect(tt.use) != nil {
			t.Errorf("%s: advises the wrong %s", tt.uri, tt.use)
		}
	}
}
