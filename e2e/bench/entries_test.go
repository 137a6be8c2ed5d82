package bench

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gphotos2mqtt/e2e/e2etest"
)

// BenchmarkEntries: a bridge with so many linked entries, each with an account of its own that holds nothing. How soon the first and the
// last of them is online, and what they cost when all is done: over a span, without the first listings.
func BenchmarkEntries(b *testing.B) {
	for _, broker := range []string{"mosquitto", "embedded"} {
		for _, count := range []int{1, 10, 100, 1000} {
			b.Run(fmt.Sprintf("%s/%d", broker, count), func(b *testing.B) { benchEntries(b, broker == "embedded", count) })
		}
	}
}

func benchEntries(b *testing.B, embedded bool, count int) {
	names := []string{"home"}
	for n := range count - 1 {
		names = append(names, fmt.Sprintf("entry-%04d", n+2))
	}
	e := e2etest.New(b, e2etest.Config{
		Bridge: *old, Embedded: embedded, Entries: names, Accounts: e2etest.Accounts(count), Topics: []string{"gphotos/+/availability", "gphotos/bridge/health"},
	})
	e.Bridge.Stop(0)
	for b.Loop() {
		seen := len(e.Messages())
		began := time.Now()
		e.Bridge = e.Run()
		first, last := online(e, seen, count)
		b.ReportMetric(first.Sub(began).Seconds()*1000, "ms-first-online")
		b.ReportMetric(last.Sub(began).Seconds()*1000, "ms-all-online")
		quiet(e)
		const span = 30 * time.Second
		cpu, switches := e.Bridge.CPU(), e.Bridge.Switches()
		time.Sleep(span) // what is measured is a time
		b.ReportMetric(100*(e.Bridge.CPU()-cpu).Seconds()/span.Seconds(), "%cpu")
		b.ReportMetric(float64(e.Bridge.Switches()-switches)/span.Seconds(), "wakes/s")
		b.ReportMetric(megabytes(e.Bridge.Resident()), "MB-resident")
		var health struct{ Goroutines int }
		for _, m := range slices.Backward(e.Messages()) {
			if strings.HasSuffix(m.Topic, "bridge/health") && json.Unmarshal(m.Payload, &health) == nil {
				break
			}
		}
		b.ReportMetric(float64(health.Goroutines), "goroutines")
		e.Bridge.Stop(0)
	}
}

// online waits until so many entries are, in the messages after the first ones: when the first is, and when the last.
func online(e *e2etest.Env, next, count int) (first, last time.Time) {
	e.Helper()
	seen := map[string]bool{}
	e.Until("all entries to be online", func() bool {
		for messages := e.Messages(); next < len(messages); next++ {
			if m := messages[next]; strings.HasSuffix(m.Topic, "/availability") && string(m.Payload) == "online" {
				seen[m.Topic] = true
			}
		}
		if first.IsZero() && len(seen) > 0 {
			first = time.Now()
		}
		return len(seen) == count
	})
	return first, time.Now()
}

// quiet waits until the bridge asks Google nothing more: its first listings are over.
func quiet(e *e2etest.Env) {
	e.Helper()
	const still = 10 * time.Second
	requests, since := 0, time.Now()
	e2etest.Until(e, "the end of the first listings", func() bool {
		now := 0
		for _, of := range e.Google.Stats().Routes {
			now += of.Requests
		}
		if now != requests {
			requests, since = now, time.Now()
		}
		return time.Since(since) > still
	})
}
