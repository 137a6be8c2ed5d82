package clustertest

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/store/engine"
	"gphotos2mqtt/cluster"
)

// The benchmarks use three servers on this machine that sync every write: what is measured is mostly its disk.
func benchmark(b *testing.B, entries int) (*Servers, cluster.Config, *cluster.Engine) {
	b.Helper()
	s := Start(b, 3, "")
	cfg := config(b, s.URLs(), 3)
	c, err := cluster.Connect(b.Context(), cfg)
	must(b, err)
	b.Cleanup(c.Close)
	e := c.Engine()
	for i := range entries {
		fence, err := Own(b.Context(), s.URLs(), cfg.Prefix, fmt.Sprint("e", i))
		must(b, err)
		must(b, e.Claim(b.Context(), fmt.Sprint("e", i), fence))
	}
	return s, cfg, e
}

// BenchmarkAccept is what the broker waits for when a photo of 27 KB comes: its payload, then its job.
func BenchmarkAccept(b *testing.B) {
	servers, _, e := benchmark(b, 1)
	written := servers.written()
	s, err := store.Open(b.Context(), store.Config{Engine: e, Log: config(b, "nats://none", 1).Log})
	must(b, err)
	for i := 0; b.Loop(); i++ {
		name := fmt.Sprintf("%08d", i)
		_, _, err := s.PutPayload(b.Context(), name, random(27_000))
		must(b, err)
		j := job(name)
		j.Entry = "e0"
		must(b, s.AddJob(b.Context(), j))
	}
	b.ReportMetric(float64(servers.written()-written)/float64(b.N), "written/op")
}

// written is how many bytes the servers have given to their disks so far.
func (s *Servers) written() (sum int64) {
	for _, cmd := range s.running {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/io", cmd.Process.Pid)) // 0 where there is none
		for line := range strings.Lines(string(text)) {
			var n int64
			if _, err := fmt.Sscanf(line, "write_bytes: %d", &n); err == nil {
				sum += n
			}
		}
	}
	return sum
}

// BenchmarkChange saves records of one entry after the other, or of many entries at the same time.
func BenchmarkChange(b *testing.B) {
	for _, entries := range []int{1, 4, 16, 64} {
		b.Run(fmt.Sprint(entries, " entries"), func(b *testing.B) {
			_, _, e := benchmark(b, entries)
			value := make([]byte, 800)
			var wg sync.WaitGroup
			b.ResetTimer()
			for i := range entries {
				wg.Go(func() {
					for n := range max(b.N/entries, 1) {
						c := engine.Change{Key: fmt.Sprintf("jobs.e%d.%d", i, n), Value: value, Revision: engine.New}
						if _, err := e.Change(b.Context(), c); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
		})
	}
}

// BenchmarkClaim takes over an entry with 10,000 jobs of 800 bytes, and one with none.
func BenchmarkClaim(b *testing.B) {
	s, cfg, e := benchmark(b, 2)
	js := s.JetStream()
	for i := range 10_000 {
		_, err := js.PublishAsync(fmt.Sprintf("$KV.%s-records.e.e0.jobs.%05d", cfg.Prefix, i), make([]byte, 800))
		must(b, err)
		if i%200 == 199 {
			<-js.PublishAsyncComplete()
		}
	}
	for entry, jobs := range []int{10_000, 0} {
		b.Run(fmt.Sprint(jobs, " jobs"), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				fence, err := Own(b.Context(), s.URLs(), cfg.Prefix, fmt.Sprint("e", entry))
				must(b, err)
				e.Release(fmt.Sprint("e", entry))
				before := heap()
				b.StartTimer()
				must(b, e.Claim(b.Context(), fmt.Sprint("e", entry), fence))
				b.StopTimer()
				must(b, e.Each(b.Context(), fmt.Sprintf("jobs.e%d.", entry), func(engine.Record, error) bool { return true })) // as an entry that starts
				if jobs > 0 {
					b.ReportMetric(float64(heap()-before)/float64(jobs), "bytes/record")
				}
				b.StartTimer()
			}
		})
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
