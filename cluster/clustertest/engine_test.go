package clustertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gphotos2mqtt/bridge/store/engine"
	"gphotos2mqtt/cluster"
)

// claimed is an engine of a connection of its own, which owns some entries.
func claimed(t *testing.T, cfg cluster.Config, servers *Servers, entries ...string) *cluster.Engine {
	t.Helper()
	e := connect(t, cfg).Engine()
	for _, entry := range entries {
		takeOver(t, e, cfg, servers, entry)
	}
	t.Cleanup(func() { must(t, e.Close()) })
	return e
}

func takeOver(t *testing.T, e *cluster.Engine, cfg cluster.Config, servers *Servers, entry string) {
	t.Helper()
	fence, err := Own(t.Context(), servers.URLs(), cfg.Prefix, entry)
	must(t, err)
	must(t, e.Claim(t.Context(), entry, fence))
}

func records(t *testing.T, e *cluster.Engine, prefix string) map[string]string {
	t.Helper()
	all := map[string]string{}
	must(t, e.Each(t.Context(), prefix, func(r engine.Record, err error) bool {
		must(t, err)
		all[r.Key] = string(r.Value)
		return true
	}))
	return all
}

// Whatever happens to one server of three, the leader, nothing that was acknowledged is missing, nothing is back that was removed or
// replaced, and nothing fails.
func TestServerFails(t *testing.T) {
	for name, fail := range map[string]func(s *Servers, i int){
		"killed":           func(s *Servers, i int) { s.Kill(i) },
		"killed and back":  func(s *Servers, i int) { s.Kill(i); s.Run(i) },
		"frozen for a bit": func(s *Servers, i int) { s.Freeze(i); time.Sleep(9 * time.Second); s.Thaw(i) },
		"all killed and back": func(s *Servers, _ int) {
			for i := range 3 {
				s.Kill(i)
			}
			for i := range 3 {
				s.Run(i)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			jobs := 500
			switch {
			case name != "killed and back" && testing.Short():
				t.Skip("takes its time")
			case name == "killed and back" && !testing.Short():
				jobs = 2000
			}
			testServerFails(t, jobs, fail)
		})
	}
}

func testServerFails(t *testing.T, jobs int, fail func(*Servers, int)) {
	t.Helper()
	const writers = 8
	each := jobs / writers
	s := Start(t, 3, "")
	cfg := config(t, s.URLs(), 3)
	e := claimed(t, cfg, s, "a", "b", "c", "d")
	var done atomic.Int64
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			entry := string(rune('a' + w%4))
			for i := range each {
				if err := writeOne(t.Context(), e, fmt.Sprintf("%s.%d-%03d", entry, w, i), i); err != nil {
					t.Errorf("writer %d, record %d: %v", w, i, err)
					return
				}
				done.Add(1)
			}
		})
	}
	for done.Load() < int64(jobs/4) {
		time.Sleep(time.Millisecond)
	}
	at := done.Load()
	fail(s, s.Leader(s.JetStream(), "KV_gphotos-records"))
	wg.Wait()
	t.Logf("failed after %d writes", at)
	next := claimed(t, cfg, s, "a", "b", "c", "d") // by what the servers have
	for w := range writers {
		entry := string(rune('a' + w%4))
		there := records(t, next, "jobs."+entry+".")
		for i := range each {
			key := fmt.Sprintf("jobs.%s.%d-%03d", entry, w, i)
			want := "saved"
			if i%3 == 0 {
				want = ""
			}
			if there[key] != want {
				t.Errorf("%s is %q, want %q", key, there[key], want)
			}
		}
	}
}

// writeOne adds a record, with a payload now and then, saves it, and removes every third.
func writeOne(ctx context.Context, e *cluster.Engine, name string, i int) error {
	key := "jobs." + name
	revision, err := e.Change(ctx, engine.Change{Key: key, Value: []byte("added"), Revision: engine.New})
	if err != nil {
		return err
	}
	saved, err := e.Change(ctx, engine.Change{Key: key, Value: []byte("saved"), Revision: revision})
	if err == nil && saved <= revision {
		err = errors.New("revisions do not grow")
	}
	if err == nil && i%3 == 0 {
		_, err = e.Change(ctx, engine.Change{Key: key, Revision: saved})
	}
	return err
}
