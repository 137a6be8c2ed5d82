package e2etest

import (
	"cmp"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"gphotos2mqtt/photos/photosim"
)

// A Config says how an [Env] differs from the usual one: Mosquitto, one account, the
// bridge of this tree with the entry "home".
type Config struct {
	Bridge    string   // path of another gphotos2mqtt
	Settings  []string // of the bridge, beyond those that the environment needs
	Embedded  bool     // the bridge's own broker instead of Mosquitto
	Proxies   bool     // between the bridge and its broker, and between it and Google
	Names     bool     // Google under its own names, over TLS; without Proxies and Wrap
	Accounts  []photosim.Account
	Wrap      func(http.Handler) http.Handler // sees every request to Google
	Pages     string                          // host:port of the linking pages. Default: a port of loopback.
	PublicURL string                          // where Google leads back to. Default: localhost with the port of Pages.
	Topics    []string                        // that the subscriber gets. Default: all.
	Entries   []string                        // that are linked before the bridge starts, each to one of Accounts; "home" is one. Default: "home", not linked.
}

// An Env is a broker, a simulated Google, a bridge, and a subscriber.
type Env struct {
	testing.TB // of the test or of the subtest that runs now, see In
	*Subscriber
	Dir      string // all below it is on a real disk if the test's folder is
	Data     string // GPHOTOS_DATA_DIR
	Media    string // GPHOTOS_MEDIA_DIRS
	Temp     string // TMPDIR of the bridge
	Settings []string
	Google   *photosim.Server
	Broker   *Process // nil when the bridge is the broker
	ToBroker *Proxy
	ToGoogle *Proxy
	Bridge   *Process
	Names    Names // of Google, when the configuration says so

	root   testing.TB // ends what was started
	config Config
	port   string // of the broker, past the proxy
}

// New starts all of it and waits until the bridge is online.
func New(tb testing.TB, config Config) *Env {
	tb.Helper()
	e := &Env{TB: tb, root: tb, config: config, Dir: tb.TempDir(), port: Port(tb)}
	e.Data, e.Media, e.Temp = filepath.Join(e.Dir, "data"), filepath.Join(e.Dir, "media"), filepath.Join(e.Dir, "tmp")
	for _, dir := range []string{e.Media, e.Temp, filepath.Join(e.Dir, "broker")} {
		Must(tb, os.Mkdir(dir, 0o755))
	}
	pages := cmp.Or(config.Pages, "127.0.0.1:"+Port(tb))
	_, port, err := net.SplitHostPort(pages)
	Must(tb, err)
	sim := photosim.Config{
		Accounts: config.Accounts, Dir: e.Dir,
		Clients: []photosim.Client{{
			ID: photosim.DefaultClientID, Secret: photosim.DefaultClientSecret, Project: photosim.DefaultProject,
			RedirectURIs: []string{cmp.Or(config.PublicURL, "http://localhost:"+port) + "/oauth/callback"},
		}},
	}
	var google string
	if config.Names {
		e.Google, e.Names = StartNames(tb, sim, e.Dir)
	} else {
		e.Google, google = StartGoogle(tb, sim, config.Wrap)
	}
	broker := "127.0.0.1:" + e.port
	if config.Proxies {
		e.ToBroker, e.ToGoogle = StartProxy(tb, broker), StartProxy(tb, strings.TrimPrefix(google, "http://"))
		broker, google = e.ToBroker.Addr(), "http://"+e.ToGoogle.Addr()
	}
	e.Settings = GoogleSettings(google)
	if config.Names {
		e.Settings = e.Names.Settings()
	}
	e.Settings = append(append(e.Settings, ClientSettings()...),
		"TMPDIR="+e.Temp, "GPHOTOS_DATA_DIR="+e.Data, "GPHOTOS_MEDIA_DIRS="+e.Media,
		"GPHOTOS_HTTP_LISTEN="+pages, "GPHOTOS_PUBLIC_URL="+config.PublicURL)
	if config.Embedded {
		e.Settings = append(e.Settings, "GPHOTOS_MQTT_LISTEN="+broker)
	} else {
		e.Settings = append(e.Settings, "GPHOTOS_MQTT_URL=mqtt://"+broker)
		e.StartBroker()
	}
	if len(config.Entries) > 0 {
		LinkAll(tb, e.Data, google, cmp.Or(config.PublicURL, "http://localhost:"+port)+"/oauth/callback", config.Accounts, config.Entries)
		e.Settings = append(e.Settings, "GPHOTOS_ENTRIES="+strings.Join(config.Entries, ","))
	}
	e.Settings = append(e.Settings, config.Settings...)
	if len(config.Topics) == 0 {
		config.Topics = []string{"#"}
	}
	e.Subscriber = Subscribe(tb, ClientOptions(e.port), config.Topics...)
	if !config.Embedded { // whose broker comes with the bridge
		e.Ready()
	}
	e.StartBridge()
	return e
}

// In lets a subtest fail instead of the test, until the function that it returns is called.
func (e *Env) In(t *testing.T) (back func()) {
	t.Helper()
	e.TB, e.Subscriber.TB = t, t
	return func() { e.TB, e.Subscriber.TB = e.root, e.root }
}

