package survival

import (
	"bytes"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"gphotos2mqtt/e2e/e2etest"
)

// Thirty thousand commands that cannot be understood, at one entry: each is answered, another entry hardly notices, and the flooded one
// soon answers again.
func TestFlood(t *testing.T) {
	const flood = 30_000
	e := &env{e2etest.New(t, e2etest.Config{
		Settings: []string{"GPHOTOS_ENTRIES=home,other"}, Topics: []string{"gphotos/home/availability", "gphotos/other/#"},
	})}
	e.Expect("gphotos/other/availability", "online", nil)
	var answered atomic.Int64
	good := make(chan time.Time, 1)
	e.Watch(e2etest.ResultTopic, func(payload []byte) {
		answered.Add(1)
		if bytes.Contains(payload, []byte(`"good"`)) {
			good <- time.Now()
		}
	})
	flooded := make(chan time.Time)
	go func() {
		e.Send(flood, func(n int) []byte { return []byte("no command at all " + strconv.Itoa(n)) })
		flooded <- time.Now()
	}()
	var waits []time.Duration
	var over time.Time
	for n := 0; over.IsZero(); n++ {
		began := time.Now()
		e.Publish("gphotos/other/request/jobs", []byte(`{"transaction": `+strconv.Itoa(n)+`}`))
		e.Expect("gphotos/other/response/jobs", "the answer", nil)
		waits = append(waits, time.Since(began))
		select {
		case over = <-flooded:
		default:
		}
	}
	e.Publish("gphotos/home/upload", []byte(`{"path": "/nothing.jpg", "transaction": "good"}`))
	after := (<-good).Sub(over)
	e2etest.Until(e, "an answer to each", func() bool { return answered.Load() == flood+1 })
	slices.Sort(waits)
	median, peak := waits[len(waits)/2], e.Bridge.Peak()
	t.Logf("another entry waited %v (median of %d, at most %v), the flooded one answered after %v; %d MB resident at most",
		median, len(waits), waits[len(waits)-1], after, peak/1e6)
	limit := 30 * time.Second // beside other tests
	if e2etest.Acceptance() {
		limit = 5 * time.Second
	}
	if median > 200*time.Millisecond || after > limit || peak > 80_000_000 {
		t.Errorf("want 200 ms, %v, and 80 MB", limit)
	}
}

// Twenty payloads of 31 MB at once are not all in memory.
func TestLargePayloadsAtOnce(t *testing.T) {
	e := newEnv(t)
	e.Send(20, func(int) []byte { return slices.Concat([]byte("\xFF\xD8\xFF\xE0"), make([]byte, 31_000_000)) })
	e.Until("their results", func() bool { return len(e.Results()) == 20 })
	if peak := e.Bridge.Peak(); peak > 300_000_000 {
		t.Errorf("%d MB resident", peak/1e6)
	} else {
		t.Logf("%d MB resident at most", peak/1e6)
	}
}
