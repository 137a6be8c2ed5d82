package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// mosquittoConfig is for a broker of one script. It keeps nothing over a restart
// unless the script's own lines, or the suite's in $BROKER, say so.
const mosquittoConfig = `listener %s 127.0.0.1
log_dest stderr
connection_messages false
user root
`

var (
	mosquittoRuns = regexp.MustCompile(`(?m)mosquitto version \S+ running`)
	portTaken     = regexp.MustCompile(`Address already in use`)
)

// startBroker starts Mosquitto with the lines of a file, in which variables are
// replaced, or else open to everybody on this machine, and starts listening. The built-in broker comes up
// with the bridge; only listening begins.
func (w *world) startBroker(ts *testscript.TestScript, args []string) {
	if w.kind == mosquitto {
		config := "allow_anonymous true\n"
		if len(args) == 1 {
			config = os.Expand(ts.ReadFile(args[0]), ts.Getenv)
		}
		w.startMosquitto(ts, config)
	}
	if w.inbox == nil {
		w.inbox = newInbox(w.clientOptions(ts))
	}
}

// startMosquitto takes another port when somebody was faster.
func (w *world) startMosquitto(ts *testscript.TestScript, config string) {
	ctx, cancel := w.deadline(ts)
	defer cancel()
	w.brokers++
	for {
		path := filepath.Join(ts.Getenv("WORK"), fmt.Sprintf("mosquitto-%d.conf", w.brokers))
		text := fmt.Sprintf(mosquittoConfig, ts.Getenv("MQTT_PORT")) + ts.Getenv("BROKER") + "\n" + config
		ts.Check(os.WriteFile(path, []byte(text), 0o600))
		p := w.launch(ts, "broker", nil, "mosquitto", "-c", path)
		_, err := p.await(ctx, mosquittoRuns)
		if err == nil {
			return
		}
		if text, _ := p.text(); !portTaken.MatchString(text) || w.brokers > 1 {
			ts.Fatalf("%v", err)
		}
		ts.Setenv("MQTT_PORT", nextPort(w.tb))
	}
}

// brokerSettings tell the bridge which broker to use.
func (w *world) brokerSettings(ts *testscript.TestScript) []string {
	switch w.kind {
	case mosquitto:
		return []string{"GPHOTOS_MQTT_URL=mqtt://127.0.0.1:" + ts.Getenv("MQTT_PORT")}
	case embedded:
		return []string{"GPHOTOS_MQTT_LISTEN=127.0.0.1:" + ts.Getenv("MQTT_PORT")}
	}
	return nil
}

// startSim starts the simulated Google, which sends browsers back to the bridge
// of this script, and tells the script its address as $SIM.
func (w *world) startSim(ts *testscript.TestScript, args []string) {
	redirect := "http://localhost:" + ts.Getenv("HTTP_PORT") + "/oauth/callback"
	args = append([]string{"-listen", "127.0.0.1:0", "-redirect-uri", redirect}, args...)
	p := w.launch(ts, "photosim", nil, "photosim", args...)
	ctx, cancel := w.deadline(ts)
	defer cancel()
	found, err := p.await(ctx, regexp.MustCompile(`(?m)listening on (http://\S+)$`))
	ts.Check(err)
	ts.Setenv("SIM", found[1])
}

// startBridge starts the bridge and waits until the broker says that each entry is
// online.
func (w *world) startBridge(ts *testscript.TestScript, args []string) {
	w.start(ts, append([]string{"bridge", "gphotos2mqtt"}, args...))
	p := w.processes[len(w.processes)-1]
	ctx, cancel := w.deadline(ts)
	defer cancel()
	started := make(chan struct{})
	defer close(started)
	p.wait.Go(func() {
		select {
		case <-p.done:
			cancel() // it is in vain
		case <-started:
		}
	})
	entries := "home"
	for _, arg := range args {
		if list, ok := strings.CutPrefix(arg, "ENTRIES="); ok {
			entries = list
		}
	}
	for entry := range strings.SplitSeq(entries, ",") {
		online, _ := parseConditions([]string{"=online"})
		ts.Check(w.awaitRetained(ctx, ts, fullTopic(entry+"/availability"), online))
	}
}

var setting = regexp.MustCompile(`^[A-Z_]+=`)

// start starts a program of this project with settings for this script: its broker,
// its simulated Google, its folders. SETTING=VALUE changes one, SETTING= leaves it
// out; the rest are the program's arguments.
func (w *world) start(ts *testscript.TestScript, args []string) {
	if len(args) < 2 {
		ts.Fatalf("the arguments are NAME PROGRAM [SETTING=VALUE | ARGUMENT...]")
	}
	settings := append(
		w.brokerSettings(ts),
		"GPHOTOS_DATA_DIR="+ts.Getenv("DATA"), "GPHOTOS_MEDIA_DIRS="+ts.Getenv("MEDIA"),
		"GPHOTOS_HTTP_LISTEN=127.0.0.1:"+ts.Getenv("HTTP_PORT"),
		"GPHOTOS_CLIENT_ID=photosim.apps.googleusercontent.com", "GPHOTOS_CLIENT_SECRET=photosim-secret",
	)
	if sim := ts.Getenv("SIM"); sim != "" {
		settings = append(
			settings,
			"GPHOTOS_GOOGLE_AUTH_URL="+sim+"/accounts/o/oauth2/v2/auth", "GPHOTOS_GOOGLE_TOKEN_URL="+sim+"/oauth2/token",
			"GPHOTOS_GOOGLE_REVOKE_URL="+sim+"/oauth2/revoke", "GPHOTOS_GOOGLE_USERINFO_URL="+sim+"/openid/v1/userinfo",
			"GPHOTOS_GOOGLE_LIBRARY_URL="+sim+"/library",
		)
	}
	var rest []string
	for _, arg := range args[2:] {
		if setting.MatchString(arg) {
			settings = append(settings, "GPHOTOS_"+arg) // of two of a name the last one counts
		} else {
			rest = append(rest, arg)
		}
	}
	w.launch(ts, args[0], settings, args[1], rest...)
}
