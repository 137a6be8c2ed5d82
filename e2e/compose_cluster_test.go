package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"gphotos2mqtt/e2e/e2etest"
)

// clusterAnswers are what compose.cluster.yaml needs beside the others; a password of digits is one, too.
const clusterAnswers = "NATS_PASSWORD=0123456789\nGPHOTOS_SECRET_KEY=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"

var clusterServers = []string{"nats-1", "nats-2", "nats-3"}

// loadCluster reads compose.cluster.yaml with what this machine has in the place of addresses and folders in containers.
func loadCluster(t *testing.T, mqttPort string) (services types.Services, places *strings.Replacer) {
	t.Helper()
	services = loadCompose(t, clusterAnswers, "compose.cluster.yaml")
	own := []string{"mosquitto:1883", "127.0.0.1:" + mqttPort}
	for _, name := range clusterServers {
		own = append(own, name+":4222", "127.0.0.1:"+e2etest.Port(t), name+":6222", "127.0.0.1:"+e2etest.Port(t))
	}
	return services, strings.NewReplacer(own...)
}

// startClusterServers starts the NATS servers of compose.cluster.yaml, and waits until its health check finds each of them well.
func startClusterServers(t *testing.T, services types.Services, places *strings.Replacer) {
	t.Helper()
	text, err := os.ReadFile("../examples/cluster/nats.conf")
	e2etest.Must(t, err)
	for _, name := range clusterServers {
		s, dir, monitor := services[name], t.TempDir(), "127.0.0.1:"+e2etest.Port(t)
		mounted := map[string]bool{}
		for _, v := range s.Volumes {
			mounted[v.Target] = true
		}
		own := strings.NewReplacer("0.0.0.0:4222", places.Replace(name+":4222"), "0.0.0.0:6222", places.Replace(name+":6222"),
			"127.0.0.1:8222", monitor, "/data", filepath.Join(dir, "data"), "/etc/nats/", dir+"/")
		if len(s.Command) != 3 || s.Command[0] != "nats-server" || !mounted[s.Command[2]] || !mounted["/data"] {
			t.Fatalf("%s: %v, %v", name, s.Command, s.Volumes)
		}
		e2etest.Must(t, os.WriteFile(own.Replace(s.Command[2]), []byte(own.Replace(string(text))), 0o600))
		environ := environOf(s)
		for i, line := range environ {
			environ[i] = places.Replace(line)
		}
		args := []string{s.Command[1], own.Replace(s.Command[2])}
		e2etest.Start(t, e2etest.Command{Name: name, Path: s.Command[0], Args: args, Env: environ, Dir: dir})
		address := regexp.MustCompile(`http://[^']*`).FindString(own.Replace(s.HealthCheck.Test[1]))
		if !strings.Contains(address, monitor) {
			t.Fatalf("%s: %v", name, s.HealthCheck.Test)
		}
		defer e2etest.Until(t, name+" to be healthy", func() bool { return answers(t, address) })
	}
}

func answers(t *testing.T, address string) bool {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	e2etest.Must(t, err)
	answer, err := http.DefaultClient.Do(req)
	if err != nil || answer.Body.Close() != nil || answer.StatusCode != http.StatusOK {
		time.Sleep(50 * time.Millisecond) // it prints each answer that it is not
		return false
	}
	return true
}

// TestComposeCluster starts all that compose.cluster.yaml starts, on this machine; the bridges share the entry.
func TestComposeCluster(t *testing.T) {
	needsMore(t)
	port := startComposeBroker(t)
	composeClient(t, port, "homeassistant") // the broker is up
	services, places := loadCluster(t, port)
	startClusterServers(t, services, places)
	var bridges []*e2etest.Process
	for i := range 3 {
		environ := environOf(services[fmt.Sprintf("gphotos2mqtt-%d", i+1)])
		for i, line := range environ {
			environ[i] = places.Replace(line)
		}
		dir := t.TempDir()
		environ = append(environ, "GPHOTOS_DATA_DIR="+filepath.Join(dir, "data"), "GPHOTOS_MEDIA_DIRS="+t.TempDir(),
			"GPHOTOS_HTTP_LISTEN=127.0.0.1:"+e2etest.Port(t))
		name := fmt.Sprint("bridge ", i+1)
		bridges = append(bridges, e2etest.Start(t, e2etest.Command{Name: name, Path: "gphotos2mqtt", Env: environ, Dir: dir}))
	}
	// One of them has the entry, and no other; when that is stopped another has.
	holder := func(of []*e2etest.Process) (at int) {
		var serving []int
		e2etest.Until(t, "one of them to serve the entry", func() bool {
			serving = nil
			for i, p := range of {
				if regexp.MustCompile(`broker connected.*entry=home`).MatchString(p.Output()) {
					serving = append(serving, i)
				}
			}
			return serving != nil
		})
		if len(serving) > 1 {
			t.Errorf("%d of them serve the entry", len(serving))
		}
		return serving[0]
	}
	for len(bridges) > 1 {
		at := holder(bridges)
		bridges[at].Stop(0)
		bridges = append(bridges[:at:at], bridges[at+1:]...)
	}
	holder(bridges)
	bridges[0].Stop(0)
}

// TestClusterScripts runs scripts with the servers of compose.cluster.yaml.
func TestClusterScripts(t *testing.T) {
	needsMore(t)
	services, places := loadCluster(t, "0")
	startClusterServers(t, services, places)
	bridge := services["gphotos2mqtt-1"]
	runScripts(t, mosquitto, map[string]string{
		"NATS": places.Replace(*bridge.Environment["GPHOTOS_NATS_URL"]), "NATS_PASSWORD": *bridge.Environment["GPHOTOS_NATS_PASSWORD"],
		"KEY": *bridge.Environment["GPHOTOS_SECRET_KEY"],
	}, "cluster")
}
