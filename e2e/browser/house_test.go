package browser_test

import (
	"context"
	"fmt"
	"net"
	"net/http/httptest"
	"sync"
	"syscall"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"gphotos2mqtt/photos/photosim"
)

// patience is how long a test waits for something before it fails.
const patience = 30 * time.Second

// A house is a bridge with its built-in broker, a simulated Google, and somebody
// who reads everything that is published.
type house struct {
	t        *testing.T
	sim      *photosim.Server
	secrets  *secrets
	settings []string
	dir      string // GPHOTOS_DATA_DIR
	media    string // GPHOTOS_MEDIA_DIRS
	bridge   *terminal
	mqtt     mqtt.Client

	mu       sync.Mutex // guards all below
	messages []mqtt.Message
	arrived  chan struct{} // closed when there is more
}

// newHouse starts everything. The bridge's pages listen on host, and public, if
// there is one, is where Google leads back to.
func newHouse(t *testing.T, host, port, public string) *house {
	t.Helper()
	redirect := "http://localhost:" + port
	if public != "" {
		redirect = public
	}
	sim := photosim.New(photosim.Config{
		Accounts: []photosim.Account{
			{ID: "1", Email: "ada@example.com", Name: "Ada Example"}, {ID: "2", Email: "ben@example.com", Name: "Ben Example"},
		},
		Clients: []photosim.Client{{
			ID: photosim.DefaultClientID, Secret: photosim.DefaultClientSecret, Project: photosim.DefaultProject,
			RedirectURIs: []string{redirect + "/oauth/callback"},
		}},
	})
	h := &house{t: t, sim: sim, secrets: newSecrets(), dir: t.TempDir(), media: t.TempDir(), arrived: make(chan struct{})}
	google := httptest.NewServer(h.secrets.watch(sim.Handler()))
	t.Cleanup(func() {
		google.Close()
		h.must(sim.Close())
	})
	broker := freePort(t, "127.0.0.1")
	at := sim.Endpoints(google.URL)
	h.settings = []string{
		"GPHOTOS_DATA_DIR=" + h.dir, "GPHOTOS_MEDIA_DIRS=" + h.media, "GPHOTOS_MQTT_LISTEN=127.0.0.1:" + broker, "GPHOTOS_HTTP_LISTEN=" + net.JoinHostPort(host, port),
		"GPHOTOS_PUBLIC_URL=" + public, "GPHOTOS_LOG_LEVEL=debug",
		"GPHOTOS_CLIENT_ID=" + photosim.DefaultClientID, "GPHOTOS_CLIENT_SECRET=" + photosim.DefaultClientSecret,
		"GPHOTOS_GOOGLE_AUTH_URL=" + at.AuthURL, "GPHOTOS_GOOGLE_TOKEN_URL=" + at.TokenURL, "GPHOTOS_GOOGLE_REVOKE_URL=" + at.RevokeURL,
		"GPHOTOS_GOOGLE_USERINFO_URL=" + at.UserInfoURL, "GPHOTOS_GOOGLE_LIBRARY_URL=" + at.Library,
	}
	h.bridge = h.run()
	t.Cleanup(func() { h.bridge.end(syscall.SIGTERM, 0) }) // before it is killed
	h.listen("tcp://127.0.0.1:" + broker)
	h.await("gphotos/home/availability", func(payload []byte) bool { return string(payload) == "online" })
	return h
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// expireCode makes Google take the next code for one that is too old.
func (h *house) expireCode() {
	h.t.Helper()
	h.must(h.sim.Faults(photosim.Fault{
		Route: "oauth.token", Calls: photosim.Calls{1}, Mode: photosim.Refuse, Status: 400,
		Body: `{"error": "invalid_grant", "error_description": "Bad Request"}`,
	}))
}

// freePort returns a port that nobody listens on.
func freePort(t *testing.T, host string) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
}

// otherHost is an address of this machine that is not localhost, so that a browser
// that uses it looks as if it were on another machine.
func otherHost(t *testing.T) string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
			return n.IP.String()
		}
	}
	t.Fatal("this machine has no address beside localhost")
	return ""
}
