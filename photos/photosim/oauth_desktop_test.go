package photosim

import (
	"net/url"
	"strings"
	"testing"
)

func desktopSim(t *testing.T) *sim {
	t.Helper()
	return newSim(t, Config{Clients: []Client{{ID: DefaultClientID, Secret: DefaultClientSecret, Project: "1", Desktop: true}}})
}

// TestDesktopClient links on ports that nobody registered, without access_type, twice.
func TestDesktopClient(t *testing.T) {
	m := desktopSim(t)
	for _, redirect := range []string{"http://127.0.0.1:40123", "http://localhost:1/any/path", "http://[::1]:65535/oauth/callback"} {
		r := m.call("POST", m.authURL("redirect_uri", redirect), yes(scopeAppend).Encode(), "Content-Type", "application/x-www-form-urlencoded")
		to, err := url.Parse(r.header.Get("Location"))
		if err != nil || !strings.HasPrefix(to.String(), redirect+"?") {
			t.Fatalf("%s: %d to %s", redirect, r.status, to)
		}
		exchange := func(redirect string) reply {
			return m.exchange("grant_type", "authorization_code", "redirect_uri", redirect, "code", to.Query().Get("code"))
		}
		checkTokenError(t, exchange(redirect+"/x"), 400, "redirect_uri_mismatch", "")
		var token tokenAnswer
		exchange(redirect).decode(t, &token)
		if token.RefreshToken == "" {
			t.Errorf("%s: no refresh token", redirect)
		}
	}
}

func TestDesktopClientStaysAtHome(t *testing.T) {
	m := desktopSim(t)
	for _, redirect := range []string{
		"https://photos.example.org/oauth/callback", "http://192.168.1.2:8099/oauth/callback", "https://127.0.0.1:8099/", "http://u@127.0.0.1:1/",
		"http://127.0.0.1:1/#f", "http://localhost.example.org:1/", "urn:ietf:wg:oauth:2.0:oob", "com.example.app:/oauth",
	} {
		if r := m.call("GET", m.authURL("redirect_uri", redirect), ""); r.status != 400 || !strings.Contains(r.body, "redirect_uri_mismatch") {
			t.Errorf("%s: %d", redirect, r.status)
		}
	}
	bad := Config{Clients: []Client{{ID: "c", Secret: "s", Project: "1", Desktop: true, RedirectURIs: DefaultRedirectURIs()}}}
	if bad.Check() == nil {
		t.Error("a desktop client with registered addresses is accepted")
	}
}
