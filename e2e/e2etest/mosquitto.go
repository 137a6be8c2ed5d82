package e2etest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// StartMosquitto starts a broker on a port of loopback with lines of mosquitto.conf,
// and waits until it runs. It keeps nothing over a restart unless the lines say so.
// Source: https://mosquitto.org/man/mosquitto-conf-5.html
func StartMosquitto(tb testing.TB, dir, port, lines string) *Process {
	tb.Helper()
	config := filepath.Join(dir, "mosquitto-"+port+".conf")
	text := fmt.Sprintf("listener %s 127.0.0.1\nlog_dest stderr\nconnection_messages false\nuser root\n%s\n", port, lines)
	Must(tb, os.WriteFile(config, []byte(text), 0o600))
	p := Start(tb, Command{Name: "broker", Path: "mosquitto", Args: []string{"-c", config}, Dir: dir})
	p.Expect(`mosquitto version \S+ running`)
	return p
}
