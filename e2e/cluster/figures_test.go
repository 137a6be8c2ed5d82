package cluster_test

import (
	"time"
)

// calm publishes uploads without troubles, and tells what they have cost.
func (w *world) calm(count int) {
	w.Helper()
	before, written := w.nats.sum()
	cpu := w.cpu()
	at := time.Now()
	u := w.more(count)
	u.publish(0)
	u.over()
	took := time.Since(at)
	after, writtenAfter := w.nats.sum()
	each := func(n int64) float64 { return float64(n) / float64(count) }
	w.Logf("%d uploads of %d entries on %d processes: %.1f s, %.1f a second", count, len(w.entries), len(w.bridges), took.Seconds(), float64(count)/took.Seconds())
	w.Logf("NATS: %.1f messages and %.0f KB from clients for an upload, %.0f KB written to disks by all servers",
		each(after.Messages-before.Messages), each(after.Bytes-before.Bytes)/1e3, each(writtenAfter-written)/1e3)
	w.Logf("processor of all bridges: %.1f ms for an upload", each(int64(w.cpu()-cpu))/1e6)
	for _, b := range w.bridges {
		w.Logf("%s: %d MB resident, %d MB at most, with %d entries", b.name, b.process.Resident()>>20, b.process.Peak()>>20, len(w.owners.of(w.process(b))))
	}
}

// idle tells what all of it costs while there is nothing to do.
func (w *world) idle(long time.Duration) {
	w.Helper()
	before, written := w.nats.sum()
	bridges, servers := w.cpu(), w.nats.cpu()
	time.Sleep(long)
	after, writtenAfter := w.nats.sum()
	second := func(n int64) float64 { return float64(n) / long.Seconds() }
	w.Logf("idle: %.2f %% of a core for all bridges, %.2f %% for all NATS servers", second(int64(w.cpu()-bridges))/1e7, second(int64(w.nats.cpu()-servers))/1e7)
	w.Logf("idle: %.1f messages and %.1f KB a second to NATS, %.1f KB a second written to disks by all servers",
		second(after.Messages-before.Messages), second(after.Bytes-before.Bytes)/1e3, second(writtenAfter-written)/1e3)
	for i, p := range w.nats.processes {
		w.Logf("%s: %d MB resident", w.nats.sites[i], p.Resident()>>20)
	}
}

func (s *servers) cpu() (sum time.Duration) {
	s.tb.Helper()
	for _, p := range s.processes {
		sum += p.CPU()
	}
	return sum
}

func (w *world) cpu() (sum time.Duration) {
	w.Helper()
	for _, b := range w.bridges {
		sum += b.process.CPU()
	}
	return sum
}

// sum is what clients have sent to all servers, and what these have written to disks.
func (s *servers) sum() (sum traffic, written int64) {
	s.tb.Helper()
	for i, p := range s.processes {
		t := s.traffic(i)
		sum.Messages, sum.Bytes = sum.Messages+t.Messages, sum.Bytes+t.Bytes
		written += p.Written()
	}
	return sum, written
}
