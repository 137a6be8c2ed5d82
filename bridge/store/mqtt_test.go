package store

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

var anyPort = &Listen{Addr: "127.0.0.1:0"}

// mqttClient connects to a store's broker.
func mqttClient(t *testing.T, s *Store, id string, configure ...func(*mqtt.ClientOptions)) mqtt.Client {
	t.Helper()
	opts := mqttOptions(s, id)
	for _, f := range configure {
		f(opts)
	}
	c := mqtt.NewClient(opts)
	done(t, c.Connect())
	t.Cleanup(func() { c.Disconnect(100) })
	return c
}

func mqttOptions(s *Store, id string) *mqtt.ClientOptions {
	return mqtt.NewClientOptions().AddBroker("tcp://" + s.MQTTAddr()).SetClientID(id).
		SetProtocolVersion(4).SetAutoReconnect(false).SetConnectRetry(false).SetCleanSession(false)
}

func done(t *testing.T, token mqtt.Token) {
	t.Helper()
	if !token.WaitTimeout(10*time.Second) || token.Error() != nil {
		t.Fatal("no answer from the broker: ", token.Error())
	}
}

// receive returns a channel on which messages come as "topic payload".
func receive(got chan string) mqtt.MessageHandler {
	return func(_ mqtt.Client, m mqtt.Message) { got <- m.Topic() + " " + string(m.Payload()) }
}

func TestMQTTClientsCannotReachTheStore(t *testing.T) {
	t.Parallel()
	s := opened(t, Config{Dir: t.TempDir(), MQTT: anyPort})
	add(t, s, job("01A"))
	c := mqttClient(t, s, "intruder")
	got := make(chan string, 100)
	done(t, c.Subscribe("#", 1, receive(got)))
	for _, topic := range []string{"$JS/#", "$KV/#", "$O/#", "$SYS/#", "$MQTT/#"} {
		token := c.Subscribe(topic, 0, receive(got))
		if !token.WaitTimeout(10 * time.Second) {
			t.Fatal("no answer from the broker")
		}
		if granted := token.(*mqtt.SubscribeToken).Result()[topic]; granted != 128 {
			t.Errorf("subscription to %s was granted %d", topic, granted)
		}
	}
	for _, topic := range []string{
		"$KV/jobs/home/x", "$KV/jobs/home/01A", "$O/payloads/M/eA==",
		"$JS/API/STREAM/DELETE/KV_jobs", "$JS/API/STREAM/PURGE/KV_jobs", "$JS/API/STREAM/NAMES",
		"$JS/API/STREAM/PURGE/$MQTT_rmsgs", "$SYS/REQ/USER/INFO",
	} {
		c := mqttClient(t, s, "intruder-"+strings.ReplaceAll(topic, "/", "-")) // a broker may cut one off
		c.Publish(topic, 1, false, "evil").WaitTimeout(10 * time.Second)
	}
	if diff := ids(list(t, s)); len(diff) != 1 || diff[0] != "01A" {
		t.Errorf("jobs = %v", diff)
	}
	must(t, s.SaveJob(t.Context(), list(t, s)[0])) // its record is untouched
	if n := payloadRecords(t, s); n != 0 {
		t.Errorf("%d payload records", n)
	}
	done(t, c.Publish("end", 1, false, "end"))
	if m := <-got; m != "end end" {
		t.Errorf("the intruder got %q", m)
	}
}

func TestStoreUserIsNotForTheNetwork(t *testing.T) {
	t.Parallel()
	s := opened(t, Config{Dir: t.TempDir(), MQTT: anyPort})
	for name, credentials := range map[string][2]string{
		"the store's own": {s.engine.user, s.engine.password},
		"made up":         {"gphotos2mqtt", "guess"},
	} {
		c := mqtt.NewClient(mqttOptions(s, "x").SetUsername(credentials[0]).SetPassword(credentials[1]))
		if token := c.Connect(); !token.WaitTimeout(10*time.Second) || token.Error() == nil {
			t.Errorf("%s: connected", name)
		}
	}
}

func TestMQTTPassword(t *testing.T) {
	t.Parallel()
	s := opened(t, Config{Dir: t.TempDir(), MQTT: &Listen{Addr: "0.0.0.0:0", User: "ha", Password: "pass: {\"word"}})
	_, port, err := net.SplitHostPort(s.MQTTAddr())
	must(t, err)
	for password, want := range map[string]bool{"pass: {\"word": true, "other": false, "": false} {
		opts := mqttOptions(s, "x").SetUsername("ha").SetPassword(password)
		opts.Servers = nil
		c := mqtt.NewClient(opts.AddBroker("tcp://127.0.0.1:" + port))
		token := c.Connect()
		if ok := token.WaitTimeout(10*time.Second) && token.Error() == nil; ok != want {
			t.Errorf("password %q: connected = %v", password, ok)
		}
		c.Disconnect(0)
	}
}

