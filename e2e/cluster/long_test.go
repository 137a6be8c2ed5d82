package cluster_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"gphotos2mqtt/e2e/e2etest"
)

// takeoverLimit is how long the entries of a killed process may be away.
const takeoverLimit = 20 * time.Second

// TestCluster is `make cluster`: 200 entries on three processes.
func TestCluster(t *testing.T) {
	if !e2etest.Acceptance() {
		t.Skip("takes a quarter of an hour: `make cluster`")
	}
	w := newWorld(t, 200, 3)
	random := w.random()
	w.even()
	w.calm(300)
	w.idle(20 * time.Second)
	u, published := w.publishOver(2000, 150*time.Second)
	bridges, server := random.Perm(len(w.bridges)), random.IntN(serverCount)
	links := w.links(w.bridges[random.IntN(len(w.bridges))], random.IntN(serverCount))
	troubles := []func(){
		func() {
			w.quick("kill", w.kill(w.bridges[bridges[0]]))
			w.restart(w.bridges[bridges[0]])
		},
		func() { w.freeze(w.bridges[bridges[1]], 40*time.Second) },
		func() {
			w.nats.kill(server)
			time.Sleep(20 * time.Second)
			w.nats.start(server)
			w.nats.ready()
		},
	}
	for _, l := range links {
		troubles = append(troubles, func() { w.sever(l, 25*time.Second) })
	}
	random.Shuffle(len(troubles), func(i, j int) { troubles[i], troubles[j] = troubles[j], troubles[i] })
	for _, trouble := range troubles {
		trouble()
	}
	<-published
	w.settled(u)

	u, published = w.publishOver(500, 60*time.Second)
	for _, b := range w.bridges { // as an update does
		w.terminate(b)
		w.restart(b)
	}
	<-published
	w.settled(u)

	u = w.more(300)
	u.publish(0)
	at := time.Now()
	w.broker.process.Stop(0)
	w.broker.start()
	w.allOnline(w.entries, at)
	w.Logf("the broker was restarted: all entries were online again within %.1f s", time.Since(at).Seconds())
	w.settled(u)

	w.addEntry()

	u, published = w.publishOver(300, 60*time.Second)
	w.withoutQuorum(time.Minute)
	<-published
	w.settled(u)
}

// random is what chooses, by the flag or anew.
func (w *world) random() *rand.Rand {
	w.Helper()
	s := *seed
	if s == 0 {
		s = int64(rand.Uint32())
	}
	w.Logf("-seed %d", s)
	return rand.New(rand.NewPCG(uint64(s), 0))
}

// quick holds a takeover to its limit.
func (w *world) quick(what string, took time.Duration) {
	w.Helper()
	if took > takeoverLimit {
		w.Errorf("%s: entries were away for %v, and may be for %v", what, took, takeoverLimit)
	}
}

// settled waits until all is over and looks at what has become of it.
func (w *world) settled(u *uploads) {
	w.Helper()
	u.over()
	u.check()
	w.even()
	w.checkTenures()
	stats := w.google.stats()
	created := 0
	for _, n := range stats.BatchSizes {
		created += n
	}
	w.Logf("Google was asked for %d items, for %d of them once more, and got %d uploads of bytes", w.published, created-w.published,
		stats.Routes["uploads.raw"].Requests+stats.Routes["uploads.start"].Requests)
	if stats.Writes.Overlapping != 0 {
		w.Errorf("%d of %d writes overlapped: %+v", stats.Writes.Overlapping, stats.Writes.Total, stats.Overlaps)
	}
	var answer struct{ Error struct{ Code string } }
	w.ask("nobody", "albums", "", &answer)
	if answer.Error.Code != "unknown_entry" {
		w.Errorf("what is asked of an entry that there is not is answered with %+v", answer)
	}
	var jobs []string
	var payloads []*jetstream.ObjectInfo
	e2etest.Until(w, "the end of all jobs", func() bool {
		var err error
		jobs, payloads, err = w.owners.left()
		return len(jobs) == 0 && err == nil
	})
	w.checkPayloads(payloads)
}

// onTheirWay is how long a payload may be on its way into the store, or out of it.
const onTheirWay = 10 * time.Second

// checkPayloads looks at what payloads are left when there is no job. A kill may leave those
// that were on their way, and so may a lack of a quorum: what was sent by then may still
// take effect when it returns, and has another owner. They are removed after an hour.
func (w *world) checkPayloads(payloads []*jetstream.ObjectInfo) {
	w.Helper()
	for _, p := range payloads {
		if !slices.ContainsFunc(w.losses, func(loss [2]time.Time) bool { return p.ModTime.After(loss[0]) && p.ModTime.Before(loss[1]) }) {
			w.Errorf("the payload %s of %s is left", p.Name, p.ModTime.Format(time.TimeOnly))
		}
	}
	if len(payloads) > 0 {
		w.Logf("%d payloads are left to be swept", len(payloads))
	}
}
