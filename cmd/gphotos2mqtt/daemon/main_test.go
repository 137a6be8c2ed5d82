package daemon

import (
	"io"
	"slices"
	"testing"

	"github.com/sirupsen/logrus"
	"go.uber.org/goleak"

	"gphotos2mqtt/cmd/gphotos2mqtt/config"
	"gphotos2mqtt/mqttapi/broker/embedded"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var minimal = []string{"HOME=/home/ada", "GPHOTOS_CLIENT_ID=id", "GPHOTOS_CLIENT_SECRET=hush"}

func with(environ []string, lines ...string) []string {
	environ = slices.Clone(environ)
	for _, line := range lines {
		environ = append(environ, config.Prefix+line)
	}
	return environ
}

func read(t *testing.T, environ []string) config.Config {
	t.Helper()
	c, _, err := config.Read(environ)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func logTo(out io.Writer) *logrus.Entry {
	log := logrus.New()
	log.SetOutput(out)
	return logrus.NewEntry(log)
}

// brokerFor starts the built-in broker and returns settings that lead to it.
func brokerFor(t *testing.T) []string {
	t.Helper()
	b, err := embedded.Start(embedded.Config{
		Dir: t.TempDir(), Addr: "127.0.0.1:0", User: "home", Password: "hush", Log: logTo(io.Discard),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return with(minimal, "MQTT_LISTEN="+b.Addr(), "MQTT_USER=home", "MQTT_PASSWORD=hush")
}
