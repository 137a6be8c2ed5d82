package embedded

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/sirupsen/logrus"
	"go.uber.org/goleak"
)

// childDir is set when a test has started the test binary again: the folder to fill.
const childDir = "GPHOTOS_EMBEDDED_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		fillLimitedFiles(dir)
	}
	goleak.VerifyTestMain(m)
}

func quiet() *logrus.Entry {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return logrus.NewEntry(log)
}

// open starts a broker on any port for everybody, unless cfg says otherwise.
func open(t *testing.T, cfg Config) *Broker {
	t.Helper()
	cfg.Log = quiet()
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:0"
	}
	b, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// started is open until the test ends.
func started(t *testing.T, cfg Config) *Broker {
	t.Helper()
	b := open(t, cfg)
	t.Cleanup(b.Close)
	return b
}

// client connects to a broker.
func client(t *testing.T, b *Broker, id string, configure ...func(*mqtt.ClientOptions)) mqtt.Client {
	t.Helper()
	opts := options(b, id)
	for _, f := range configure {
		f(opts)
	}
	c := mqtt.NewClient(opts)
	done(t, c.Connect())
	t.Cleanup(func() { c.Disconnect(100) })
	return c
}

// options leave out pings, so that a busy machine does not look like a dead broker.
func options(b *Broker, id string) *mqtt.ClientOptions {
	return mqtt.NewClientOptions().AddBroker("tcp://" + b.Addr()).SetClientID(id).SetKeepAlive(0).
		SetProtocolVersion(4).SetAutoReconnect(false).SetConnectRetry(false).SetCleanSession(false)
}

// done waits for what the broker answers; a lost connection is an answer, too.
func done(t *testing.T, token mqtt.Token) {
	t.Helper()
	<-token.Done()
	if err := token.Error(); err != nil {
		t.Fatal("no answer from the broker: ", err)
	}
}

// receive returns a handler that puts messages into a channel as "topic payload".
func receive(got chan string) mqtt.MessageHandler {
	return func(_ mqtt.Client, m mqtt.Message) { got <- m.Topic() + " " + string(m.Payload()) }
}

func TestClientsCannotReachTheServer(t *testing.T) {
	t.Parallel()
	b := started(t, Config{Dir: t.TempDir()})
	got := make(chan string, 100)
	bridge := client(t, b, "bridge")
	done(t, bridge.Publish("gphotos/home/state", 1, true, "retained"))
	done(t, bridge.Subscribe("gphotos/home/upload", 1, receive(got)))
	bridge.Disconnect(100)
	c := client(t, b, "intruder")
	for _, topic := range []string{"$JS/#", "$KV/#", "$O/#", "$SYS/#", "$MQTT/#"} {
		token := c.Subscribe(topic, 0, receive(got))
		<-token.Done()
		if granted := token.(*mqtt.SubscribeToken).Result()[topic]; granted != 128 {
			t.Errorf("subscription to %s was granted %d", topic, granted)
		}
	}
	done(t, c.Subscribe("#", 1, receive(got)))
	if m := <-got; m != "gphotos/home/state retained" {
		t.Errorf("the intruder got %q", m)
	}
	for _, topic := range []string{
		"$KV/jobs/home/x", "$KV/jobs/home/01A", "$O/payloads/M/eA==",
		"$JS/API/STREAM/DELETE/$MQTT_sess", "$JS/API/STREAM/DELETE/$MQTT_msgs", "$JS/API/STREAM/NAMES",
		"$JS/API/STREAM/PURGE/$MQTT_rmsgs", "$SYS/REQ/USER/INFO",
	} {
		c := client(t, b, "intruder-"+strings.ReplaceAll(topic, "/", "-")) // the broker may cut one off
		<-c.Publish(topic, 1, false, "evil").Done()
	}
	done(t, c.Publish("gphotos/home/upload", 1, false, "command"))
	if m := <-got; m != "gphotos/home/upload command" {
		t.Errorf("the intruder got %q", m)
	}
	// Neither what was retained nor the session of another client is gone.
	fresh := client(t, b, "fresh")
	done(t, fresh.Subscribe("gphotos/home/state", 1, receive(got)))
	if m := <-got; m != "gphotos/home/state retained" {
		t.Errorf("retained is %q", m)
	}
	client(t, b, "bridge", func(o *mqtt.ClientOptions) { o.SetDefaultPublishHandler(receive(got)) })
	if m := <-got; m != "gphotos/home/upload command" {
		t.Errorf("the session got %q", m)
	}
}

