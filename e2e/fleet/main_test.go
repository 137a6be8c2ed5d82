// Package fleet runs several processes of the built bridge on one NATS server, with Mosquitto and the simulated Google, and does to them
// what a bad day does: each test one thing, on loopback. What a whole cluster survives is in e2e/cluster.
package fleet

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"gphotos2mqtt/cluster/clustertest"
	"gphotos2mqtt/e2e/e2etest"
	"gphotos2mqtt/photos/photosim"
)

func TestMain(m *testing.M) {
	clustertest.Serve()
	os.Exit(e2etest.M{M: m, MoreThanGo: true, Race: true, Needs: []string{"mosquitto"}}.Run())
}

// A world is all that the processes share.
type world struct {
	testing.TB
	*e2etest.Subscriber

	google  *photosim.Server
	nats    *clustertest.Servers
	entries []string
	common  []string // settings
}

func newWorld(t *testing.T, entries ...string) *world {
	t.Helper()
	w := &world{TB: t, entries: entries}
	var accounts []photosim.Account
	for i, entry := range entries {
		accounts = append(accounts, photosim.Account{ID: fmt.Sprint(1000 + i), Name: entry, Email: entry + "@example.com"})
	}
	sim, google := e2etest.StartGoogle(t, photosim.Config{
		Accounts: accounts, Dir: t.TempDir(), Clients: []photosim.Client{{
			ID: photosim.DefaultClientID, Secret: photosim.DefaultClientSecret, Project: photosim.DefaultProject,
			RedirectURIs: []string{"http://localhost:8099/oauth/callback"},
		}},
	}, nil)
	w.google = sim
	w.nats = clustertest.Start(t, 1, "")
	port := e2etest.Port(t)
	e2etest.StartMosquitto(t, t.TempDir(), port, "allow_anonymous true\nset_tcp_nodelay true\n")
	w.common = append(append(e2etest.GoogleSettings(google), e2etest.ClientSettings()...),
		"GPHOTOS_NATS_URL="+w.nats.URLs(), "GPHOTOS_NATS_REPLICAS=1", "GPHOTOS_SECRET_KEY="+strings.Repeat("ab", 32),
		"GPHOTOS_MQTT_URL=mqtt://127.0.0.1:"+port, "GPHOTOS_ENTRIES="+strings.Join(entries, ","),
		"GPHOTOS_PUBLIC_URL=http://localhost:8099", "GPHOTOS_LOG_LEVEL=debug")
	w.Subscriber = e2etest.Subscribe(t, e2etest.ClientOptions(port), "#")
	w.Ready()
	return w
}

// A bridge is one process.
type bridge struct {
	*e2etest.Process

	pages, media string
}

func (w *world) start(name string, settings ...string) *bridge {
	w.Helper()
	b := &bridge{pages: "127.0.0.1:" + e2etest.Port(w), media: filepath.Join(w.TempDir(), name)}
	e2etest.Must(w, os.Mkdir(b.media, 0o755))
	b.Process = e2etest.Start(w, e2etest.Command{Name: name, Path: "gphotos2mqtt", Env: append(append(slices.Clone(w.common),
		"GPHOTOS_HTTP_LISTEN="+b.pages, "GPHOTOS_MACHINE="+name, "GPHOTOS_MEDIA_DIRS="+b.media), settings...)})
	return b
}

// holds reports whether the process says that it has the entry, or leads, and has not lost it since.
func (b *bridge) holds(entry string) bool {
	last := false
	for line := range strings.Lines(b.Output()) {
		if strings.Contains(line, "entry="+entry+" ") {
			switch {
			case strings.Contains(line, `"entry is not held any more"`):
				last = false
			case strings.Contains(line, `"entry is held"`):
				last = true
			}
		}
	}
	return last
}

// shared waits until the processes have so many entries each.
func (w *world) shared(want int, all ...*bridge) {
	w.Helper()
	e2etest.Until(w, fmt.Sprintf("each to have %d entries", want), func() bool {
		for _, b := range all {
			n := 0
			for _, entry := range w.entries {
				if b.holds(entry) {
					n++
				}
			}
			if n != want {
				return false
			}
		}
		return true
	})
}

