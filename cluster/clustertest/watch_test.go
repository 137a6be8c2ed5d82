package clustertest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/sirupsen/logrus/hooks/test"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/store/engine"
)

// An entry that one process adds, changes and removes is told to the others, by its name and the revision that they then read.
func TestWatchEntries(t *testing.T) {
	s := Start(t, 1, "")
	cfg := config(t, s.URLs(), 1)
	here, there := openStore(t, claimed(t, cfg, s)), openStore(t, claimed(t, cfg, s))
	attic := &store.Entry{Name: "attic"}
	must(t, here.Entries().Save(t.Context(), attic))
	type seen struct {
		name     string
		revision uint64
	}
	news := make(chan seen, 10)
	ctx, stop := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	defer watching.Wait()
	defer stop()
	watching.Go(func() {
		_ = there.Entries().Watch(ctx, func(name string, revision uint64) { news <- seen{name, revision} })
	}) // its error is ctx's
	next := func(name string, want func(*store.Entry) bool) {
		t.Helper()
		select {
		case got := <-news:
			e, err := there.Entries().Get(t.Context(), name)
			must(t, err)
			if got.name != name || !want(e) || e != nil && e.Revision() != got.revision {
				t.Errorf("told of %+v, read %+v", got, e)
			}
		case <-time.After(time.Minute):
			t.Fatalf("nothing is told of %s", name)
		}
	}
	next("attic", func(e *store.Entry) bool { return e != nil })
	garden := &store.Entry{Name: "garden", Settings: map[string]string{"album": "Beds"}}
	must(t, here.SaveState(t.Context(), store.Bridge, "garden", "no entry"))
	must(t, here.Entries().Save(t.Context(), garden))
	next("garden", func(e *store.Entry) bool { return e != nil && e.Settings["album"] == "Beds" && e.Removal == nil })
	garden.Removal = &store.Removal{}
	must(t, here.Entries().Save(t.Context(), garden))
	next("garden", func(e *store.Entry) bool { return e != nil && e.Removal != nil })
	must(t, here.Entries().Delete(t.Context(), garden))
	next("garden", func(e *store.Entry) bool { return e == nil })
}

// A watch that does not begin for as long as a lease lasts is said once, with why.
func TestNotWatched(t *testing.T) {
	s := Start(t, 1, `accounts { A { jetstream: enabled, users: [
		{user: bridge, password: hush, permissions: {publish: {deny: ["$JS.API.CONSUMER.CREATE.>"]}}}] } }`)
	cfg := config(t, s.URLs(), 1)
	cfg.User, cfg.Password, cfg.Lease = "bridge", "hush", time.Second
	log, hook := test.NewNullLogger()
	cfg.Log = logrus.NewEntry(log)
	e := connect(t, cfg).Engine()
	ctx, stop := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	defer watching.Wait()
	defer stop()
	watching.Go(func() { _ = e.Watch(ctx, "entries.bridge.", func(string, uint64) {}) }) // its error is ctx's
	await(t, hook, "the user of the cluster lacks a right", "CONSUMER.CREATE")
	await(t, hook, "the cluster is not watched", "watch entries.bridge.")
}

// What is written once a server is back is seen soon: the watch begins anew with the connection, long before the library misses something.
func TestWatchGoesOn(t *testing.T) {
	s := Start(t, 1, "")
	e := connect(t, config(t, s.URLs(), 1)).Engine()
	ctx, stop := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	defer watching.Wait()
	defer stop()
	keys := make(chan string, 100)
	watching.Go(func() { _ = e.Watch(ctx, "state.bridge.", func(key string, _ uint64) { keys <- key }) }) // its error is ctx's
	for _, key := range []string{"state.bridge.before", "state.bridge.after"} {
		_, err := e.Change(t.Context(), engine.Change{Key: key, Value: []byte("x"), Revision: engine.Any})
		must(t, err)
		for late := time.After(10 * time.Second); key != ""; {
			select {
			case seen := <-keys:
				if seen == key {
					key = ""
				}
			case <-late:
				t.Fatalf("%s is not seen", key)
			}
		}
		s.Kill(0)
		s.Run(0)
	}
}
