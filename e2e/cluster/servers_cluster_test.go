package cluster_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"gphotos2mqtt/e2e/e2etest"
)

// TestServers holds the harness to what it promises: a write goes on while a server is
// dead or a link between two of them is cut, and none without a quorum.
func TestServers(t *testing.T) {
	n := newNetwork(t)
	s := newServers(t, n)
	js := s.connect()
	var kv jetstream.KeyValue
	e2etest.Until(t, "a bucket", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		var err error
		kv, err = js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "t", Replicas: serverCount, Storage: jetstream.FileStorage})
		return err == nil
	})
	put := func(within time.Duration) bool {
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		_, err := kv.Put(ctx, "key", []byte("value"))
		return err == nil
	}
	goesOn := func(what string) {
		t.Helper()
		e2etest.Until(t, "a write "+what, func() bool { return put(time.Second) })
	}
	goesOn("to three servers")
	kills := 1
	if e2etest.Acceptance() {
		kills = serverCount
	}
	for i := range kills {
		s.kill(i)
		goesOn("with one of them dead")
		s.start(i)
		s.ready()
	}
	n.cut(s.sites[0], s.sites[1])
	goesOn("with a link cut")
	n.heal(s.sites[0], s.sites[1])
	s.ready()
	s.kill(0)
	s.kill(1)
	if put(3 * time.Second) {
		t.Error("a write was taken by one server of three")
	}
	s.start(0)
	goesOn("after the quorum's return")
	s.start(1)
	s.ready()
}
