package survival

import (
	"testing"
	"time"

	"gphotos2mqtt/e2e/e2etest"
	"gphotos2mqtt/photos/photosim"
)

// A bridge that starts with 10,000 queued uploads is soon ready, and small.
func TestLongQueue(t *testing.T) {
	jobs := 1_000
	if e2etest.Acceptance() {
		jobs = 10_000
	}
	e := newEnv(t)
	e.faults(photosim.Fault{Route: "*", Mode: photosim.Refuse, Error: "daily_quota"})
	e.Fill(jobs, 10_000)
	e.Bridge.Stop(0)
	began := time.Now()
	e.StartBridge()
	ready := time.Since(began)
	var state struct {
		Queue struct{ Waiting, Active int }
		Hold  *struct{ Reason string }
	}
	e.Until("the queue and its hold", func() bool {
		return e.Last("gphotos/home/state", &state) && state.Queue.Waiting == jobs && state.Hold != nil
	})
	peak := e.Bridge.Peak()
	t.Logf("%d uploads: ready after %v, %d MB resident at most", jobs, ready.Round(time.Millisecond), peak/1e6)
	if peak > 96_000_000 {
		t.Errorf("%d bytes resident", peak)
	}
	if e2etest.Acceptance() && ready > 10*time.Second { // BenchmarkLongQueue has the figure
		t.Errorf("ready after %v", ready)
	}
	e.Bridge.Stop(0)
}
