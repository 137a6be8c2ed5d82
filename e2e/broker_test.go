package e2e_test

import (
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"gphotos2mqtt/e2e/e2etest"
)

// startBroker starts Mosquitto with the lines of a file, in which variables are
// replaced, or else open to everybody on this machine, and subscribes. The suite's own
// lines are in $BROKER. The built-in broker comes up with the bridge; the subscriber
// begins to look for it.
func (e *env) startBroker(ts *testscript.TestScript, args []string) {
	if e.broker == mosquitto {
		config := "allow_anonymous true"
		if len(args) == 1 {
			config = os.Expand(ts.ReadFile(args[0]), ts.Getenv)
		}
		lines := ts.Getenv("BROKER") + "\n" + config
		e.processes = append(e.processes, e2etest.StartMosquitto(e, ts.Getenv("WORK"), ts.Getenv("MQTT_PORT"), lines))
	}
	if e.messages == nil {
		e.subscribe()
	}
}

// brokerSettings tell the bridge which broker to use.
func (e *env) brokerSettings() []string {
	switch e.broker {
	case mosquitto:
		return []string{"GPHOTOS_MQTT_URL=mqtt://127.0.0.1:" + e.ts.Getenv("MQTT_PORT")}
	case embedded:
		return []string{"GPHOTOS_MQTT_LISTEN=127.0.0.1:" + e.ts.Getenv("MQTT_PORT")}
	}
	return nil
}

// startSim starts the simulated Google, which sends browsers back to the bridge
// of this script, and tells the script its address as $SIM.
func (e *env) startSim(ts *testscript.TestScript, args []string) {
	redirect := "http://localhost:" + ts.Getenv("HTTP_PORT") + "/oauth/callback"
	args = append([]string{"-listen", "127.0.0.1:0", "-redirect-uri", redirect}, args...)
	ts.Setenv("SIM", e.launch("photosim", nil, "photosim", args...).Expect(`listening on (http://\S+)$`)[1])
}

// startBridge starts the bridge and waits until the broker says that each entry is
// online.
func (e *env) startBridge(ts *testscript.TestScript, args []string) {
	e.start(ts, append([]string{"bridge", "gphotos2mqtt"}, args...))
	bridge := e.find("bridge")
	entries := "home"
	for _, arg := range args {
		if list, ok := strings.CutPrefix(arg, "ENTRIES="); ok {
			entries = list
		}
	}
	online, _ := parseConditions([]string{"=online"})
	for entry := range strings.SplitSeq(entries, ",") {
		e.awaitRetained(fullTopic(entry+"/availability"), online, bridge.Done())
	}
}
