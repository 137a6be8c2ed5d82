package cluster_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"gphotos2mqtt/e2e/e2etest"
)

// Where the bridges keep what they share, by GPHOTOS_NATS_PREFIX's default.
const recordsBucket, payloadsBucket = "gphotos-records", "gphotos-payloads"

// owners follow which process has each entry, as the servers have it.
type owners struct {
	tb      testing.TB
	js      jetstream.JetStream
	records jetstream.KeyValue
	mu      sync.Mutex        // guards has
	has     map[string]string // the process of each entry, "" = nobody
}

func watchOwners(tb testing.TB, s *servers) *owners {
	tb.Helper()
	o := &owners{tb: tb, js: s.connect(), has: map[string]string{}}
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
	o.has[entry] = owner.Process
}

// of are the entries that a process has now, without the leading.
func (o *owners) of(process string) (entries []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for entry, owner := range o.has {
		if entry != "bridge" && owner == process {
			entries = append(entries, entry)
		}
	}
	return entries
}

// left is what there is in the store of jobs, and of payloads. What is not told soon, as
// while a server comes back, has to be asked again.
func (o *owners) left() (jobs []string, payloads []*jetstream.ObjectInfo, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	keys, err := o.records.ListKeysFiltered(ctx, "e.*.jobs.>")
	if err != nil {
		return nil, nil, err
	}
	for key := range keys.Keys() {
		jobs = append(jobs, key)
	}
	store, err := o.js.ObjectStore(ctx, payloadsBucket)
	if err == nil {
		payloads, err = store.List(ctx)
	}
	if errors.Is(err, jetstream.ErrNoObjectsFound) {
		err = nil
	}
	return jobs, payloads, errors.Join(err, ctx.Err())
}

// named is how a process calls itself in what it logs.
const named = `"process":"(\w+)"`

// process is the id of a bridge's process that runs now, or ran last.
func (w *world) process(b *bridge) string {
	w.Helper()
	if b.id == "" {
		b.id = b.process.Expect(named)[1]
	}
	return b.id
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
