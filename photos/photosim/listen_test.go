package photosim

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// listening serves a simulator over a real listener until the test ends, and returns its address.
func listening(t *testing.T, m *sim, ca *CA) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- m.Serve(ctx, ln, ca) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return ln.Addr().String()
}

func authority(t *testing.T) *CA {
	t.Helper()
	ca, err := NewCA()
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

// proxied is what an unmodified program does with HTTPS_PROXY and the CA file.
func proxied(t *testing.T, addr string, ca *CA, http2 bool) *http.Client {
	t.Helper()
	tr := &http.Transport{
		Proxy:             http.ProxyURL(&url.URL{Scheme: "http", Host: addr}),
		TLSClientConfig:   &tls.Config{RootCAs: ca.Pool()},
		ForceAttemptHTTP2: http2,
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, CheckRedirect: noRedirect}
}

// TestForeignClientThroughProxy uploads end to end through https://photoslibrary.googleapis.com, with nothing pointed at the
// simulator but the proxy and the CA.
func TestForeignClientThroughProxy(t *testing.T) {
	for _, http2 := range []bool{true, false} {
		t.Run(fmt.Sprintf("http2=%v", http2), func(t *testing.T) {
			m := newSim(t, Config{})
			ca := authority(t)
			m.http = proxied(t, listening(t, m, ca), ca, http2)
			data := bigPhoto(3 << 20)
			album := m.album("Through the proxy")
			_, out := m.create(album, m.upload(data), m.upload(photo(2)))
			if len(out.Results) != 2 || out.Results[0].Item == nil {
				t.Fatalf("create: %+v", out)
			}
			base := m.baseOf(out.Results[0].Item.ID)
			resp, err := m.http.Get(base + "=d")
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			got, err := io.ReadAll(resp.Body)
			if err != nil || string(got) != string(data) || resp.ProtoMajor != map[bool]int{true: 2, false: 1}[http2] {
				t.Errorf("%d bytes over %s, %v", len(got), resp.Proto, err)
			}
			film := []byte("\x00\x00\x00\x14ftypqt  film")
			if r := m.call("GET", m.videoOf(m.baseOf(m.item(film))), ""); r.body != string(film) {
				t.Errorf("video: %d", r.status)
			}
			m.Revoke(DefaultAccountID)
			if r := m.call("GET", m.authURL(), ""); r.status != 200 || !strings.Contains(r.body, "wants to access") {
				t.Errorf("consent page: %d", r.status)
			}
			var token tokenAnswer
			m.exchange("grant_type", "authorization_code", "redirect_uri", callback, "code", m.code()).decode(t, &token)
			m.token = token.AccessToken
			var info userInfo
			m.call("GET", m.target.UserInfoURL, "").decode(t, &info)
			if info.Email != DefaultAccountEmail {
				t.Errorf("user info %+v", info)
			}
		})
	}
}

func TestProxyLeadsNowhereElse(t *testing.T) {
	m := newSim(t, Config{})
	ca := authority(t)
	addr := listening(t, m, ca)
	for _, host := range []string{"example.com:443", "photoslibrary.googleapis.com:80", "photoslibrary.googleapis.com", "127.0.0.1:22", "169.254.169.254:443"} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", host, host)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %+v %v", host, resp, err)
		}
		if err == nil {
			resp.Body.Close()
		}
		conn.Close()
	}
	plain := listening(t, m, nil)
	client := proxied(t, plain, ca, false)
	if resp, err := client.Get("https://photoslibrary.googleapis.com/"); err == nil {
		resp.Body.Close()
		t.Errorf("a server without a CA is a proxy: %d", resp.StatusCode)
	}
}

