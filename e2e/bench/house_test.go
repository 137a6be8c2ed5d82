// Package bench measures the built programs as a user runs them: Mosquitto, the
// simulated Google and the bridge as processes of their own on loopback. Nothing
// here passes or fails by a time; `make bench` prints figures, and
// docs/performance.md keeps them.
//
// A house is one such set-up with the entry "home" linked. Benchmarks publish to
// its broker and wait for its messages, never for a time.
package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// patience is how long anything may take before a benchmark gives up.
const patience = 20 * time.Second

// A house is a broker, a Google and a bridge, and a client that hears everything.
type house struct {
	b        *testing.B
	dir      string
	settings []string
	google   string
	client   mqtt.Client
	messages chan mqtt.Message
	bridge   *exec.Cmd
}

// newHouse starts all of it and links the entry; settings are the bridge's own
// beyond what the house needs.
func newHouse(b *testing.B, settings ...string) *house {
	b.Helper()
	h := &house{b: b, dir: b.TempDir(), messages: make(chan mqtt.Message, 4096)}
	h.run("go", "build", "-o", h.dir+"/", "gphotos2mqtt/cmd/gphotos2mqtt", "gphotos2mqtt/cmd/photosim")
	broker, pages := freePort(b), freePort(b)
	config := filepath.Join(h.dir, "mosquitto.conf")
	h.must(os.WriteFile(config, fmt.Appendf(nil, "listener %s 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n", broker), 0o600))
	h.start("", "/usr/sbin/mosquitto", "-c", config)
	redirect := "http://localhost:" + pages + "/oauth/callback"
	h.google = h.start(`listening on (http://\S+)`, filepath.Join(h.dir, "photosim"), "-listen", "127.0.0.1:0", "-redirect-uri", redirect)
	h.connect("tcp://127.0.0.1:" + broker)
	h.settings = append([]string{
		"GPHOTOS_MQTT_URL=mqtt://127.0.0.1:" + broker, "GPHOTOS_DATA_DIR=" + filepath.Join(h.dir, "data"),
		"GPHOTOS_HTTP_LISTEN=127.0.0.1:" + pages,
		"GPHOTOS_CLIENT_ID=photosim.apps.googleusercontent.com", "GPHOTOS_CLIENT_SECRET=photosim-secret",
		"GPHOTOS_GOOGLE_AUTH_URL=" + h.google + "/accounts/o/oauth2/v2/auth", "GPHOTOS_GOOGLE_TOKEN_URL=" + h.google + "/oauth2/token",
		"GPHOTOS_GOOGLE_REVOKE_URL=" + h.google + "/oauth2/revoke", "GPHOTOS_GOOGLE_USERINFO_URL=" + h.google + "/openid/v1/userinfo",
		"GPHOTOS_GOOGLE_LIBRARY_URL=" + h.google + "/library",
	}, settings...)
	h.startBridge()
	h.link()
	return h
}

// startBridge starts the bridge and waits until it is online.
func (h *house) startBridge() {
	h.b.Helper()
	h.spawnBridge()
	h.await("gphotos/home/availability", func(p []byte) bool { return string(p) == "online" })
}

// spawnBridge starts the bridge and waits for nothing.
func (h *house) spawnBridge() {
	h.b.Helper()
	h.bridge = exec.Command(filepath.Join(h.dir, "gphotos2mqtt"))
	h.bridge.Env = append(os.Environ(), h.settings...)
	h.bridge.Stderr = &bytes.Buffer{}
	h.must(h.bridge.Start())
	h.endLater(h.bridge)
}

// stopBridge stops the bridge in order; what it has said is read.
func (h *house) stopBridge() {
	h.b.Helper()
	h.must(h.bridge.Process.Signal(os.Interrupt))
	h.must(h.bridge.Wait())
	for len(h.messages) > 0 {
		<-h.messages
	}
}

// link is the person who allows everything, and pastes where the browser ended.
func (h *house) link() {
	h.b.Helper()
	h.publish("gphotos/home/request/link", nil)
	var answer struct{ Data struct{ URL string } }
	h.await("gphotos/home/response/link", func(p []byte) bool { return json.Unmarshal(p, &answer) == nil })
	browser := &http.Client{CheckRedirect: func(req *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(req.URL.String(), h.google) {
			return nil
		}
		return http.ErrUseLastResponse
	}}
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
	h.await("gphotos/home/response/link/finish", func(p []byte) bool { return bytes.Contains(p, []byte(`"ok"`)) })
	h.await("gphotos/home/media", func([]byte) bool { return true })
}

// connect subscribes to everything.
func (h *house) connect(broker string) {
	h.b.Helper()
	h.client = mqtt.NewClient(mqtt.NewClientOptions().AddBroker(broker).SetClientID("bench").SetProtocolVersion(4).
		SetConnectRetry(true).SetConnectRetryInterval(20 * time.Millisecond).SetOrderMatters(true).
		SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) { h.messages <- m }))
	h.wait(h.client.Connect())
	h.b.Cleanup(func() { h.client.Disconnect(100) })
	h.wait(h.client.Subscribe("gphotos/#", 1, nil))
}

func (h *house) publish(topic string, payload []byte) {
	h.b.Helper()
	h.wait(h.client.Publish(topic, 1, false, payload))
}

// await waits for a message on a topic.
func (h *house) await(topic string, wanted func(payload []byte) bool) []byte {
	h.b.Helper()
	limit := time.After(patience)
	for {
		select {
		case m := <-h.messages:
			if m.Topic() == topic && wanted(m.Payload()) {
				return m.Payload()
			}
		case <-limit:
			var state json.RawMessage
			h.control("GET", "stats", "", &state)
			h.b.Fatalf("waited in vain on %s; the bridge says:\n%s\nGoogle has seen %s", topic, h.bridge.Stderr, state)
		}
	}
}

// control uses the simulator's own API.
func (h *house) control(method, name, body string, into any) {
	h.b.Helper()
	req, err := http.NewRequestWithContext(h.b.Context(), method, h.google+"/_sim/"+name, strings.NewReader(body))
	h.must(err)
	resp, err := http.DefaultClient.Do(req)
	h.must(err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	h.must(err)
	if resp.StatusCode != http.StatusOK {
		h.b.Fatalf("%s: %s %s", name, resp.Status, text)
	}
	if into != nil {
		h.must(json.Unmarshal(text, into))
	}
}

// start starts a program that runs until the end, and returns what the pattern
// finds in what it prints.
func (h *house) start(pattern, program string, args ...string) string {
	h.b.Helper()
	cmd := exec.Command(program, args...)
	out, err := cmd.StdoutPipe()
	h.must(err)
	h.must(cmd.Start())
	h.endLater(cmd)
	if pattern == "" {
		return ""
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if found := regexp.MustCompile(pattern).FindStringSubmatch(lines.Text()); found != nil {
			return found[1]
		}
	}
	h.b.Fatalf("%s ended", program)
	return ""
}

func (h *house) endLater(cmd *exec.Cmd) {
	h.b.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
}

func (h *house) run(program string, args ...string) {
	h.b.Helper()
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		h.b.Fatalf("%s: %v\n%s", program, err, out)
	}
}

func (h *house) wait(token mqtt.Token) {
	h.b.Helper()
	if !token.WaitTimeout(patience) {
		h.b.Fatal("the broker does not answer")
	}
	h.must(token.Error())
}

func (h *house) must(err error) {
	h.b.Helper()
	if err != nil {
		h.b.Fatal(err)
	}
}

func freePort(b *testing.B) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
