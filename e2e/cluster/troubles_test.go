package cluster_test

import (
	"fmt"
	"syscall"
	"time"
)

// kill ends a process as a crash does, and returns how long its entries took to be
// online elsewhere.
func (w *world) kill(b *bridge) time.Duration {
	w.Helper()
	entries := w.owners.of(w.process(b))
	b.stopped.Store(true)
	at := time.Now()
	w.losses = append(w.losses, [2]time.Time{at.Add(-onTheirWay), at.Add(time.Second)})
	w.Logf("%s: kill %s", at.Format(time.TimeOnly), b.name)
	b.process.Signal(syscall.SIGKILL)
	b.runs[len(b.runs)-1].ended = at
	return w.takenOver("killed "+b.name, entries, at)
}

// freeze stops a process for a time, which has to be longer than its lease, and lets it go
// on.
func (w *world) freeze(b *bridge, long time.Duration) time.Duration {
	w.Helper()
	entries := w.owners.of(w.process(b))
	at := time.Now()
	w.Logf("%s: freeze %s", at.Format(time.TimeOnly), b.name)
	b.process.Signal(syscall.SIGSTOP)
	took := w.takenOver("froze "+b.name, entries, at)
	time.Sleep(time.Until(at.Add(long)))
	r := b.runs[len(b.runs)-1]
	r.pauses = append(r.pauses, [2]time.Time{at, time.Now()})
	b.process.Signal(syscall.SIGCONT)
	return took
}

// terminate stops a process in order.
func (w *world) terminate(b *bridge) time.Duration {
	w.Helper()
	entries := w.owners.of(w.process(b))
	b.stopped.Store(true)
	at := time.Now()
	w.Logf("%s: stop %s", at.Format(time.TimeOnly), b.name)
	b.process.Signal(syscall.SIGTERM)
	took := w.takenOver("stopped "+b.name, entries, at)
	b.process.Exited(0)
	return took
}

func (w *world) takenOver(what string, entries []string, at time.Time) time.Duration {
	w.Helper()
	w.allOnline(entries, at)
	took := w.lastOnline(entries).Sub(at)
	w.Logf("%s: its %d entries were online elsewhere within %.1f s", what, len(entries), took.Seconds())
	return took
}

// restart starts a bridge again that was killed or stopped, and waits until it takes part.
func (w *world) restart(b *bridge) {
	w.Helper()
	w.start(b)
	w.process(b)
}

// A link is between two sites.
type link struct{ from, to *site }

func (l link) String() string { return fmt.Sprint(l.from, "–", l.to) }

// links are one of each kind, of a bridge and a server.
func (w *world) links(b *bridge, server int) []link {
	return []link{
		{b.site, w.nats.sites[server]},
		{b.site, w.broker.site},
		{b.site, w.google.site},
		{w.nats.sites[server], w.nats.sites[(server+1)%serverCount]},
	}
}

// sever cuts a link for a time and heals it.
func (w *world) sever(l link, long time.Duration) {
	w.Helper()
	w.Logf("%s: cut %v for %v", time.Now().Format(time.TimeOnly), l, long)
	w.cut(l.from, l.to)
	time.Sleep(long)
	w.heal(l.from, l.to)
}

// withoutQuorum leaves one NATS server of three for a time. Nobody can renew a lease: all
// entries have to be offline before the servers return.
func (w *world) withoutQuorum(long time.Duration) {
	w.Helper()
	at := time.Now()
	from := at.Add(-onTheirWay)
	w.nats.kill(0)
	w.nats.kill(1)
	w.until("all entries to stop", func() bool { return len(w.online) == 0 })
	w.Logf("without a quorum all entries had stopped within %.1f s", time.Since(at).Seconds())
	time.Sleep(time.Until(at.Add(long)))
	at = time.Now()
	w.nats.start(0)
	w.nats.start(1)
	w.allOnline(w.entries, at)
	w.losses = append(w.losses, [2]time.Time{from, time.Now()})
	w.Logf("all entries were online again %.1f s after the quorum's return", time.Since(at).Seconds())
}