// online waits until the last word of each entry is online.
func (w *world) online() {
	w.Helper()
	w.Until("all entries to be online", func() bool {
		for _, entry := range w.entries {
			all := w.All("gphotos/" + entry + "/availability")
			if len(all) == 0 || string(all[len(all)-1]) != "online" {
				return false
			}
		}
		return true
	})
}

// request makes a request of an entry and waits for its answer.
func (w *world) request(entry, verb string) (r e2etest.Response) {
	w.Helper()
	topic := "gphotos/" + entry + "/response/" + verb
	w.Forget(topic)
	w.Publish("gphotos/"+entry+"/request/"+verb, []byte("{}"))
	e2etest.Must(w, json.Unmarshal(w.Expect(topic, "an answer", nil).Payload, &r))
	return r
}

var browser = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// allow is the person who allows everything, and gives where the browser is led to.
func (w *world) allow(entry string) *url.URL {
	w.Helper()
	return w.allowAs(entry, slices.Index(w.entries, entry))
}

// allowAs is allow for the account of another entry.
func (w *world) allowAs(entry string, account int) *url.URL {
	w.Helper()
	consent := w.request(entry, "link").Data.ConsentURL
	at, err := url.Parse(consent)
	e2etest.Must(w, err)
	back, err := browser.PostForm(consent, url.Values{
		"decision": {"allow"}, "account": {fmt.Sprint(1000 + account)}, "scope": strings.Fields(at.Query().Get("scope")),
	})
	e2etest.Must(w, err)
	e2etest.Must(w, back.Body.Close())
	to, err := back.Location()
	e2etest.Must(w, err)
	return to
}

// link links all entries, by the pages of one process.
func (w *world) link(by *bridge) {
	w.Helper()
	for _, entry := range w.entries {
		w.linked(entry, by, w.allow(entry))
	}
}

// linked visits where the browser was led to, and waits until the entry says that it is linked.
func (w *world) linked(entry string, by *bridge, to *url.URL) {
	w.Helper()
	answer, err := browser.Get("http://" + by.pages + to.Path + "?" + to.RawQuery)
	e2etest.Must(w, err)
	e2etest.Must(w, answer.Body.Close())
	if answer.StatusCode != http.StatusOK {
		w.Fatalf("linking %s: %s", entry, answer.Status)
	}
	w.Until(entry+" to say that it is linked", func() bool {
		var state struct{ Link struct{ Status string } }
		return w.Last("gphotos/"+entry+"/state", &state) && state.Link.Status == "linked"
	})
}

// finished are the uploads of an entry that have ended.
func (w *world) finished(entry string) (all []e2etest.Result) {
	for _, payload := range w.All("gphotos/" + entry + "/upload/result") {
		var r e2etest.Result
		if json.Unmarshal(payload, &r) == nil && r.Status != "accepted" {
			all = append(all, r)
		}
	}
	return all
}

// itemsOnce checks that each entry has its items, and none twice.
func (w *world) itemsOnce(want int) {
	w.Helper()
	for _, library := range w.google.Library() {
		if len(library.Items) != want {
			w.Errorf("%s has %d items, want %d", library.Account, len(library.Items), want)
		}
	}
	if writes := w.google.Stats().Writes; writes.Overlapping > 0 {
		w.Errorf("%d writes overlapped: %v", writes.Overlapping, w.google.Stats().Overlaps)
	}
}

func (b *bridge) freeze() { _ = b.Cmd.Process.Signal(syscall.SIGSTOP) }
func (b *bridge) thaw()   { _ = b.Cmd.Process.Signal(syscall.SIGCONT) }

// within checks how long something took.
func (w *world) within(limit time.Duration, what string, do func()) {
	w.Helper()
	began := time.Now()
	do()
	took := time.Since(began)
	w.Logf("%s: %v", what, took.Round(10*time.Millisecond))
	if took > limit {
		w.Errorf("%s took %v, want %v at most", what, took, limit)
	}
}
