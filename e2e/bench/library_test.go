package bench

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// BenchmarkLargeLibrary: a bridge that is linked to a library of 100,000 items and
// 500 albums of 200 which it has never seen, then a bridge that knows them. How soon
// the first listings and all 52 are out, what that costs, and the memory then.
func BenchmarkLargeLibrary(b *testing.B) {
	h := newHouse(b)
	h.stopBridge()
	h.control("POST", "seed", `{"items": 100000, "albums": 500, "album_items": 200}`, nil)
	for b.Loop() {
		for _, start := range []string{"first", "second"} {
			before := h.requests()
			began := time.Now()
			h.spawnBridge()
			first, all := h.listings(52)
			b.ReportMetric(first.Sub(began).Seconds(), "s-first-listings-"+start)
			b.ReportMetric(all.Sub(began).Seconds(), "s-all-listings-"+start)
			b.ReportMetric(float64(h.requests()-before), "requests-"+start)
			b.ReportMetric(float64(h.resident())/1e6, "MB-resident-"+start)
			h.stopBridge()
		}
	}
}

// listings waits for the listings of a bridge that starts: when the library's and
// the albums' are out, and when all are.
func (h *house) listings(count int) (first, all time.Time) {
	h.b.Helper()
	limit := time.After(patience)
	seen := map[string]bool{}
	for len(seen) < count {
		select {
		case m := <-h.messages:
			topic, listing := strings.CutPrefix(m.Topic(), "gphotos/home/")
			var doc struct{ Count int }
			if !listing || topic != "media" && !strings.HasPrefix(topic, "albums") || json.Unmarshal(m.Payload(), &doc) != nil || doc.Count == 0 {
				continue
			}
			seen[topic] = true
			if first.IsZero() && seen["media"] && seen["albums"] {
				first = time.Now()
			}
		case <-limit:
			h.b.Fatalf("only %d listings came: %v", len(seen), slices.Sorted(maps.Keys(seen)))
		}
	}
	return first, time.Now()
}

// requests is how many of the day's requests were made so far.
func (h *house) requests() int {
	var stats struct {
		Routes map[string]struct{ Requests int }
	}
	h.control("GET", "stats", "", &stats)
	n := 0
	for route, of := range stats.Routes {
		if !strings.HasPrefix(route, "oauth.") && route != "bytes" {
			n += of.Requests
		}
	}
	return n
}
