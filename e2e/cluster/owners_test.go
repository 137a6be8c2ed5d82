package cluster_test

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"gphotos2mqtt/e2e/e2etest"
)

// Where the bridges keep what they share, by GPHOTOS_NATS_PREFIX's default.
const recordsBucket, payloadsBucket = "gphotos-records", "gphotos-payloads"

// owners follow which process has had each entry, and when, by the servers' clock.
type owners struct {
	tb      testing.TB
	js      jetstream.JetStream
	records jetstream.KeyValue
	since   time.Time // what was before is not known

	mu      sync.Mutex          // guards history
	history map[string][]tenure // by entry
}

// A tenure is from when a process took an entry.
type tenure struct {
	process string // "" = nobody
	from    time.Time
}

func watchOwners(tb testing.TB, s *servers) *owners {
	tb.Helper()
	o := &owners{tb: tb, js: s.connect(), history: map[string][]tenure{}}
	ctx, stop := context.WithCancel(context.Background())
	var err error
	o.records, err = o.js.KeyValue(ctx, recordsBucket)
	e2etest.Must(tb, err)
	watch, err := o.records.Watch(ctx, "owner.*")
	e2etest.Must(tb, err)
	var running sync.WaitGroup
	running.Go(func() {
		for e := range watch.Updates() {
			if e != nil {
				o.saw(e)
			}
		}
	})
	o.since = time.Now()
	tb.Cleanup(func() {
		stop()
		_ = watch.Stop()
		running.Wait()
	})
	return o
}

func (o *owners) saw(e jetstream.KeyValueEntry) {
	var owner struct{ Process string }
	_ = json.Unmarshal(e.Value(), &owner) // nobody's, when it was removed
	entry := strings.TrimPrefix(e.Key(), "owner.")
	o.mu.Lock()
	defer o.mu.Unlock()
	o.history[entry] = append(o.history[entry], tenure{owner.Process, e.Created()})
}

// of are the entries that a process has now, without the leading.
func (o *owners) of(process string) (entries []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for entry, h := range o.history {
		if entry != "bridge" && h[len(h)-1].process == process {
			entries = append(entries, entry)
		}
	}
	return entries
}

// held reports whether a process had an entry at some moment between two.
func (o *owners) held(process, entry string, from, to time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, t := range o.history[entry] {
		ended := i+1 < len(o.history[entry]) && o.history[entry][i+1].from.Before(from)
		if t.process == process && !t.from.After(to) && !ended {
			return true
		}
	}
	return false
}

// left is what there is in the store of jobs, and of payloads.
func (o *owners) left() (jobs []string, payloads []*jetstream.ObjectInfo) {
	o.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), e2etest.Patience)
	defer cancel()
	keys, err := o.records.ListKeysFiltered(ctx, "e.*.jobs.>")
	e2etest.Must(o.tb, err)
	for key := range keys.Keys() {
		jobs = append(jobs, key)
	}
	store, err := o.js.ObjectStore(ctx, payloadsBucket)
	e2etest.Must(o.tb, err)
	payloads, err = store.List(ctx)
	if !errors.Is(err, jetstream.ErrNoObjectsFound) {
		e2etest.Must(o.tb, err)
	}
	return jobs, payloads
}

// connected is what Mosquitto prints of a client that a bridge has connected.
var connected = regexp.MustCompile(`(?m)^(\S+)Z: New client connected from \S+ as gphotos2mqtt-(\S+) \(.*u'(bridge-\d+)'\)`)

// named is how a process calls itself in what it logs.
const named = `"process":"(\w+)"`

// process is the id of a bridge's process that runs now, or ran last.
func (w *world) process(b *bridge) string {
	w.Helper()
	if b.id == "" {
		b.id = b.process.Expect(named)[1]
		b.ids = append(b.ids, b.id)
	}
	return b.id
}

// checkSessions looks whether each session at the broker was opened by the process that
// had the entry then: Mosquitto tells the second.
func (w *world) checkSessions() {
	w.Helper()
	const tolerance = time.Second // between the clocks of a server and of the broker, and of either's answer
	all := connected.FindAllStringSubmatch(w.broker.printed(), -1)
	ids := map[string][]string{} // of a bridge's processes
	for _, b := range w.bridges {
		w.process(b)
		ids[b.name] = b.ids
	}
	count := 0
	for _, m := range all {
		entry := m[2]
		at, err := time.Parse("2006-01-02T15:04:05", m[1])
		e2etest.Must(w, err)
		if at.Before(w.owners.since) {
			continue
		}
		count++
		if !slices.ContainsFunc(ids[m[3]], func(process string) bool {
			return w.owners.held(process, entry, at.Add(-tolerance), at.Add(time.Second+tolerance))
		}) {
			w.Errorf("%s has opened the session of %s at %s, which it did not have", m[3], entry, m[1])
		}
	}
	w.Logf("%d sessions were opened since all were online", count)
}

// even waits until no process has two entries more than another one, and all run.
func (w *world) even() {
	w.Helper()
	e2etest.Until(w, "the entries to be spread evenly", func() bool {
		sum, least, most := 0, len(w.entries), 0
		for _, b := range w.bridges {
			n := len(w.owners.of(w.process(b)))
			sum, least, most = sum+n, min(least, n), max(most, n)
		}
		return sum == len(w.entries) && most-least <= 1
	})
}
