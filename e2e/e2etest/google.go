package e2etest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"sync"
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

// A Names is a simulated Google under Google's own names: TLS with HTTP/2, through a proxy.
type Names struct {
	Proxy     *url.URL
	Authority string // file with the certificate authority of its certificates
	pool      *x509.CertPool
}

// StartNames serves a simulated Google under Google's own names until the test ends.
func StartNames(tb testing.TB, config photosim.Config, dir string) (*photosim.Server, Names) {
	tb.Helper()
	sim := photosim.New(config)
	authority, err := photosim.NewCA()
	Must(tb, err)
	Must(tb, authority.WriteFile(dir))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	Must(tb, err)
	ctx, stop := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := sim.Serve(ctx, listener, authority); err != nil {
			tb.Errorf("the simulated Google: %v", err)
		}
	})
	tb.Cleanup(func() {
		stop()
		serving.Wait()
		Must(tb, sim.Close())
	})
	proxy := &url.URL{Scheme: "http", Host: listener.Addr().String()}
	return sim, Names{Proxy: proxy, Authority: filepath.Join(dir, "ca.pem"), pool: authority.Pool()}
}

// Settings let a program that finds Google by its names find the simulated one.
func (n Names) Settings() []string {
	return []string{"HTTPS_PROXY=" + n.Proxy.String(), "SSL_CERT_FILE=" + n.Authority}
}

// Transport is a browser's way to it.
func (n Names) Transport() *http.Transport {
	t := &http.Transport{DisableKeepAlives: true}
	if n.Proxy != nil {
		t.Proxy, t.TLSClientConfig = http.ProxyURL(n.Proxy), &tls.Config{RootCAs: n.pool}
	}
	return t
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
