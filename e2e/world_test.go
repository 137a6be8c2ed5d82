package e2e_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// patience is how long a script waits for something before it fails; WAIT=5s in
// a script's environment sets another.
const patience = 20 * time.Second

// A world is everything that belongs to one script.
type world struct {
	tb        testing.TB
	kind      string // of broker
	brokers   int    // started so far
	processes []*process
	inbox     *inbox
	last      message // found by hear or retained
	page      page    // in the browser
	photos    int     // drawn so far
	guide     *guide  // nil until an example of it is used
}

type worldKey struct{}

// newWorld prepares the environment of a script.
func newWorld(env *testscript.Env, kind string) error {
	w := &world{tb: env.T().(testing.TB), kind: kind}
	env.Values[worldKey{}] = w
	env.Setenv("MQTT_PORT", nextPort(w.tb))
	env.Setenv("OTHER_PORT", nextPort(w.tb)) // of the broker, for a script that wants a second one
	env.Setenv("HTTP_PORT", nextPort(w.tb))  // of the linking pages
	env.Setenv("MEDIA", filepath.Join(env.WorkDir, "media"))
	env.Setenv("GORACE", "atexit_sleep_ms=50") // else the race detector sleeps a second at each end
	env.Setenv("DATA", filepath.Join(env.WorkDir, "data"))
	env.Defer(w.end)
	return os.MkdirAll(env.Getenv("MEDIA"), 0o755)
}

// secret is what nobody may publish or print: the client's secret, and the
// simulated Google's access tokens, refresh tokens, codes and upload tokens.
var secret = regexp.MustCompile(`photosim-secret|ya29\.|1//0|4/0A|CAIS[0-9A-Za-z_-]{20}`)

// end stops what the script has left running. Each program has to stop cleanly, and
// must not have had a data race.
func (w *world) end() {
	if w.inbox != nil {
		w.inbox.close()
		for _, m := range w.inbox.heard() {
			if secret.Match(m.payload) && !strings.Contains(m.topic, "/request/") { // what the script said itself
				w.tb.Errorf("a secret was published: %s", m)
			}
		}
	}
	for _, p := range slices.Backward(w.processes) {
		p.end(w.tb)
	}
}

// find returns the process of that name that was started last.
func (w *world) find(ts *testscript.TestScript, name string) *process {
	for _, p := range slices.Backward(w.processes) {
		if p.name == name {
			return p
		}
	}
	ts.Fatalf("%s was not started", name)
	return nil
}

// deadline ends when the script's patience does.
func (w *world) deadline(ts *testscript.TestScript) (context.Context, context.CancelFunc) {
	wait := patience
	if text := ts.Getenv("WAIT"); text != "" {
		var err error
		wait, err = time.ParseDuration(text)
		ts.Check(err)
	}
	return context.WithTimeout(context.Background(), wait)
}

// lastPort is the last port that a test has got. There is one for all tests,
// because none must get the port of another.
var lastPort atomic.Int32

// nextPort returns a loopback port that nobody listens on. Ports below 32768 are
// not given to outgoing connections, see ip_local_port_range in
// https://www.kernel.org/doc/html/latest/networking/ip-sysctl.html.
func nextPort(tb testing.TB) string {
	tb.Helper()
	const first, count = 20000, 12000
	for range count {
		// Two runs of the tests at a time begin at different ports.
		port := first + (os.Getpid()*97+int(lastPort.Add(1)))%count
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err == nil {
			l.Close()
			return strconv.Itoa(port)
		}
	}
	tb.Fatal("no free port")
	return ""
}
