package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/sirupsen/logrus"
	"go.uber.org/goleak"

	"gphotos2mqtt/bridge/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// brokerFor starts the built-in broker and returns settings that lead to it.
func brokerFor(t *testing.T, lines ...string) map[string]string {
	t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	listen := &store.Listen{Addr: "127.0.0.1:0", User: "home", Password: "hush"}
	s, err := store.Open(t.Context(), store.Config{Dir: t.TempDir(), MQTT: listen, Log: logrus.NewEntry(log)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return with(minimal(), append(lines, "MQTT_LISTEN="+s.MQTTAddr(), "MQTT_USER=home", "MQTT_PASSWORD=hush")...)
}

// retain publishes what a bridge says of its entries.
func retain(t *testing.T, environ map[string]string, payloads map[string]string) {
	t.Helper()
	client := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://" + environ["GPHOTOS_MQTT_LISTEN"]).
		SetUsername("home").SetPassword("hush"))
	if err := wait(t.Context(), client.Connect()); err != nil {
		t.Fatal(err)
	}
	defer client.Disconnect(0)
	for topic, payload := range payloads {
		if err := wait(t.Context(), client.Publish(topic, 1, true, payload)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestHealth(t *testing.T) {
	environ := brokerFor(t, "ENTRIES=home,garden")
	retain(t, environ, map[string]string{
		"gphotos/home/availability":   "online",
		"gphotos/garden/availability": "online",
		"gphotos/gone/availability":   "offline",
	})
	var stdout, stderr bytes.Buffer
	if code := health(environ, &stdout, &stderr); code != exitDone || stdout.String() != "healthy\n" || stderr.Len() > 0 {
		t.Errorf("online: code %d, %q, %q", code, &stdout, &stderr)
	}

	retain(t, environ, map[string]string{"gphotos/garden/availability": "offline"})
	stdout.Reset()
	const want = "unhealthy: entry garden is \"offline\"\n"
	if code := health(environ, &stdout, &stderr); code != exitFailed || stdout.Len() > 0 || stderr.String() != want {
		t.Errorf("offline: code %d, %q, %q; want %q", code, &stdout, &stderr, want)
	}
}

func TestHealthWithoutAvailability(t *testing.T) {
	environ := brokerFor(t, "ENTRIES=home,garden,attic")
	retain(t, environ, map[string]string{"gphotos/home/availability": "online"})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	err := checkHealth(ctx, read(t, environ))
	if err == nil || !strings.HasSuffix(err.Error(), "of entry attic, garden") {
		t.Errorf("error %v; want one that names attic and garden", err)
	}
}

func TestHealthWithoutBroker(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for name, environ := range map[string]map[string]string{
		"connection refused": with(minimal(), "MQTT_URL=mqtt://"+l.Addr().String()),
		"not Authorized":     with(brokerFor(t), "MQTT_PASSWORD=wrong"),
	} {
		var stdout, stderr bytes.Buffer
		code := health(environ, &stdout, &stderr)
		if lines := strings.Count(stderr.String(), "\n"); code != exitFailed || lines != 1 || !strings.Contains(stderr.String(), name) {
			t.Errorf("%s: code %d, %q", name, code, &stderr)
		}
	}
}

func TestHealthWithoutSettings(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := health(nil, &stdout, &stderr); code != exitUsage || !strings.Contains(stderr.String(), "GPHOTOS_CLIENT_ID") {
		t.Errorf("code %d, %q", code, &stderr)
	}
}
