package cluster_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gphotos2mqtt/e2e/e2etest"
)

// A world is all that takes part: Google, a broker, NATS, the bridges, and who watches.
type world struct {
	testing.TB
	*network
	*observer
	google  *google
	broker  *broker
	nats    *servers
	owners  *owners
	bridges []*bridge
	entries []string
	media   string // of all bridges

	losses    [][2]time.Time // in which a payload may have been left, see checkPayloads
	published int            // uploads
	sums      []string       // of each upload's photo, in hex; each is written by one publisher
}

// A bridge is one process of the fleet.
type bridge struct {
	*site
	settings []string
	dir      string
	process  *e2etest.Process
	stopped  atomic.Bool // on purpose
	id       string      // of the process in the fleet; "" = not known yet
	runs     []*run
}

// newWorld starts all of it and waits until every entry is online and linked.
func newWorld(t *testing.T, entries, processes int) *world {
	t.Helper()
	w := &world{TB: t, network: newNetwork(t), media: t.TempDir()}
	for n := range entries {
		w.entries = append(w.entries, fmt.Sprintf("e%03d", n))
	}
	w.google = startGoogle(t, w.network, append(slices.Clone(w.entries), added))
	w.broker = startBroker(t, w.network)
	w.nats = newServers(t, w.network)
	w.observer = observe(t, w.broker.addr("mqtt"), w.ended)
	for i := range processes {
		w.bridges = append(w.bridges, w.newBridge(i))
	}
	for _, b := range w.bridges {
		w.start(b)
	}
	for _, b := range w.bridges {
		b.process.Expect("bridge started")
	}
	w.allOnline(w.entries, time.Time{})
	w.owners = watchOwners(t, w.nats)
	w.even() // an entry that moves while it is linked has to be linked anew
	w.link()
	return w
}

func (w *world) newBridge(i int) *bridge {
	w.Helper()
	b := &bridge{site: w.site(fmt.Sprint("bridge-", i)), dir: w.TempDir()}
	b.settings = append(w.google.settings(b.site),
		"GPHOTOS_ENTRIES="+strings.Join(w.entries, ","),
		"GPHOTOS_DATA_DIR="+filepath.Join(b.dir, "data"), "GPHOTOS_MEDIA_DIRS="+w.media, "TMPDIR="+b.dir,
		"GPHOTOS_SECRET_KEY="+strings.Repeat("6b", 32), "GPHOTOS_DISCOVERY=false", "GPHOTOS_LOG_FORMAT=json",
		"GPHOTOS_HTTP_LISTEN="+b.addr("pages"), "GPHOTOS_PUBLIC_URL="+publicURL,
		"GPHOTOS_MQTT_URL=mqtt://"+w.reach(b.site, w.broker.site, "mqtt"), "GPHOTOS_MQTT_USER="+b.name, "GPHOTOS_MQTT_PASSWORD=x",
		"GPHOTOS_NATS_URL="+w.nats.urls(b.site), "GPHOTOS_NATS_USER="+natsUser, "GPHOTOS_NATS_PASSWORD="+natsPassword)
	return b
}

// start starts a bridge, or starts it again.
func (w *world) start(b *bridge) {
	w.Helper()
	b.stopped.Store(false)
	b.id = ""
	b.in(func() {
		b.process = e2etest.Start(w, e2etest.Command{Name: b.name, Path: "gphotos2mqtt", Env: b.settings, Dir: b.dir})
	})
	p := b.process
	b.runs = append(b.runs, &run{Process: p})
	w.Cleanup(func() { // a frozen one cannot stop
		if !p.Over() {
			_ = p.Cmd.Process.Signal(syscall.SIGCONT)
		}
	})
}

// ended is a bridge that has ended though nobody told it to.
func (w *world) ended() *e2etest.Process {
	for _, b := range w.bridges {
		if b.process != nil && !b.stopped.Load() && b.process.Over() {
			return b.process
		}
	}
	return nil
}

// byBrowser is how many entries are linked by a browser: one address may ask the pages only
// so often.
const byBrowser = 6

// link links each entry to its account, some by a browser that reaches any process, and the
// others by the address that a person pastes.
func (w *world) link() {
	w.Helper()
	var linkers sync.WaitGroup
	next := make(chan int, len(w.entries))
	for n := range w.entries {
		next <- n
	}
	close(next)
	for range 8 {
		linkers.Go(func() {
			for n := range next {
				w.linkEntry(w.entries[n], n)
			}
		})
	}
	linkers.Wait()
	w.until("all entries to be linked", func() bool { return len(w.linked) == len(w.entries) })
}

// linkEntry links an entry to the n-th account.
func (w *world) linkEntry(entry string, n int) {
	w.Helper()
	var r struct {
		Status string
		Data   struct {
			ConsentURL string `json:"consent_url"`
		}
	}
	w.ask(entry, "link", "", &r)
	to := w.google.consents(n, r.Data.ConsentURL)
	if n >= byBrowser && entry != added {
		w.ask(entry, "link/finish", to.String(), &r)
		if r.Status != "ok" {
			w.Errorf("%s is not linked: %+v", entry, r)
		}
		return
	}
	req, err := http.NewRequest(http.MethodGet, to.String(), nil)
	e2etest.Must(w, err)
	req.URL.Host = w.bridges[n%len(w.bridges)].addr("pages") // where the name of the public address may lead
	page, err := browser.Do(req)
	e2etest.Must(w, err)
	e2etest.Must(w, page.Body.Close())
	if page.StatusCode != http.StatusOK {
		w.Errorf("%s is not linked by the page at %s: %s", entry, req.URL.Host, page.Status)
	}
}

// file writes a file that all bridges see.
func (w *world) file(name string, content []byte) string {
	w.Helper()
	path := filepath.Join(w.media, name)
	e2etest.Must(w, os.WriteFile(path, content, 0o644))
	return path
}
