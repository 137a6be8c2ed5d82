package bench

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"gphotos2mqtt/e2e/e2etest"
	"gphotos2mqtt/photos/photosim"
)

// BenchmarkIdle: memory and processor time of a bridge that has nothing to do,
// over ten seconds.
func BenchmarkIdle(b *testing.B) {
	for name, config := range map[string]e2etest.Config{"mosquitto": {}, "embedded": {Embedded: true}} {
		b.Run(name, func(b *testing.B) {
			each(b, config, func(e *env) {
				const span = 10 * time.Second
				for e.b.Loop() {
					before := e.Bridge.CPU()
					time.Sleep(span) // what is measured is a time
					e.b.ReportMetric(100*(e.Bridge.CPU()-before).Seconds()/span.Seconds(), "%cpu")
					e.b.ReportMetric(megabytes(e.Bridge.Resident()), "MB-resident")
				}
			})
		})
	}
}

// BenchmarkLongQueue: a bridge that starts with 10,000 queued uploads of 10 KB. How soon
// it is online and says how many they are, and its memory.
func BenchmarkLongQueue(b *testing.B) {
	const jobs = 10_000
	each(b, e2etest.Config{}, func(e *env) {
		e2etest.Must(e, e.Google.Faults(photosim.Fault{Route: "*", Mode: photosim.Refuse, Error: "daily_quota"}))
		e.Fill(jobs, 10_000)
		for e.b.Loop() {
			e.Bridge.Stop(0)
			e.Forget("gphotos/home/state")
			began := time.Now()
			e.StartBridge()
			e.b.ReportMetric(time.Since(began).Seconds(), "s-online")
			e.Expect("gphotos/home/state", "the whole queue", func(payload []byte) bool {
				var state struct{ Queue struct{ Waiting int } }
				return json.Unmarshal(payload, &state) == nil && state.Queue.Waiting == jobs
			})
			e.b.ReportMetric(time.Since(began).Seconds(), "s-state")
			e.b.ReportMetric(megabytes(e.Bridge.Resident()), "MB-resident")
			e.b.ReportMetric(megabytes(e.Bridge.Peak()), "MB-peak")
		}
	})
}

// BenchmarkLargeLibrary: a bridge that is linked to a library of 100,000 items and
// 500 albums of 200 which it has never seen, then a bridge that knows them. How soon
// the first listings and all 52 are out, what that costs, and the memory then.
func BenchmarkLargeLibrary(b *testing.B) {
	each(b, e2etest.Config{}, func(e *env) {
		e.Bridge.Stop(0)
		e2etest.Must(e, e.Google.Seed(photosim.Seed{Items: 100_000, Albums: 500, AlbumItems: 200}))
		for e.b.Loop() {
			for _, start := range []string{"first", "second"} {
				before, seen := e.requests(), len(e.Messages())
				began := time.Now()
				e.Bridge = e.Run()
				first, all := e.listings(52, seen)
				e.b.ReportMetric(first.Sub(began).Seconds(), "s-first-listings-"+start)
				e.b.ReportMetric(all.Sub(began).Seconds(), "s-all-listings-"+start)
				e.b.ReportMetric(float64(e.requests()-before), "requests-"+start)
				e.b.ReportMetric(megabytes(e.Bridge.Resident()), "MB-resident-"+start)
				e.Bridge.Stop(0)
			}
		}
	})
}

// BenchmarkLongListing: a bridge that lists 500 items, the most there is, with ids and addresses as long as Google's. How large the
// listing is, which has to hold all of them, and the memory then.
func BenchmarkLongListing(b *testing.B) {
	each(b, e2etest.Config{Settings: []string{"GPHOTOS_LIST_ITEMS=500"}}, func(e *env) {
		e.Bridge.Stop(0)
		e2etest.Must(e, e.Google.Seed(photosim.Seed{Items: 1000, Albums: 4, AlbumItems: 500}))
		for e.b.Loop() {
			began := time.Now()
			e.Bridge = e.Run()
			size := 0
			e.Expect("gphotos/home/media", "all items", func(payload []byte) bool {
				var doc struct {
					Truncated bool
					Items     []struct{ ID string }
				}
				size = len(payload)
				return json.Unmarshal(payload, &doc) == nil && len(doc.Items) == 500 && !doc.Truncated
			})
			e.b.ReportMetric(time.Since(began).Seconds(), "s-listing")
			e.b.ReportMetric(float64(size)/1000, "KB-listing")
			e.b.ReportMetric(megabytes(e.Bridge.Resident()), "MB-resident")
			e.Bridge.Stop(0)
		}
	})
}

// listings waits for the listings of a bridge that starts, in the messages after the
// first ones: when the library's and the albums' are out, and when all are.
func (e *env) listings(count, next int) (first, all time.Time) {
	e.Helper()
	seen := map[string]bool{}
	e.Until("all listings", func() bool {
		messages := e.Messages()
		for ; next < len(messages); next++ {
			topic := strings.TrimPrefix(messages[next].Topic, "gphotos/home/")
			var doc struct{ Count int }
			listing := topic == "media" || strings.HasPrefix(topic, "albums")
			if listing && json.Unmarshal(messages[next].Payload, &doc) == nil && doc.Count > 0 {
				seen[topic] = true
			}
		}
		if first.IsZero() && seen["media"] && seen["albums"] {
			first = time.Now()
		}
		return len(seen) >= count
	})
	return first, time.Now()
}

// requests is how many of the day's requests were made so far.
func (e *env) requests() (n int) {
	for route, of := range e.Google.Stats().Routes {
		if !strings.HasPrefix(route, "oauth.") && route != "bytes" {
			n += of.Requests
		}
	}
	return n
}
