package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/google/go-cmp/cmp"

	"gphotos2mqtt/e2e/e2etest"
)

// composeUsers are the users of examples/compose/mosquitto/acl; each has its own
// name as its password here.
var composeUsers = []string{"bridge", "homeassistant", "nodered", "admin"}

// composeRights says for each kind of topic who reads and who writes it.
var composeRights = []struct{ topic, read, write string }{
	{"gphotos/home/upload", "bridge", "bridge homeassistant nodered"},
	{"gphotos/home/request/link/finish", "bridge", "bridge homeassistant nodered"},
	{"gphotos/bridge/request/entry/add", "bridge", "bridge admin"},
	{"gphotos/bridge/response/entry/add", "bridge homeassistant nodered admin", "bridge"},
	{"gphotos/home/availability", "bridge homeassistant nodered admin", "bridge"},
	{"gphotos/home/albums", "bridge homeassistant nodered", "bridge"},
	{"gphotos/home/albums/AF1Q", "bridge homeassistant nodered", "bridge"},
	{"gphotos/home/media", "bridge homeassistant nodered", "bridge"},
	{"gphotos/home/image", "bridge homeassistant nodered", "bridge"},
	{"gphotos/home/upload/result", "bridge homeassistant nodered", "bridge"},
	{"gphotos/home/upload/progress", "bridge homeassistant nodered", "bridge"},
	{"gphotos/home/response/album/create", "bridge homeassistant nodered", "bridge"},
	{"gphotos/bridge/info", "bridge homeassistant nodered admin", "bridge"},
	{"homeassistant/device/gphotos_home/config", "homeassistant", "bridge homeassistant"},
	{"homeassistant/status", "bridge homeassistant", "homeassistant"},
	{"elsewhere", "", ""},
	{"gphotos/home/state", "bridge homeassistant nodered admin", "bridge"}, // last: see the test
}

// TestComposeBroker starts the broker as compose.yaml does, with the files of
// examples/compose. Every user publishes to every topic and listens to all. The
// last message reaches everybody, and by then all others have.
func TestComposeBroker(t *testing.T) {
	needsMore(t)
	port := startComposeBroker(t)
	got := make(map[string][]string)
	clients := make(map[string]mqtt.Client)
	received := make(map[string]chan mqtt.Message)
	for _, user := range composeUsers {
		received[user] = make(chan mqtt.Message, 100)
		clients[user] = composeClient(t, port, user)
		e2etest.Settled(t, clients[user].Subscribe("#", 1, func(_ mqtt.Client, m mqtt.Message) { received[user] <- m }))
	}
	want := make(map[string][]string)
	for _, right := range composeRights {
		for _, writer := range []string{"admin", "nodered", "homeassistant", "bridge"} {
			e2etest.Settled(t, clients[writer].Publish(right.topic, 1, false, writer))
			for _, reader := range composeUsers {
				if strings.Contains(right.write, writer) && strings.Contains(right.read, reader) {
					want[reader] = append(want[reader], right.topic+" from "+writer)
				}
			}
		}
	}
	for _, user := range composeUsers {
		for topic := ""; topic != "gphotos/home/state"; {
			select {
			case m := <-received[user]:
				topic = m.Topic()
				got[user] = append(got[user], topic+" from "+string(m.Payload()))
			case <-time.After(e2etest.Patience):
				t.Fatalf("user %s does not get the last message, but %q", user, got[user])
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want +got)", diff)
	}
}

func TestComposeBrokerRefusesStrangers(t *testing.T) {
	needsMore(t)
	port := startComposeBroker(t)
	composeClient(t, port, "bridge") // the broker is up
	for _, options := range []*mqtt.ClientOptions{
		e2etest.ClientOptions(port).SetUsername("bridge").SetPassword("wrong"), e2etest.ClientOptions(port),
	} {
		client := mqtt.NewClient(options.SetConnectRetry(false))
		if token := client.Connect(); token.Wait() && token.Error() == nil {
			t.Errorf("user %q with password %q is let in", options.Username, options.Password)
			client.Disconnect(0)
		}
	}
}

// TestComposeHealth runs the health check of compose.yaml as its container does.
func TestComposeHealth(t *testing.T) {
	needsMore(t)
	check := loadCompose(t, "", "compose.yaml")["mosquitto"].HealthCheck.Test
	if len(check) != 2 || check[0] != "CMD-SHELL" {
		t.Fatal(check)
	}
	dir := t.TempDir()
	port := startComposeBrokerIn(t, dir)
	composeClient(t, port, "bridge") // the broker is up
	for _, tt := range []struct {
		config string
		code   int
	}{{filepath.Join(dir, "health"), 0}, {t.TempDir(), 5}} { // the second has no password: not authorised
		line := strings.NewReplacer("/tmp/health", tt.config, "mosquitto_sub", "mosquitto_sub -h 127.0.0.1 -p "+port).Replace(check[1])
		e2etest.Start(t, e2etest.Command{Name: "health", Path: "sh", Args: []string{"-c", line}, Dir: t.TempDir()}).Exited(tt.code)
	}
}

func startComposeBroker(t *testing.T) string {
	t.Helper()
	return startComposeBrokerIn(t, t.TempDir())
}

// startComposeBrokerIn runs start.sh with the container's paths put below a
// folder of the test, and returns the port of the broker.
func startComposeBrokerIn(t *testing.T, dir string) string {
	t.Helper()
	port := e2etest.Port(t)
	places := strings.NewReplacer("/mosquitto/", dir+"/", "/tmp/health", dir+"/health", "listener 1883", "listener "+port+" 127.0.0.1")
	for _, sub := range []string{"config", "data"} {
		e2etest.Must(t, os.Mkdir(filepath.Join(dir, sub), 0o700))
	}
	for _, name := range []string{"mosquitto.conf", "acl", "start.sh"} {
		text, err := os.ReadFile(filepath.Join("../examples/compose/mosquitto", name))
		e2etest.Must(t, err)
		content := places.Replace(string(text))
		if name == "mosquitto.conf" && os.Geteuid() == 0 {
			content += "user root\n" // so that it reads what only we may read
		}
		e2etest.Must(t, os.WriteFile(filepath.Join(dir, "config", name), []byte(content), 0o600))
	}
	var passwords []string
	for _, user := range composeUsers {
		passwords = append(passwords, "MQTT_PASSWORD_"+strings.ToUpper(user)+"="+user)
	}
	e2etest.Start(t, e2etest.Command{Name: "broker", Path: "sh", Args: []string{filepath.Join(dir, "config", "start.sh")}, Env: passwords, Dir: dir})
	return port
}

// composeClient connects as a user, as soon as the broker is up.
func composeClient(t *testing.T, port, user string) mqtt.Client {
	t.Helper()
	client := mqtt.NewClient(e2etest.ClientOptions(port).SetUsername(user).SetPassword(user))
	t.Cleanup(func() { client.Disconnect(0) })
	e2etest.Settled(t, client.Connect())
	return client
}
