package e2etest

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"gphotos2mqtt/photos/photosim"
)

// StartGoogle serves a simulated Google until the test ends and returns its address.
// wrap, if any, sees every request.
func StartGoogle(tb testing.TB, config photosim.Config, wrap func(http.Handler) http.Handler) (*photosim.Server, string) {
	tb.Helper()
	sim := photosim.New(config)
	handler := sim.Handler()
	if wrap != nil {
		handler = wrap(handler)
	}
	server := httptest.NewServer(handler)
	tb.Cleanup(func() {
		sim.Reset() // what a fault holds must not hold up the end
		server.Close()
		Must(tb, sim.Close())
	})
	return sim, server.URL
}

// GoogleSettings tell the bridge to take the simulated Google at an address for Google.
func GoogleSettings(address string) []string {
	at := (*photosim.Server)(nil).Endpoints(address)
	return []string{
		"GPHOTOS_GOOGLE_AUTH_URL=" + at.AuthURL, "GPHOTOS_GOOGLE_TOKEN_URL=" + at.TokenURL, "GPHOTOS_GOOGLE_REVOKE_URL=" + at.RevokeURL,
		"GPHOTOS_GOOGLE_USERINFO_URL=" + at.UserInfoURL, "GPHOTOS_GOOGLE_LIBRARY_URL=" + at.Library,
	}
}

// ClientSettings are the OAuth client that the simulated Google knows.
func ClientSettings() []string {
	return []string{"GPHOTOS_CLIENT_ID=" + photosim.DefaultClientID, "GPHOTOS_CLIENT_SECRET=" + photosim.DefaultClientSecret}
}