// StartBroker starts Mosquitto, which keeps what it has over an orderly restart.
func (e *Env) StartBroker() {
	e.Helper()
	// Without set_tcp_nodelay the second of two packets to one client may wait 40 ms for
	// the first one's acknowledgement, which would be measured as the bridge's time.
	e.Broker = StartMosquitto(e.root, e.Dir, e.port, "allow_anonymous true\nset_tcp_nodelay true\nmax_queued_messages 0\n"+
		"persistence true\npersistence_location "+filepath.Join(e.Dir, "broker")+"/")
}

// Run starts gphotos2mqtt with the bridge's settings and waits for nothing.
func (e *Env) Run(args ...string) *Process {
	e.Helper()
	return Start(e.root, Command{Path: cmp.Or(e.config.Bridge, "gphotos2mqtt"), Args: args, Env: e.Settings, Dir: e.Dir})
}

// StartBridge starts the bridge and waits until it is online.
func (e *Env) StartBridge() {
	e.Helper()
	const topic = "gphotos/home/availability"
	before := len(e.All(topic))
	e.Bridge = e.Run()
	Until(e, "the bridge to be online", func() bool {
		if e.Bridge.Over() {
			e.Fatal("the bridge has ended")
		}
		if e.config.Embedded { // the broker has come with the bridge, maybe before its subscriber
			m, _ := Retained(e, ClientOptions(e.port), topic, e.Bridge.Done())
			return string(m.Payload) == "online"
		}
		return slices.ContainsFunc(e.All(topic)[before:], func(payload []byte) bool { return string(payload) == "online" })
	})
	e.Ready()
}

// Port is the broker's.
func (e *Env) Port() string { return e.port }

// KillBridge ends the bridge as a crash does.
func (e *Env) KillBridge() { e.Bridge.Signal(syscall.SIGKILL) }

// A Response is the answer to a request.
type Response struct {
	Status string
	Data   struct {
		URL        string
		ConsentURL string `json:"consent_url"`
		Account    struct{ Email string }
		Jobs       []json.RawMessage
	}
	Error struct{ Code, Message string }
}

// Request makes a request of the entry and waits for its answer.
func (e *Env) Request(verb, payload string) Response {
	e.Helper()
	return e.RequestOf("home", verb, payload)
}

// RequestOf is Request of another entry.
func (e *Env) RequestOf(entry, verb, payload string) (r Response) {
	e.Helper()
	topic := "gphotos/" + entry + "/response/" + verb
	e.Forget(topic)
	e.Publish("gphotos/"+entry+"/request/"+verb, []byte(payload))
	Must(e, json.Unmarshal(e.Expect(topic, "an answer", nil).Payload, &r))
	return r
}

// Link is the person who allows everything, and pastes where the browser ended.
func (e *Env) Link() {
	e.Helper()
	e.LinkEntry("home", photosim.DefaultAccountID)
}

// LinkEntry is Link for another entry and account.
func (e *Env) LinkEntry(entry, account string) {
	e.Helper()
	consent := e.RequestOf(entry, "link", "").Data.ConsentURL
	browser := &http.Client{
		Transport:     e.Names.Transport(),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	at, err := url.Parse(consent)
	Must(e, err)
	back, err := browser.PostForm(consent, url.Values{
		"decision": {"allow"}, "account": {account}, "scope": strings.Fields(at.Query().Get("scope")),
	})
	Must(e, err)
	Must(e, back.Body.Close())
	if r := e.RequestOf(entry, "link/finish", back.Header.Get("Location")); r.Status != "ok" {
		e.Fatalf("link: %+v", r)
	}
}

// A Result is one message on E/upload/result.
type Result struct {
	Status      string
	Job         string
	Transaction any
	Items       []struct {
		MediaItemID string `json:"media_item_id"`
		Error       struct{ Code, Message string }
	}
	Error struct{ Code, Message string }
}

// ResultTopic is where the entry's uploads are answered.
const ResultTopic = "gphotos/home/upload/result"

// Results are the answers so far that end an upload.
func (e *Env) Results() (all []Result) {
	for _, payload := range e.All(ResultTopic) {
		var r Result
		if json.Unmarshal(payload, &r) == nil && r.Status != "accepted" {
			all = append(all, r)
		}
	}
	return all
}

// NoJobs asks the bridge for its jobs until there is none.
func (e *Env) NoJobs() {
	e.Helper()
	var jobs []json.RawMessage
	Until(e, "the end of all jobs", func() bool {
		jobs = e.Request("jobs", "").Data.Jobs
		return len(jobs) == 0
	})
}

// Send publishes so many uploads, a few at a time, without waiting for their answers.
func (e *Env) Send(uploads int, payload func(n int) []byte) {
	e.Helper()
	const atATime = 16
	var sent []mqtt.Token
	for n := range uploads {
		if n >= atATime {
			Settled(e, sent[n-atATime])
		}
		sent = append(sent, e.client.Publish("gphotos/home/upload", 1, false, payload(n)))
	}
	for _, token := range sent {
		Settled(e, token)
	}
}

// Fill sends so many different photos of a size, and waits until all are accepted.
func (e *Env) Fill(uploads, size int) {
	e.Helper()
	e.Send(uploads, func(n int) []byte { return Photo(n, size) })
	for range uploads {
		e.Expect(ResultTopic, "accepted", nil)
	}
}
