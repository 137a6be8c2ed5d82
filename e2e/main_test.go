// Package e2e_test runs the built programs as a person would, one script after
// another, and reads what they say over MQTT, HTTP and on the terminal.
//
// The scripts are in testdata: those in script run with Mosquitto and with the
// built-in broker, those in mosquitto with Mosquitto alone, those in plain without
// a broker. They are written for testscript, whose own commands are described at
// https://pkg.go.dev/github.com/rogpeppe/go-internal/testscript; what this package
// adds is in the table of commands in script_test.go.
//
// Nothing waits for a time to pass: every wait is for a condition.
package e2e_test

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"gphotos2mqtt/e2e/e2etest"
)

func TestMain(m *testing.M) {
	needs := []string{"mosquitto", "mosquitto_passwd", "mosquitto_pub", "mosquitto_sub"}
	builds := []string{"github.com/nats-io/nats-server/v2"}
	testscript.Main(e2etest.M{M: m, Race: true, Needs: needs, Builds: builds}, map[string]func(){"foreign": foreign})
}

// needsMore skips a test that needs more than Go under -short.
func needsMore(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("`make test` runs this: it needs Mosquitto")
	}
}
