package e2e_test

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"gphotos2mqtt/e2e/e2etest"
)

// TestNodeRED imports the flows of examples/node-red into the real Node-RED.
func TestNodeRED(t *testing.T) {
	if !e2etest.Acceptance() {
		t.Skip("`make acceptance` runs this: it needs Node.js")
	}
	runScripts(t, mosquitto, map[string]string{"NODERED": installNodeRED(t)}, "nodered")
}

// noderedPackage pins Node-RED and all that it needs. 4.1 is the last line that runs on
// Node.js 18 and 20, which Debian and its relatives have; 5 wants 22.9.
// Source: https://nodered.org/docs/faq/node-versions
//
//go:embed nodered/package.json nodered/package-lock.json
var noderedPackage embed.FS

// installNodeRED returns the folder that Node-RED is installed in: one of the user's
// cache that later runs find again, with 120 MB.
func installNodeRED(t *testing.T) string {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("%s is not installed (Node.js 18.5 or newer): run `make acceptance`, which installs what the tests need", program)
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "gphotos2mqtt-tests", "node-red-4.1.15")
	if _, err := os.Stat(dir); err == nil {
		return dir
	} else if !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if err := fillNodeRED(dir); err != nil {
		t.Fatalf("install Node-RED: %v", err)
	}
	return dir
}

// fillNodeRED installs beside the folder and renames: what is there is whole.
func fillNodeRED(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	fresh, err := os.MkdirTemp(filepath.Dir(dir), "new-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(fresh)
	for _, name := range []string{"package.json", "package-lock.json"} {
		text, err := noderedPackage.ReadFile("nodered/" + name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(fresh, name), text, 0o644); err != nil {
			return err
		}
	}
	npm := exec.Command("npm", "ci", "--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund")
	npm.Dir = fresh
	if text, err := npm.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w\n%s", err, text)
	}
	return os.Rename(fresh, dir)
}

const noderedSettings = `module.exports = {
	uiHost: "127.0.0.1", uiPort: %s, userDir: %q, flowFile: "flows.json", credentialSecret: false, disableEditor: true,
	telemetry: { enabled: false, updateNotification: false },
	externalModules: { autoInstall: false, palette: { allowInstall: false, allowUpdate: false }, modules: { allowInstall: false } },
	logging: { console: { level: "info" } },
}
`

// In the flows there are the broker of a usual house, its media folder and a camera.
var (
	flowBroker = `"broker": "localhost",`
	flowPort   = `"port": "1883",`
)

// startNodeRED imports a flow as a user does: with the own broker, folder and camera
// in place of the example's. OLD=NEW replaces more.
func (e *env) startNodeRED(ts *testscript.TestScript, args []string) {
	if len(args) == 0 {
		ts.Fatalf("the arguments are FLOW [OLD=NEW...]")
	}
	text, err := os.ReadFile(filepath.Join("..", "examples", "node-red", args[0]))
	ts.Check(err)
	changes := []string{flowBroker, `"broker": "127.0.0.1",`, flowPort, `"port": "` + ts.Getenv("MQTT_PORT") + `",`}
	for _, arg := range args[1:] {
		before, after, _ := strings.Cut(arg, "=")
		changes = append(changes, before, after)
	}
	for i := 0; i < len(changes); i += 2 {
		if !strings.Contains(string(text), changes[i]) {
			ts.Fatalf("%s has no %s", args[0], changes[i])
		}
	}
	dir := filepath.Join(ts.Getenv("WORK"), "node-red")
	ts.Check(os.MkdirAll(dir, 0o755))
	port := e2etest.Port(e)
	ts.Setenv("NODERED_URL", "http://127.0.0.1:"+port)
	ts.Setenv("FLOW", args[0])
	settings := filepath.Join(dir, "settings.js")
	ts.Check(os.WriteFile(settings, fmt.Appendf(nil, noderedSettings, port, dir), 0o644))
	ts.Check(os.WriteFile(filepath.Join(dir, "flows.json"), []byte(strings.NewReplacer(changes...).Replace(string(text))), 0o644))
	red := filepath.Join(ts.Getenv("NODERED"), "node_modules", "node-red", "red.js")
	e.launch("nodered", nil, "node", red, "--settings", settings).
		Expect(`(?s)Started flows.*Connected to broker|Connected to broker.*Started flows`)
}

// inject presses the button of an inject node.
func (e *env) inject(ts *testscript.TestScript, args []string) {
	if len(args) != 1 {
		ts.Fatalf("the argument is the NAME of an inject node")
	}
	text := ts.ReadFile(filepath.Join(ts.Getenv("WORK"), "node-red", "flows.json"))
	found := regexp.MustCompile(`"id": "([0-9a-f]+)",\s+"type": "inject",\s+"z": "[0-9a-f]+",\s+"name": "` + regexp.QuoteMeta(args[0]) + `"`).FindStringSubmatch(text)
	if found == nil {
		ts.Fatalf("%s has no inject node %q", ts.Getenv("FLOW"), args[0])
	}
	req, err := http.NewRequest(http.MethodPost, ts.Getenv("NODERED_URL")+"/inject/"+found[1], nil)
	ts.Check(err)
	_, err = answer(req)
	ts.Check(err)
}
