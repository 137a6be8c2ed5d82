package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestReady shows that systemd, and so who starts the service, is told once the bridge serves.
func TestReady(t *testing.T) {
	folder, err := os.MkdirTemp("", "notify") //nolint:usetesting // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(folder, "s"), Net: "unixgram"})
	if err != nil {
		t.Skip("no such sockets here:", err)
	}
	defer socket.Close()
	t.Setenv("NOTIFY_SOCKET", socket.LocalAddr().String())
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var log bytes.Buffer
	ended := make(chan error, 1)
	c := read(t, with(minimal, "DATA_DIR="+t.TempDir(), "MQTT_URL=mqtt://127.0.0.1:9", "HTTP_LISTEN=127.0.0.1:0"))
	go func() { ended <- serve(ctx, c, nil, &log) }()
	if err := socket.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	message := make([]byte, 64)
	n, err := socket.Read(message)
	stop()
	failed := <-ended
	if got := string(message[:n]); err != nil || failed != nil || got != "READY=1" {
		t.Errorf("told %q, %v; ended with %v\n%s", got, err, failed, &log)
	}
}

// TestUnit judges the unit as systemd does: by what it says of errors, and of how much the service could do to the machine.
func TestUnit(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd is not installed")
	}
	const unit = "../../packaging/gphotos2mqtt.service"
	out, err := exec.CommandContext(t.Context(), analyze, "security", "--offline=true", "--threshold=20", unit).CombinedOutput() // 2.0
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	out, err = exec.CommandContext(t.Context(), analyze, "verify", "--man=no", unit).CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "gphotos2mqtt.service") && !strings.Contains(line, "is not executable") { // it is not installed here
			t.Errorf("%v: %s", err, line)
		}
	}
}
