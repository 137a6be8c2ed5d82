package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"

	"gphotos2mqtt/e2e/e2etest"
)

// composeSecrets are the values in .env that nobody may read off a command line; composeAnswers what a person writes into it, one of it
// misspelt.
var (
	composeSecrets = []string{"bridge", "homeassistant", "nodered", "photosim-secret", "0123456789"}
	composeAnswers = "GPHOTOS_MAX_AGE=7d\nGPHOTOS_ENTRY_HOME_ALBUM=Front door\nGPHOTOS_LIST_ITMES=5\n"
)

// loadCompose reads a file as docker compose does, with .env.example filled in. What the schema does not know is an error.
func loadCompose(t *testing.T, more string, files ...string) types.Services {
	t.Helper()
	dir := t.TempDir()
	example, err := os.ReadFile("../.env.example")
	e2etest.Must(t, err)
	filled := strings.NewReplacer(
		"_BRIDGE=\n", "_BRIDGE=bridge\n", "_HOMEASSISTANT=\n", "_HOMEASSISTANT=homeassistant\n", "_NODERED=\n", "_NODERED=nodered\n",
		"CLIENT_ID=\n", "CLIENT_ID=photosim.apps.googleusercontent.com\n", "CLIENT_SECRET=\n", "CLIENT_SECRET=photosim-secret\n",
	).Replace(string(example))
	e2etest.Must(t, os.WriteFile(filepath.Join(dir, ".env"), []byte(filled+composeAnswers+more), 0o600))
	for i, file := range files {
		text, err := os.ReadFile("../" + file)
		e2etest.Must(t, err)
		files[i] = filepath.Join(dir, file)
		e2etest.Must(t, os.MkdirAll(filepath.Dir(files[i]), 0o700))
		e2etest.Must(t, os.WriteFile(files[i], text, 0o600))
	}
	options, err := cli.NewProjectOptions(files, cli.WithWorkingDirectory(dir), cli.WithEnvFiles(), cli.WithDotEnv)
	e2etest.Must(t, err)
	project, err := options.LoadProject(t.Context())
	e2etest.Must(t, err)
	return project.Services
}

func environOf(s types.ServiceConfig) (lines []string) {
	for name, value := range s.Environment {
		if value != nil && *value != "" {
			lines = append(lines, name+"="+*value)
		}
	}
	slices.Sort(lines)
	return lines
}

func TestComposeFiles(t *testing.T) {
	own := "GPHOTOS_MQTT_URL=mqtt://broker\nMEDIA_ACCESS=rw\n"
	for name, services := range map[string]types.Services{
		"compose.yaml":         loadCompose(t, "", "compose.yaml"),
		"compose.bridge.yaml":  loadCompose(t, own, "compose.bridge.yaml"),
		"compose.build.yaml":   loadCompose(t, "", "compose.yaml", "compose.build.yaml"),
		"Traefik":              loadCompose(t, "", "compose.yaml", "examples/proxy/compose.traefik.yaml"),
		"compose.cluster.yaml": loadCompose(t, clusterAnswers, "compose.cluster.yaml"),
	} {
		bridges := 0
		for _, s := range services {
			if s.MemLimit < 64<<20 || !s.ReadOnly || !slices.Contains(s.CapDrop, "ALL") {
				t.Errorf("%s: %s has no limit of memory, writes anywhere or may do too much", name, s.Name)
			}
			lines := fmt.Sprint(s.Command, s.Entrypoint)
			if s.HealthCheck != nil {
				lines += fmt.Sprint(s.HealthCheck.Test)
			}
			for _, secret := range composeSecrets {
				if regexp.MustCompile(`\b` + secret + `\b`).MatchString(lines) {
					t.Errorf("%s: a command line of %s has a password: %s", name, s.Name, lines)
				}
			}
		}
		for _, s := range services {
			if strings.HasPrefix(s.Name, "gphotos2mqtt") {
				bridges++
				checkComposeBridge(t, name, s)
			}
		}
		if want := map[bool]int{false: 1, true: 3}[name == "compose.cluster.yaml"]; bridges != want {
			t.Errorf("%s has %d bridges", name, bridges)
		}
	}
}

func checkComposeBridge(t *testing.T, name string, bridge types.ServiceConfig) {
	t.Helper()
	environ := environOf(bridge)
	for line := range strings.Lines(composeAnswers) {
		if !slices.Contains(environ, strings.TrimSpace(line)) {
			t.Errorf("%s: %s does not reach the bridge", name, line)
		}
	}
	for _, line := range environ {
		if strings.HasPrefix(line, "MQTT_PASSWORD_") && name != "compose.bridge.yaml" || strings.HasPrefix(line, "NATS_PASSWORD") {
			t.Errorf("%s: the bridge is told %s", name, line)
		}
	}
	media := slices.IndexFunc(bridge.Volumes, func(v types.ServiceVolumeConfig) bool { return v.Target == "/media" })
	if media < 0 || bridge.Volumes[media].ReadOnly != (name != "compose.bridge.yaml") {
		t.Errorf("%s: volumes %v", name, bridge.Volumes)
	}
}

// TestComposeRuns starts both services as compose.yaml says, on this machine: the ports and folders are the test's.
func TestComposeRuns(t *testing.T) {
	needsMore(t)
	port := startComposeBroker(t)
	composeClient(t, port, "homeassistant") // the broker is up
	for file, own := range map[string]string{
		"compose.yaml":        "",
		"compose.bridge.yaml": "GPHOTOS_MQTT_URL=mqtt://mosquitto:1883\nGPHOTOS_MQTT_USER=bridge\nGPHOTOS_MQTT_PASSWORD=bridge\n",
	} {
		folder := t.TempDir()
		bridge := environOf(loadCompose(t, own, file)["gphotos2mqtt"])
		for i, line := range bridge {
			bridge[i] = strings.ReplaceAll(line, "mosquitto:1883", "127.0.0.1:"+port)
		}
		bridge = append(bridge, "GPHOTOS_DATA_DIR="+folder, "GPHOTOS_MEDIA_DIRS="+t.TempDir(), "GPHOTOS_HTTP_LISTEN=127.0.0.1:"+e2etest.Port(t))
		p := e2etest.Start(t, e2etest.Command{Name: file, Path: "gphotos2mqtt", Env: bridge, Dir: folder})
		p.Expect(`GPHOTOS_LIST_ITMES is not a setting and does nothing; did you mean GPHOTOS_LIST_ITEMS`)
		p.Expect(`broker connected.*entry=home`)
		p.Stop(0)
	}
}
