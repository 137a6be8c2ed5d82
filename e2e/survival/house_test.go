package survival

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"gphotos2mqtt/bridge/store"
)

// patience is how long anything may take before a test gives up.
const patience = 2 * time.Minute

// A house is a broker, a Google and a bridge.
type house struct {
	t        *testing.T
	dir      string
	data     string // GPHOTOS_DATA_DIR
	media    string // the folder that files are uploaded from
	settings []string
	broker   *program
	bridge   *program
	google   string // the simulator, past the line
	port     string // of the broker, past the line
	toBroker *line
	toGoogle *line
	ear      *ear
}

// newHouse starts all of it and links the entry. settings are the bridge's own.
func newHouse(t *testing.T, settings ...string) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), port: freePort(t)}
	h.data, h.media = filepath.Join(h.dir, "data"), filepath.Join(h.dir, "media")
	tmp := filepath.Join(h.dir, "tmp")
	for _, dir := range []string{h.media, tmp, filepath.Join(h.dir, "broker")} {
		h.must(os.Mkdir(dir, 0o755))
	}
	h.startBroker()
	pages := freePort(t)
	sim := start(t, "photosim", "-listen", "127.0.0.1:0", "-dir", h.dir, "-redirect-uri", "http://localhost:"+pages+"/oauth/callback")
	h.google = "http://" + sim.find(`listening on http://(\S+)`)
	h.toBroker = newLine(t, "127.0.0.1:"+h.port)
	h.toGoogle = newLine(t, strings.TrimPrefix(h.google, "http://"))
	google := "http://" + h.toGoogle.addr()
	h.settings = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + h.dir, "TMPDIR=" + tmp, "GPHOTOS_LOG_LEVEL=debug",
		"GPHOTOS_MQTT_URL=mqtt://" + h.toBroker.addr(), "GPHOTOS_DATA_DIR=" + h.data, "GPHOTOS_MEDIA_DIRS=" + h.media,
		"GPHOTOS_HTTP_LISTEN=127.0.0.1:" + pages,
		"GPHOTOS_CLIENT_ID=photosim.apps.googleusercontent.com", "GPHOTOS_CLIENT_SECRET=photosim-secret",
		"GPHOTOS_GOOGLE_AUTH_URL=" + google + "/accounts/o/oauth2/v2/auth", "GPHOTOS_GOOGLE_TOKEN_URL=" + google + "/oauth2/token",
		"GPHOTOS_GOOGLE_REVOKE_URL=" + google + "/oauth2/revoke", "GPHOTOS_GOOGLE_USERINFO_URL=" + google + "/openid/v1/userinfo",
		"GPHOTOS_GOOGLE_LIBRARY_URL=" + google + "/library",
	}, settings...)
	h.ear = newEar(t, "tcp://127.0.0.1:"+h.port)
	h.startBridge()
	h.link()
	return h
}

// startBroker starts Mosquitto, which keeps what it has over an orderly restart.
func (h *house) startBroker() {
	h.t.Helper()
	config := filepath.Join(h.dir, "mosquitto.conf")
	h.must(os.WriteFile(config, fmt.Appendf(nil, `listener %s 127.0.0.1
allow_anonymous true
user root
log_dest stderr
connection_messages false
persistence true
persistence_location %s/
max_queued_messages 0
`, h.port, filepath.Join(h.dir, "broker")), 0o600))
	h.broker = start(h.t, "mosquitto", "-c", config)
	h.broker.find(`(mosquitto version \S+ running)`)
}

// startBridge starts the bridge and waits until it is online.
func (h *house) startBridge() {
	h.t.Helper()
	n := h.ear.count("gphotos/home/availability", "online")
	h.launch()
	h.ear.await(h.t, "the bridge to be online", func() bool { return h.ear.count("gphotos/home/availability", "online") > n || h.bridge.over() })
	if h.bridge.over() {
		h.t.Fatalf("the bridge has ended:\n%s", h.bridge.text())
	}
}

// launch starts the bridge and waits for nothing.
func (h *house) launch() {
	h.t.Helper()
	h.bridge = startWith(h.t, h.settings, "gphotos2mqtt")
}

// link is the person who allows everything, and pastes where the browser ended.
func (h *house) link() {
	h.t.Helper()
	h.publish("gphotos/home/request/link", nil)
	var answer struct{ Data struct{ URL string } }
	h.ear.await(h.t, "the link", func() bool { return h.ear.last("gphotos/home/response/link", &answer) })
	browser := &http.Client{Transport: &http.Transport{}, CheckRedirect: func(req *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(req.URL.String(), "http://"+h.toGoogle.addr()) {
			return nil
		}
		return http.ErrUseLastResponse
	}}
	defer browser.CloseIdleConnections()
	page, err := browser.Get(answer.Data.URL)
	h.must(err)
	h.must(page.Body.Close())
	form := url.Values{
		"decision": {"allow"}, "account": {"100000000000000000001"},
		"scope": strings.Fields(page.Request.URL.Query().Get("scope")),
	}
	back, err := browser.PostForm(page.Request.URL.String(), form)
	h.must(err)
	h.must(back.Body.Close())
	h.publish("gphotos/home/request/link/finish", []byte(back.Header.Get("Location")))
	h.ear.await(h.t, "the account", func() bool { return h.ear.last("gphotos/home/response/link/finish", nil) })
}