// TestOneAddressForAll reaches the simulator by plain HTTP, by TLS and by absolute addresses on the same port.
func TestOneAddressForAll(t *testing.T) {
	m := newSim(t, Config{})
	ca := authority(t)
	addr := listening(t, m, ca)
	direct := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.Pool()}, ForceAttemptHTTP2: true}
	defer direct.CloseIdleConnections()
	id := m.item(photo(1))
	for base, want := range map[string]string{
		"http://" + addr: "http://" + addr + "/bytes/lr/",
		"https://" + strings.Replace(addr, "127.0.0.1", "localhost", 1): "https://localhost:",
	} {
		other := *m
		other.http, other.target = &http.Client{Transport: direct}, m.Endpoints(base)
		var i mediaItem
		other.call("GET", "/v1/mediaItems/"+id, "").decode(t, &i)
		if !strings.HasPrefix(i.BaseURL, want) {
			t.Errorf("%s: base URL %s", base, i.BaseURL)
		}
		if r := other.call("GET", i.BaseURL+"=d", ""); r.status != 200 {
			t.Errorf("%s: bytes %d", base, r.status)
		}
		session := other.startSession(10)
		if r := other.chunk(session, "upload, finalize", 0, bigPhoto(10)); r.status != 200 || !strings.HasPrefix(session, base+"/library/v1/uploads?") {
			t.Errorf("session %s: %d", session, r.status)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+"/v1/albums", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "photoslibrary.googleapis.com"
	req.Header.Set("Authorization", "Bearer "+m.token)
	m.http = &http.Client{Transport: direct}
	if r, err := m.send(req); err != nil || r.status != 200 {
		t.Errorf("by Host header: %d %v", r.status, err)
	}
	for _, path := range []string{"/", "/unknown/v1/albums", "/library", "/accounts/x"} {
		if r := m.call("GET", "http://"+addr+path, ""); r.status != 404 {
			t.Errorf("%s: %d", path, r.status)
		}
	}
}

func TestCAFile(t *testing.T) {
	ca := authority(t)
	dir := filepath.Join(t.TempDir(), "new")
	for range 2 { // again over the old file
		if err := ca.WriteFile(dir); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	if err != nil || string(got) != string(ca.PEM()) || strings.Contains(string(got), "PRIVATE") {
		t.Errorf("%s %v", got, err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("files %v", files)
	}
	if err := ca.WriteFile(filepath.Join(dir, "ca.pem")); err == nil {
		t.Error("a file was taken for a folder")
	}
}

// TestSilentConnection holds a connection that says nothing and one in the middle of a request while the server stops.
func TestSilentConnection(t *testing.T) {
	m := newSim(t, Config{})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- m.Serve(ctx, ln, authority(t)) }()
	silent, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	resp, err := http.Get("http://" + ln.Addr().String() + "/_sim/stats")
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("a silent client holds others up: %v", err)
	}
	resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	m.set(Fault{Route: "*", Mode: Stall})
	held := make(chan error)
	go func() {
		resp, err := http.Get("http://" + ln.Addr().String() + "/library/v1/albums")
		if err == nil {
			resp.Body.Close()
		}
		held <- err
	}()
	for m.Stats().Faults == 0 {
		runtime.Gosched()
	}
	before := time.Now()
	stop()
	if err := <-held; err == nil {
		t.Error("a stalled request was answered")
	}
	if err := <-done; err != nil || time.Since(before) > 3*time.Second {
		t.Errorf("serve: %v after %v", err, time.Since(before))
	}
	if _, err := silent.Read(make([]byte, 1)); err == nil {
		t.Error("the silent connection is still open")
	}
}

func TestServeReportsABrokenListener(t *testing.T) {
	m := newSim(t, Config{})
	ln := brokenListener{}
	for _, ca := range []*CA{nil, authority(t)} {
		if err := m.Serve(t.Context(), ln, ca); err == nil || !strings.Contains(err.Error(), "broken") {
			t.Errorf("error %v", err)
		}
	}
}

type brokenListener struct{}

func (brokenListener) Accept() (net.Conn, error) { return nil, fmt.Errorf("listener is broken") }
func (brokenListener) Close() error              { return nil }
func (brokenListener) Addr() net.Addr            { return &net.TCPAddr{} }
