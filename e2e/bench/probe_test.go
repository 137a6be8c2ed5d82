package bench

import (
	"context"
	"encoding/json"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"gphotos2mqtt/e2e/e2etest"
)

// probed builds the program with testdata/probe.go in it, by which it tells what the
// runtime counts. All else is as in a release.
func probed(t *testing.T) (path string) {
	t.Helper()
	root, err := filepath.Abs("../..")
	e2etest.Must(t, err)
	dir := t.TempDir()
	overlay, path := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "gphotos2mqtt")
	text, err := json.Marshal(map[string]map[string]string{"Replace": {
		filepath.Join(root, "cmd/gphotos2mqtt/probe.go"): filepath.Join(root, "e2e/bench/testdata/probe.go"),
	}})
	e2etest.Must(t, err)
	e2etest.Must(t, os.WriteFile(overlay, text, 0o600))
	build := exec.Command("go", "build", "-trimpath", "-overlay", overlay, "-o", path, "gphotos2mqtt/cmd/gphotos2mqtt")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

// A probe asks a bridge that was built by [probed].
type probe struct{ client *http.Client }

// newProbe asks at a socket, which the bridge was given as BENCH_PROBE.
func newProbe(t *testing.T, socket string) probe {
	t.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return probe{&http.Client{Transport: transport}}
}

// call lets the bridge do something, and waits until it has.
func (p probe) call(tb testing.TB, what string) {
	tb.Helper()
	response, err := p.client.Get("http://bridge/" + what)
	e2etest.Must(tb, err)
	e2etest.Must(tb, response.Body.Close())
}

// runtimeCounts are what the Go runtime of the bridge has counted since its start.
type runtimeCounts struct{ Mallocs, Allocated, Goroutines float64 }

func (p probe) counts(t *testing.T) (c runtimeCounts) {
	t.Helper()
	response, err := p.client.Get("http://bridge/")
	e2etest.Must(t, err)
	defer response.Body.Close()
	e2etest.Must(t, json.NewDecoder(response.Body).Decode(&c))
	return c
}

// settled is the number of goroutines when none ends any more for a while.
func (p probe) settled(t *testing.T) float64 {
	t.Helper()
	least, since := math.Inf(1), time.Now()
	for time.Since(since) < time.Second {
		if now := p.counts(t).Goroutines; now < least {
			least, since = now, time.Now()
		}
		time.Sleep(20 * time.Millisecond)
	}
	return least
}
