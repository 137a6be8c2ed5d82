package bridge

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/mqttapi"
)

func newKnown() *known {
	return &known{ids: map[string]string{}, packets: map[uint16]store.Receipt{}, claims: map[string]bool{}, released: make(chan struct{})}
}

func TestKnownForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKnown()
		d := store.Delivery{PacketID: 3, Hash: "h"}
		k.remember(store.Receipt{Job: "j1", CommandID: "one", Delivery: d, At: time.Now()})
		k.accept(&store.Job{ID: "j2", CommandID: "two", Received: time.Now()}) // still in the queue
		time.Sleep(knownFor)
		if id, ok := k.job("one"); !ok || id != "j1" {
			t.Errorf("after a day: %q %v", id, ok)
		}
		if _, ok := k.packet(d); !ok {
			t.Error("the packet is not known after a day")
		}
		time.Sleep(time.Second)
		if id, ok := k.job("one"); ok {
			t.Errorf("after more than a day: %q", id)
		}
		if _, ok := k.packet(d); ok {
			t.Error("the packet is known after more than a day")
		}
		if id, ok := k.job("two"); !ok || id != "j2" {
			t.Errorf("a job in the queue is forgotten: %q %v", id, ok)
		}
	})
}

func TestKnownPacket(t *testing.T) {
	k := newKnown()
	k.remember(store.Receipt{Job: "j1", Delivery: store.Delivery{PacketID: 3, Hash: "h"}, At: time.Now()})
	for name, tc := range map[string]struct {
		d    store.Delivery
		want bool
	}{
		"same":         {store.Delivery{PacketID: 3, Hash: "h"}, true},
		"other bytes":  {store.Delivery{PacketID: 3, Hash: "i"}, false},
		"other packet": {store.Delivery{PacketID: 4, Hash: "h"}, false},
		"qos 0":        {store.Delivery{}, false},
	} {
		if _, got := k.packet(tc.d); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if _, ok := k.job(""); ok {
		t.Error("commands without an id are taken for one another")
	}
}

func TestClaimsWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKnown()
		release, err := k.claim(t.Context(), "one", store.Delivery{PacketID: 1})
		if err != nil {
			t.Fatal(err)
		}
		other, err := k.claim(t.Context(), "two", store.Delivery{PacketID: 2})
		if err != nil {
			t.Fatal(err)
		}
		other()
		for _, d := range []struct {
			id string
			d  store.Delivery
		}{{"one", store.Delivery{PacketID: 7}}, {"", store.Delivery{PacketID: 1}}} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			if _, err := k.claim(ctx, d.id, d.d); err == nil {
				t.Errorf("%v was claimed twice", d)
			}
			cancel()
		}
		time.AfterFunc(time.Second, release)
		again, err := k.claim(t.Context(), "one", store.Delivery{PacketID: 1})
		if err != nil {
			t.Fatal(err)
		}
		again()
	})
}

// The broker delivers a packet again on a new connection while the first delivery is
// still being taken: one job, and all deliveries are acknowledged, or the others
// would take up room in the broker's window for ever.
func TestRedeliveryMeanwhile(t *testing.T) {
	r := newRig(t)
	r.start()
	d := mqttapi.Delivery{
		Topic: "gphotos/home/upload", Payload: append(jpegOf(4), make([]byte, 8<<20)...), QoS: 1, PacketID: 9, Duplicate: true,
	}
	var acks atomic.Int64
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() { r.entry.Handle(t.Context(), d.WithAck(func() { acks.Add(1) })) })
	}
	all.Wait()
	r.broker.final(t, 0)
	jobs := map[any]bool{}
	for _, result := range r.broker.all("gphotos/home/upload/result") {
		jobs[result["job"]] = true
	}
	if len(jobs) != 1 || len(r.items()) != 1 || acks.Load() != 4 {
		t.Errorf("%d jobs, %d items, %d acknowledgements", len(jobs), len(r.items()), acks.Load())
	}
}