func TestBrokerKeepsWhatItMust(t *testing.T) {
	t.Parallel()
	cfg := Config{Dir: t.TempDir(), MQTT: anyPort}
	s := open(t, cfg)
	got := make(chan string, 100)
	bridge := mqttClient(t, s, "bridge")
	done(t, bridge.Subscribe("gphotos/#", 1, receive(got)))
	publisher := mqttClient(t, s, "publisher")
	done(t, publisher.Publish("gphotos/home/state", 1, true, "retained"))
	if m := <-got; m != "gphotos/home/state retained" {
		t.Errorf("got %q", m)
	}
	bridge.Disconnect(100)
	done(t, publisher.Publish("gphotos/home/upload", 1, false, "while away"))
	publisher.Disconnect(100)
	crash(t, s)

	s = opened(t, cfg)
	mqttClient(t, s, "bridge", func(o *mqtt.ClientOptions) { o.SetDefaultPublishHandler(receive(got)) })
	if m := <-got; m != "gphotos/home/upload while away" {
		t.Errorf("the session got %q", m)
	}
	other := mqttClient(t, s, "other")
	done(t, other.Subscribe("gphotos/#", 1, receive(got)))
	if m := <-got; m != "gphotos/home/state retained" {
		t.Errorf("retained is %q", m)
	}
}

func TestLargeMessages(t *testing.T) {
	t.Parallel()
	s := opened(t, Config{Dir: t.TempDir(), MQTT: anyPort})
	got := make(chan int, 1)
	c := mqttClient(t, s, "camera")
	done(t, c.Subscribe("big", 1, func(_ mqtt.Client, m mqtt.Message) { got <- len(m.Payload()) }))
	const size = maxMessage - 1024 // topic and the engine's own headers need some
	done(t, c.Publish("big", 1, false, make([]byte, size)))
	if n := <-got; n != size {
		t.Errorf("%d bytes came of %d", n, size)
	}
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	first := opened(t, Config{Dir: t.TempDir(), MQTT: anyPort})
	_, err := Open(t.Context(), Config{Dir: t.TempDir(), Log: quiet(), MQTT: &Listen{Addr: first.MQTTAddr()}})
	for _, word := range []string{first.MQTTAddr(), "GPHOTOS_MQTT_LISTEN", "GPHOTOS_MQTT_URL"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("error without %s: %v", word, err)
		}
	}
}

func TestListenCheck(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		listen Listen
		words  string // of the refusal; "" = accepted
	}{
		{Listen{Addr: "127.0.0.1:1883"}, ""},
		{Listen{Addr: "127.0.0.2:0"}, ""},
		{Listen{Addr: "[::1]:1883"}, ""},
		{Listen{Addr: "localhost:1883"}, ""},
		{Listen{"0.0.0.0:1883", "u", "p"}, ""},
		{Listen{":1883", "u", "p"}, ""},
		{Listen{Addr: "0.0.0.0:1883"}, "GPHOTOS_MQTT_LISTEN GPHOTOS_MQTT_USER GPHOTOS_MQTT_PASSWORD"},
		{Listen{Addr: ":1883"}, "GPHOTOS_MQTT_USER"},
		{Listen{Addr: "[::]:1883"}, "GPHOTOS_MQTT_USER"},
		{Listen{Addr: "192.168.1.2:1883"}, "GPHOTOS_MQTT_USER"},
		{Listen{Addr: "localhost.example.com:1883"}, "GPHOTOS_MQTT_USER"},
		{Listen{"127.0.0.1:1883", "u", ""}, "GPHOTOS_MQTT_PASSWORD"},
		{Listen{"127.0.0.1:1883", "", "p"}, "GPHOTOS_MQTT_USER"},
		{Listen{Addr: "127.0.0.1"}, "GPHOTOS_MQTT_LISTEN"},
		{Listen{Addr: "127.0.0.1:mqtt"}, "GPHOTOS_MQTT_LISTEN"},
		{Listen{Addr: "127.0.0.1:65536"}, "GPHOTOS_MQTT_LISTEN"},
	} {
		err := test.listen.check()
		if (err == nil) != (test.words == "") {
			t.Errorf("%v: %v", test.listen, err)
		}
		for word := range strings.FieldsSeq(test.words) {
			if err != nil && !strings.Contains(err.Error(), word) {
				t.Errorf("%v: no %s in %v", test.listen, word, err)
			}
		}
	}
}

func TestEngineLogKeepsTheFirstFatalError(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	var failed []error
	l := &engineLog{log: quiet(), failed: func(err error) { failed = append(failed, err) }}
	l.Fatalf("cannot start: %v", cause)
	l.Fatalf("cannot start either")
	if err := l.fatal(); !errors.Is(err, cause) || err.Error() != "cannot start: cause" {
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
