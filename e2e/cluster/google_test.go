package cluster_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"gphotos2mqtt/e2e/e2etest"
	"gphotos2mqtt/photos/photosim"
)

// publicURL is where Google leads a browser back to, whichever process that reaches.
const publicURL = "http://localhost:8099"

// A google is photosim in a process of its own, with an account for each entry.
type google struct {
	tb testing.TB
	*site
	tls     string // the folder with its authority's certificate
	process *e2etest.Process
}

func startGoogle(tb testing.TB, n *network, entries []string) *google {
	tb.Helper()
	g := &google{tb: tb, site: n.site("google"), tls: tb.TempDir()}
	args := []string{"-listen", g.addr("http"), "-redirect-uri", publicURL + "/oauth/callback", "-dir", tb.TempDir(), "-tls-dir", g.tls}
	for _, entry := range entries {
		args = append(args, "-account", entry+"@example.com")
	}
	g.in(func() { g.process = e2etest.Start(tb, e2etest.Command{Name: "google", Path: "photosim", Args: args}) })
	g.process.Expect("photosim listening on")
	g.post("latency", map[string]any{ // so that writes take their time, and a kill comes in the middle of one
		"uploads.*": "200ms", "albums.create": "300ms", "mediaItems.batchCreate": map[string]string{"base": "500ms", "per_item": "30ms"},
	})
	return g
}

// settings lead a bridge's way to Google's own names to it.
func (g *google) settings(at *site) []string {
	return append(e2etest.ClientSettings(),
		"HTTPS_PROXY=http://"+at.network.reach(at, g.site, "http"), "SSL_CERT_FILE="+filepath.Join(g.tls, "ca.pem"))
}

// consents allows the n-th account everything on the consent page, and returns where the
// browser is led to.
func (g *google) consents(n int, page string) *url.URL {
	g.tb.Helper()
	at, err := url.Parse(page)
	e2etest.Must(g.tb, err)
	query := at.Query()
	at.Scheme, at.Host, at.Path = "http", g.addr("http"), "/accounts"+at.Path
	back, err := browser.PostForm(at.String(), url.Values{
		"decision": {"allow"}, "account": {fmt.Sprintf("1%020d", n+1)}, "scope": strings.Fields(query.Get("scope")),
	})
	e2etest.Must(g.tb, err)
	e2etest.Must(g.tb, back.Body.Close())
	to, err := back.Location()
	e2etest.Must(g.tb, err)
	return to
}

var browser = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// get reads what the control API tells.
func (g *google) get(what string, into any) {
	g.tb.Helper()
	answer, err := browser.Get("http://" + g.addr("http") + "/_sim/" + what)
	e2etest.Must(g.tb, err)
	defer answer.Body.Close()
	e2etest.Must(g.tb, json.NewDecoder(answer.Body).Decode(into))
}

func (g *google) post(what string, v any) {
	g.tb.Helper()
	body, err := json.Marshal(v)
	e2etest.Must(g.tb, err)
	answer, err := browser.Post("http://"+g.addr("http")+"/_sim/"+what, "application/json", bytes.NewReader(body))
	e2etest.Must(g.tb, err)
	e2etest.Must(g.tb, answer.Body.Close())
	if answer.StatusCode != http.StatusOK {
		g.tb.Fatalf("%s: %s", what, answer.Status)
	}
}

func (g *google) stats() (s photosim.Stats) {
	g.tb.Helper()
	g.get("stats", &s)
	return s
}

func (g *google) library() (all []photosim.AccountLibrary) {
	g.tb.Helper()
	g.get("library", &all)
	return all
}