func TestUnknownUser(t *testing.T) {
	t.Parallel()
	b := started(t, Config{Dir: t.TempDir()})
	c := mqtt.NewClient(options(b, "x").SetUsername("gphotos2mqtt").SetPassword("guess"))
	token := c.Connect()
	if <-token.Done(); token.Error() == nil {
		t.Error("connected")
	}
}

func TestPassword(t *testing.T) {
	t.Parallel()
	b := started(t, Config{Dir: t.TempDir(), Addr: "0.0.0.0:0", User: "ha", Password: "pass: {\"word"})
	_, port, err := net.SplitHostPort(b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	for password, want := range map[string]bool{"pass: {\"word": true, "other": false, "": false} {
		opts := options(b, "x").SetUsername("ha").SetPassword(password)
		opts.Servers = nil
		c := mqtt.NewClient(opts.AddBroker("tcp://127.0.0.1:" + port))
		token := c.Connect()
		<-token.Done()
		if ok := token.Error() == nil; ok != want {
			t.Errorf("password %q: connected = %v", password, ok)
		}
		c.Disconnect(0)
	}
}

func TestBrokerKeepsWhatItMust(t *testing.T) {
	t.Parallel()
	cfg := Config{Dir: t.TempDir()}
	b := open(t, cfg)
	got := make(chan string, 100)
	bridge := client(t, b, "bridge")
	done(t, bridge.Subscribe("gphotos/#", 1, receive(got)))
	publisher := client(t, b, "publisher")
	done(t, publisher.Publish("gphotos/home/state", 1, true, "retained"))
	if m := <-got; m != "gphotos/home/state retained" {
		t.Errorf("got %q", m)
	}
	bridge.Disconnect(100)
	done(t, publisher.Publish("gphotos/home/upload", 1, false, "while away"))
	publisher.Disconnect(100)
	b.Close()

	b = started(t, cfg)
	client(t, b, "bridge", func(o *mqtt.ClientOptions) { o.SetDefaultPublishHandler(receive(got)) })
	if m := <-got; m != "gphotos/home/upload while away" {
		t.Errorf("the session got %q", m)
	}
	other := client(t, b, "other")
	done(t, other.Subscribe("gphotos/#", 1, receive(got)))
	if m := <-got; m != "gphotos/home/state retained" {
		t.Errorf("retained is %q", m)
	}
}

func TestLargeMessages(t *testing.T) {
	t.Parallel()
	b := started(t, Config{Dir: t.TempDir()})
	got := make(chan int, 1)
	c := client(t, b, "camera")
	done(t, c.Subscribe("big", 1, func(_ mqtt.Client, m mqtt.Message) { got <- len(m.Payload()) }))
	const size = maxMessage - 1024 // topic and the server's own headers need some
	done(t, c.Publish("big", 1, false, make([]byte, size)))
	if n := <-got; n != size {
		t.Errorf("%d bytes came of %d", n, size)
	}
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	first := started(t, Config{Dir: t.TempDir()})
	_, err := Start(Config{Dir: t.TempDir(), Log: quiet(), Addr: first.Addr()})
	for _, word := range []string{first.Addr(), "GPHOTOS_MQTT_LISTEN", "GPHOTOS_MQTT_URL"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("error without %s: %v", word, err)
		}
	}
}

func TestAddressCheck(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		cfg   Config
		words string // of the refusal; "" = accepted
	}{
		{Config{Addr: "127.0.0.1:1883"}, ""},
		{Config{Addr: "127.0.0.2:0"}, ""},
		{Config{Addr: "[::1]:1883"}, ""},
		{Config{Addr: "localhost:1883"}, ""},
		{Config{Addr: "0.0.0.0:1883", User: "u", Password: "p"}, ""},
		{Config{Addr: ":1883", User: "u", Password: "p"}, ""},
		{Config{Addr: "0.0.0.0:1883"}, "GPHOTOS_MQTT_LISTEN GPHOTOS_MQTT_USER GPHOTOS_MQTT_PASSWORD"},
		{Config{Addr: ":1883"}, "GPHOTOS_MQTT_USER"},
		{Config{Addr: "[::]:1883"}, "GPHOTOS_MQTT_USER"},
		{Config{Addr: "192.168.1.2:1883"}, "GPHOTOS_MQTT_USER"},
		{Config{Addr: "localhost.example.com:1883"}, "GPHOTOS_MQTT_USER"},
		{Config{Addr: "127.0.0.1:1883", User: "u", Password: ""}, "GPHOTOS_MQTT_PASSWORD"},
		{Config{Addr: "127.0.0.1:1883", User: "", Password: "p"}, "GPHOTOS_MQTT_USER"},
		{Config{Addr: "127.0.0.1"}, "GPHOTOS_MQTT_LISTEN"},
		{Config{Addr: "127.0.0.1:mqtt"}, "GPHOTOS_MQTT_LISTEN"},
		{Config{Addr: "127.0.0.1:65536"}, "GPHOTOS_MQTT_LISTEN"},
	} {
		err := test.cfg.check()
		if (err == nil) != (test.words == "") {
			t.Errorf("%v: %v", test.cfg.Addr, err)
		}
		for word := range strings.FieldsSeq(test.words) {
			if err != nil && !strings.Contains(err.Error(), word) {
				t.Errorf("%v: no %s in %v", test.cfg.Addr, word, err)
			}
		}
	}
}

