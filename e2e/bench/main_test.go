// Package bench measures the built bridge as a user runs it: with Mosquitto and the
// simulated Google on loopback. Nothing here passes or fails by a time; `make bench`
// prints figures, and docs/performance.md keeps them.
//
// With -old PATH each benchmark also measures another gphotos2mqtt in the same run, so
// that two figures are of the same machine at the same hour:
//
//	go test -run '^$' -bench . -benchtime 1x -timeout 60m ./e2e/bench -old /path/to/gphotos2mqtt
package bench

import (
	"bytes"
	"flag"
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gphotos2mqtt/e2e/e2etest"
)

var old = flag.String("old", "", "`path` of another gphotos2mqtt to measure as well")

func TestMain(m *testing.M) {
	os.Exit(e2etest.M{M: m, MoreThanGo: true, Needs: []string{"mosquitto"}}.Run())
}

// An env is an environment with the entry linked.
type env struct {
	*e2etest.Env
	b *testing.B
}

// newEnv has its data on a real disk, because what is written to it is measured.
func newEnv(b *testing.B, config e2etest.Config) *env {
	b.Helper()
	// Uploads themselves are not read by the subscriber.
	config.Topics = []string{
		"gphotos/home/availability", "gphotos/home/state", "gphotos/home/response/#", e2etest.ResultTopic,
		"gphotos/home/media", "gphotos/home/albums/#",
	}
	e := &env{e2etest.New(b, config), b}
	var disk unix.Statfs_t
	e2etest.Must(b, unix.Statfs(e.Dir, &disk))
	if disk.Type == unix.TMPFS_MAGIC {
		b.Fatalf("%s is in memory: set TMPDIR to a folder on a disk", e.Dir)
	}
	e.Link()
	e.Expect("gphotos/home/media", "a listing", nil)
	return e
}

// each runs a benchmark with the bridge of this tree, and with the other one.
func each(b *testing.B, config e2etest.Config, bench func(e *env)) {
	b.Helper()
	b.Run("now", func(b *testing.B) { bench(newEnv(b, config)) })
	if *old != "" {
		config.Bridge = *old
		b.Run("before", func(b *testing.B) { bench(newEnv(b, config)) })
	}
}

// upload publishes a command or the bytes of a photo.
func (e *env) upload(payload []byte) { e.Publish("gphotos/home/upload", payload) }

// done waits for the ends of so many uploads.
func (e *env) done(uploads int) {
	e.Helper()
	for range uploads {
		m := e.Expect(e2etest.ResultTopic, "an end", func(p []byte) bool { return !accepted(p) })
		if !bytes.Contains(m.Payload, []byte(`"status":"done"`)) {
			e.Fatalf("%s", m)
		}
	}
	e.Forget(e2etest.ResultTopic)
}

func accepted(payload []byte) bool { return bytes.Contains(payload, []byte(`"status":"accepted"`)) }

// used reports the processor time and the bytes written for each photo since a start.
func (e *env) used() (report func(photos int)) {
	cpu, written := e.Bridge.CPU(), e.Bridge.Written()
	return func(photos int) {
		e.b.ReportMetric((e.Bridge.CPU()-cpu).Seconds()*1000/float64(photos), "ms-cpu/photo")
		e.b.ReportMetric(float64(e.Bridge.Written()-written)/1000/float64(photos), "KB-written/photo")
	}
}

// reportTimes reports the median and the 95th percentile.
func (e *env) reportTimes(took []time.Duration) {
	slices.Sort(took)
	e.b.ReportMetric(took[len(took)/2].Seconds()*1000, "ms-median")
	e.b.ReportMetric(took[len(took)*95/100].Seconds()*1000, "ms-p95")
}

func megabytes(bytes int64) float64 { return float64(bytes) / 1e6 }
