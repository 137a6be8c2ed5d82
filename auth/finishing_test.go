package auth

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gphotos2mqtt/auth/authtest"
	"gphotos2mqtt/photos/photosim"
)

// spy looks at every request on its way.
type spy struct {
	http.RoundTripper
	look func(*http.Request)
}

func (s spy) RoundTrip(req *http.Request) (*http.Response, error) {
	s.look(req)
	return s.RoundTripper.RoundTrip(req)
}

// While Google is asked for the tokens the entry is still being linked: nobody
// who watches may take that moment for the end.
func TestLinkingUntilTheTokensAreThere(t *testing.T) {
	sim := photosim.New(photosim.Config{})
	t.Cleanup(func() {
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
	})
	var l *Link
	var meanwhile []State
	base := spy{sim.Transport(), func(req *http.Request) {
		if strings.HasSuffix(req.URL.Path, "/token") || strings.HasSuffix(req.URL.Path, "/userinfo") {
			meanwhile = append(meanwhile, l.State())
		}
	}}
	l, err := Open(t.Context(), Config{
		Entry: "home", ClientID: photosim.DefaultClientID, ClientSecret: photosim.DefaultClientSecret,
		RedirectURL: "http://localhost:8099/oauth/callback", Base: base,
	}, testKey, new(authtest.Vault))
	if err != nil {
		t.Fatal(err)
	}
	invitation := l.Start()
	page, err := url.Parse(invitation.Consent)
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{"decision": {"allow"}, "account": {photosim.DefaultAccountID}, "scope": strings.Fields(page.Query().Get("scope"))}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, invitation.Consent, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := sim.Transport().RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if _, err := l.FinishAddress(t.Context(), resp.Header.Get("Location")); err != nil {
		t.Fatal(err)
	}
	want := State{Status: Linking, Expires: invitation.Expires}
	if diff := cmp.Diff([]State{want, want}, meanwhile); diff != "" {
		t.Error(diff)
	}
	if s := l.State(); s.Status != Linked || !s.Expires.IsZero() {
		t.Errorf("at the end: %+v", s)
	}
}
