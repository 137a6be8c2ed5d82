package broker

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// patience is how long a test waits for what must happen; a pass never takes that long.
const patience = 30 * time.Second

// eventually polls for a condition that no channel tells of.
func eventually(t *testing.T, what string, met func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for over := time.After(patience); !met(); {
		select {
		case <-tick.C:
		case <-over:
			t.Fatalf("waited %v for: %s", patience, what)
		}
	}
}

// receiveFrom waits for the next value of a channel.
func receiveFrom[T any](t *testing.T, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("waited %v for: %s", patience, what)
	}
	panic("unreachable")
}

// mosquitto is a real broker that can be stopped and started again at its address.
type mosquitto struct {
	addr string // of its first listener
	dir  string
	conf []string
	cmd  *exec.Cmd
	says *safeBuffer
}

// safeBuffer collects what a process says while a test reads it.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// needsMosquitto skips a test under -short, which is for a machine with Go alone.
func needsMosquitto(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("`make test` runs this: it needs Mosquitto")
	}
}

// startMosquitto runs a broker with a plain listener and the lines given. It
// keeps nothing over a restart unless they say so. Without a line on passwords, everyone is let in.
func startMosquitto(t *testing.T, lines ...string) *mosquitto {
	t.Helper()
	needsMosquitto(t)
	m := &mosquitto{addr: freeAddress(t), dir: t.TempDir()}
	conf := []string{"user root", listener(m.addr), "log_type all", "max_queued_messages 0"} // a slow machine must not lose any
	if !strings.Contains(strings.Join(lines, "\n"), "password_file") {
		conf = append(conf, "allow_anonymous true")
	}
	m.conf = append(conf, lines...)
	m.start(t)
	t.Cleanup(func() {
		m.stop()
		if t.Failed() {
			t.Logf("mosquitto says:\n%s", tail(m.says.String()))
		}
	})
	return m
}

func (m *mosquitto) start(t *testing.T) {
	t.Helper()
	file := m.file(t, "mosquitto.conf", strings.Join(m.conf, "\n"))
	m.says = &safeBuffer{}
	m.cmd = exec.Command("/usr/sbin/mosquitto", "-c", file)
	m.cmd.Stderr = m.says
	if err := m.cmd.Start(); err != nil {
		t.Fatalf("Debian's mosquitto is needed: %v", err)
	}
	eventually(t, "mosquitto running", func() bool {
		said := m.says.String()
		if strings.Contains(said, "Error:") {
			t.Fatal(said)
		}
		return strings.Contains(said, "running")
	})
}

// stop kills the broker, which loses what it had in memory.
func (m *mosquitto) stop() {
	if m.cmd != nil {
		m.cmd.Process.Kill()
		m.cmd.Wait()
		m.cmd = nil
	}
}

// file writes a file into the broker's folder.
func (m *mosquitto) file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(m.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// listener is the line of a configuration that listens at addr.
func listener(addr string) string {
	host, port, _ := net.SplitHostPort(addr)
	return "listener " + port + " " + host
}

// lastPort makes the ports of one process differ; they are below those that
// Linux gives to outgoing connections.
var lastPort atomic.Int32

// freeAddress is a loopback address that nobody listens at.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 1000 {
		port := 10_000 + (os.Getpid()*97+int(lastPort.Add(1)))%20_000
		ln, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		defer ln.Close()
		return ln.Addr().String()
	}
	t.Fatal("no free port")
	return ""
}

func tail(text string) string {
	lines := strings.Split(text, "\n")
	return strings.Join(lines[max(0, len(lines)-40):], "\n")
}

// got is a message that an observer received.
type got struct {
	Topic, Payload string
	Retained       bool
}

// observer is another client of the broker, as Home Assistant would be.
type observer struct {
	client mqtt.Client
	mu     sync.Mutex
	all    []got
}

// observe connects straight to a broker and subscribes to filter with QoS 1.
func observe(t *testing.T, addr, filter string) *observer {
	t.Helper()
	o := &observer{}
	o.client = mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://" + addr).SetProtocolVersion(4).SetAutoReconnect(false))
	mustToken(t, "connect", o.client.Connect())
	t.Cleanup(func() { o.client.Disconnect(100) })
	mustToken(t, "subscribe", o.client.Subscribe(filter, 1, func(_ mqtt.Client, m mqtt.Message) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.all = append(o.all, got{m.Topic(), string(m.Payload()), m.Retained()})
	}))
	return o
}

// publish sends one message and waits until the broker has it.
func (o *observer) publish(t *testing.T, topic, payload string, qos byte, retained bool) {
	t.Helper()
	mustToken(t, "publish", o.client.Publish(topic, qos, retained, payload))
}

// seen is what came in so far.
func (o *observer) seen() []got {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]got(nil), o.all...)
}

// count is how often a topic and payload came in.
func (o *observer) count(topic, payload string) (n int) {
	for _, g := range o.seen() {
		if g.Topic == topic && g.Payload == payload {
			n++
		}
	}
	return n
}

// wait blocks until a topic and payload came in at least once.
func (o *observer) wait(t *testing.T, topic, payload string) {
	t.Helper()
	eventually(t, topic+" = "+payload, func() bool { return o.count(topic, payload) > 0 })
}

func mustToken(t *testing.T, what string, token mqtt.Token) {
	t.Helper()
	if !token.WaitTimeout(patience) || token.Error() != nil {
		t.Fatalf("%s: %v", what, token.Error())
	}
}

// What the tests' connections say of themselves.
const (
	online  = "online"
	offline = "offline"
)

var availability = Availability{Topic: "t/availability", Online: online, Offline: offline}
