package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/sirupsen/logrus"
	"go.uber.org/goleak"

	"gphotos2mqtt/cluster/clustertest"
	"gphotos2mqtt/cmd/gphotos2mqtt/config"
	"gphotos2mqtt/mqttapi/broker/embedded"
)

func TestMain(m *testing.M) {
	clustertest.Serve()
	goleak.VerifyTestMain(m)
}

// with adds settings to the least that a bridge can start with.
func with(environ []string, lines ...string) []string {
	environ = slices.Clone(environ)
	for _, line := range lines {
		environ = append(environ, config.Prefix+line)
	}
	return environ
}

var minimal = []string{"HOME=/home/ada", "GPHOTOS_CLIENT_ID=id", "GPHOTOS_CLIENT_SECRET=hush"}

func read(t *testing.T, environ []string) config.Config {
	t.Helper()
	c, _, err := config.Read(environ)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// brokerFor starts the built-in broker and returns settings that lead to it.
func brokerFor(t *testing.T, lines ...string) []string {
	t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	b, err := embedded.Start(embedded.Config{
		Dir: t.TempDir(), Addr: "127.0.0.1:0", User: "home", Password: "hush", Log: logrus.NewEntry(log),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return with(minimal, append(lines, "MQTT_LISTEN="+b.Addr(), "MQTT_USER=home", "MQTT_PASSWORD=hush")...)
}

// retain publishes what a bridge says of its entries.
func retain(t *testing.T, environ []string, payloads map[string]string) {
	t.Helper()
	client := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(read(t, environ).BrokerURL()).
		SetUsername("home").SetPassword("hush"))
	if token := client.Connect(); token.Wait() && token.Error() != nil {
		t.Fatal(token.Error())
	}
	defer client.Disconnect(0)
	for topic, payload := range payloads {
		if token := client.Publish(topic, 1, true, payload); token.Wait() && token.Error() != nil {
			t.Fatal(token.Error())
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
	if code := run([]string{"health"}, environ, nil, &stdout, &stderr); code != exitDone || stdout.String() != "healthy\n" || stderr.Len() > 0 {
		t.Errorf("online: code %d, %q, %q", code, &stdout, &stderr)
	}

	retain(t, environ, map[string]string{"gphotos/garden/availability": "offline"})
	stdout.Reset()
	const want = "unhealthy: entry garden is \"offline\"\n"
	if code := run([]string{"health"}, environ, nil, &stdout, &stderr); code != exitFailed || stdout.Len() > 0 || stderr.String() != want {
		t.Errorf("offline: code %d, %q, %q; want %q", code, &stdout, &stderr, want)
	}
}

func TestHealthWithoutAvailability(t *testing.T) {
	environ := brokerFor(t, "ENTRIES=home,garden,attic")
	retain(t, environ, map[string]string{"gphotos/home/availability": "online"})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	err := health(ctx, read(t, environ), io.Discard)
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
	for name, environ := range map[string][]string{
		"connection refused": with(minimal, "MQTT_URL=mqtt://"+l.Addr().String()),
		"not Authorized":     with(brokerFor(t), "MQTT_PASSWORD=wrong"),
	} {
		var stdout, stderr bytes.Buffer
		code := run([]string{"health"}, environ, nil, &stdout, &stderr)
		if lines := strings.Count(stderr.String(), "\n"); code != exitFailed || lines != 1 || !strings.Contains(stderr.String(), name) {
			t.Errorf("%s: code %d, %q", name, code, &stderr)
		}
	}
}

// What it does not need it does not ask for.
func TestHealthWithoutSettings(t *testing.T) {
	var stdout, stderr bytes.Buffer
	code := run([]string{"health"}, []string{"GPHOTOS_MQTT_URL=broker"}, nil, &stdout, &stderr)
	if got := stderr.String(); code != exitUsage || !strings.HasPrefix(got, "GPHOTOS_MQTT_URL=") || strings.Contains(got, "CLIENT_ID") {
		t.Errorf("code %d, %q", code, got)
	}
}