// publish goes on until the broker has acknowledged the message.
func (h *house) publish(topic string, payload []byte) {
	args := []string{"-h", "127.0.0.1", "-p", h.port, "-q", "1", "-t", topic}
	if len(payload) == 0 {
		args = append(args, "-n")
	} else {
		args = append(args, "-s")
	}
	for began := time.Now(); time.Since(began) < patience; {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		cmd := exec.CommandContext(ctx, "mosquitto_pub", args...)
		cmd.Stdin = bytes.NewReader(payload)
		err := cmd.Run()
		cancel()
		if err == nil {
			return
		}
	}
	h.t.Errorf("%s cannot be published", topic)
}

// sim uses the simulator's own API.
func (h *house) sim(method, name, body string, into any) {
	h.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, h.google+"/_sim/"+name, strings.NewReader(body))
	h.must(err)
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	h.must(err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	h.must(err)
	if resp.StatusCode != http.StatusOK {
		h.t.Fatalf("%s: %s %s", name, resp.Status, text)
	}
	if into != nil {
		h.must(json.Unmarshal(text, into))
	}
}

// An account is what Google holds.
type account struct {
	Items []struct {
		ID     string
		SHA256 string
		Bytes  int64
		Albums []string
	}
	Albums []struct {
		ID, Title string
		Items     []string
	}
}

func (h *house) library() account {
	h.t.Helper()
	var accounts []account
	h.sim("GET", "library", "", &accounts)
	return accounts[0]
}

// awaitFaults waits until Google has met so many faults since they were set.
func (h *house) awaitFaults(n int) {
	h.t.Helper()
	var stats struct{ Faults int }
	again := time.NewTicker(5 * time.Millisecond) // the simulator tells nobody
	defer again.Stop()
	for limit := time.After(patience); ; {
		h.sim("GET", "stats", "", &stats)
		if stats.Faults >= n {
			return
		}
		select {
		case <-again.C:
		case <-limit:
			h.t.Fatalf("%d faults were met, want %d; the bridge says:\n%s", stats.Faults, n, h.bridge.text())
		}
	}
}

// awaitNoJobs asks the bridge for its jobs until there is none.
func (h *house) awaitNoJobs() {
	h.t.Helper()
	for began := time.Now(); ; {
		n := h.ear.count("gphotos/home/response/jobs", "")
		h.publish("gphotos/home/request/jobs", nil)
		h.ear.await(h.t, "the jobs", func() bool { return h.ear.count("gphotos/home/response/jobs", "") > n })
		var answer struct {
			Data struct{ Jobs []json.RawMessage }
		}
		h.ear.last("gphotos/home/response/jobs", &answer)
		if len(answer.Data.Jobs) == 0 {
			return
		}
		if time.Since(began) > patience {
			h.t.Fatalf("%d jobs are left, the first is %s", len(answer.Data.Jobs), answer.Data.Jobs[0])
		}
	}
}

// kill ends the bridge as a crash does.
func (h *house) kill() {
	h.must(h.bridge.cmd.Process.Kill())
	<-h.bridge.done
}

// wantEmpty stops the bridge and looks whether its store is empty and nothing else
// is left on the disk.
func (h *house) wantEmpty() {
	h.t.Helper()
	h.bridge.stop(0)
	log := logrus.New()
	log.SetOutput(io.Discard)
	s, err := store.Open(context.Background(), store.Config{Dir: h.data, Log: logrus.NewEntry(log)})
	h.must(err)
	jobs, err := s.JobIDs(context.Background())
	h.must(err)
	payloads, err := s.SweepPayloads(context.Background(), func(string) bool { return false })
	h.must(err)
	h.must(s.Close())
	if len(jobs)+payloads > 0 {
		h.t.Errorf("left in the store: jobs %v and %d payloads", jobs, payloads)
	}
	left, err := filepath.Glob(filepath.Join(h.dir, "tmp", "*"))
	h.must(err)
	here, err := filepath.Glob(filepath.Join(h.data, "*"))
	h.must(err)
	for _, path := range here {
		switch filepath.Base(path) {
		case "jetstream", "lock", "closed", "secret.key":
		default:
			left = append(left, path)
		}
	}
	if len(left) > 0 {
		h.t.Errorf("files left behind: %v", left)
	}
}

// peak is the most memory that the bridge has had resident, in bytes.
// Source: https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
func (h *house) peak() int64 {
	h.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", h.bridge.cmd.Process.Pid))
	h.must(err)
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	kilobytes, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	h.must(err)
	return kilobytes << 10
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}