func TestLogKeepsTheFirstFatalError(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	var failed []error
	l := &serverLog{log: quiet(), disk: func(err error) { failed = append(failed, err) }}
	l.Fatalf("cannot start: %v", cause)
	l.Fatalf("cannot start either")
	if err := l.fatal.Load(); !errors.Is(err, cause) || err.Error() != "cannot start: cause" {
		t.Errorf("fatal = %v", err)
	}
	l.Warnf("client %s went away: %v", "x", net.ErrClosed)
	if len(failed) != 0 {
		t.Errorf("failed = %v", failed)
	}
	l.Errorf("store: %v", fmt.Errorf("write: %w", net.ErrWriteToConnected))
	if len(failed) != 0 {
		t.Errorf("failed = %v", failed)
	}
}

// A disk that takes no more writes ends the broker with a sentence, not in silence. A limit on the size of files stands for a
// full disk.
func TestFailedDisk(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), childDir+"="+t.TempDir())
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "the built-in broker cannot write") {
		t.Errorf("%v: %s", err, out)
	}
}

// fillLimitedFiles publishes until the broker fails, prints why, and exits.
func fillLimitedFiles(dir string) {
	limit := syscall.Rlimit{Cur: 1 << 20, Max: 1 << 20}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		panic(err)
	}
	b, err := Start(Config{Dir: dir, Addr: "127.0.0.1:0", Log: quiet()})
	if err != nil {
		panic(err)
	}
	c := mqtt.NewClient(options(b, "camera"))
	<-c.Connect().Done()
	for i := 0; ; i++ {
		select {
		case <-c.Publish(fmt.Sprint("camera/", i), 1, true, make([]byte, 100<<10)).Done():
		case err := <-b.Failed():
			fmt.Println(err)
			os.Exit(0)
		}
	}
}

func TestFolderCannotBeMade(t *testing.T) {
	t.Parallel()
	_, err := Start(Config{Dir: "/dev/null/broker", Addr: "127.0.0.1:0", Log: quiet()})
	if err == nil || !strings.Contains(err.Error(), "/dev/null") {
		t.Errorf("error %v", err)
	}
}

// A client that acknowledges nothing gets a window of messages, and one more for each that it acknowledges.
func TestMaxInFlight(t *testing.T) {
	t.Parallel()
	b := started(t, Config{Dir: t.TempDir()})
	got, end := make(chan mqtt.Message, 100), make(chan string, 1)
	c := client(t, b, "slow", func(o *mqtt.ClientOptions) { o.SetAutoAckDisabled(true).SetOrderMatters(false) })
	done(t, c.Subscribe("job/#", 1, func(_ mqtt.Client, m mqtt.Message) { got <- m }))
	done(t, c.Subscribe("end", 0, receive(end)))
	const messages = maxInFlight + 5
	publisher := client(t, b, "publisher")
	for i := range messages {
		done(t, publisher.Publish(fmt.Sprint("job/", i), 1, false, "x"))
	}
	var held []mqtt.Message
	for range maxInFlight {
		held = append(held, <-got)
	}
	done(t, publisher.Publish("end", 0, false, ""))
	<-end
	if n := len(got); n != 0 {
		t.Errorf("%d messages above the window", n)
	}
	for i := range messages - maxInFlight {
		held[i].Ack()
		held = append(held, <-got)
	}
	for _, m := range held[messages-maxInFlight:] {
		m.Ack()
	}
}
