package dedupe

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/bridge/store"
)

func newDedupe() *Index {
	began := time.Now()
	return &Index{ran: func() time.Duration { return time.Since(began) }, known: map[string]store.Receipt{}, locked: map[string]bool{}}
}

func TestCommandsAreRecognisedForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDedupe()
		delivery := store.Delivery{PacketID: 3, Hash: "h"}
		d.remember(store.Receipt{Job: "j1", CommandID: "one", Delivery: delivery, Ran: d.ran()}, true)
		d.Accept(&store.Job{ID: "j2", CommandID: "two", Received: time.Now()}) // still in the queue
		time.Sleep(dedupeFor)
		if r, ok := d.Find("one", store.Delivery{}); !ok || r.Job != "j1" {
			t.Errorf("after a day: %q %v", r.Job, ok)
		}
		if _, ok := d.Find("", delivery); !ok {
			t.Error("the packet is not known after a day")
		}
		time.Sleep(time.Second)
		if r, ok := d.Find("one", store.Delivery{}); ok {
			t.Errorf("after more than a day: %q", r.Job)
		}
		if _, ok := d.Find("", delivery); ok {
			t.Error("the packet is known after more than a day")
		}
		if r, ok := d.Find("two", store.Delivery{}); !ok || r.Job != "j2" {
			t.Errorf("a job in the queue is forgotten: %q %v", r.Job, ok)
		}
	})
}

func TestPacketIsRecognised(t *testing.T) {
	d := newDedupe()
	d.remember(store.Receipt{Job: "j1", Delivery: store.Delivery{PacketID: 3, Hash: "h"}, Ran: d.ran()}, true)
	for name, tc := range map[string]struct {
		d    store.Delivery
		want bool
	}{
		"same":         {store.Delivery{PacketID: 3, Hash: "h"}, true},
		"other bytes":  {store.Delivery{PacketID: 3, Hash: "i"}, false},
		"other packet": {store.Delivery{PacketID: 4, Hash: "h"}, false},
		"qos 0":        {store.Delivery{}, false},
	} {
		if _, got := d.Find("", tc.d); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if _, ok := d.Find("", store.Delivery{}); ok {
		t.Error("commands without an id are taken for one another")
	}
}

func TestDeliveriesOfOneCommandWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDedupe()
		release, err := d.Lock(t.Context(), "one", store.Delivery{PacketID: 1})
		if err != nil {
			t.Fatal(err)
		}
		other, err := d.Lock(t.Context(), "two", store.Delivery{PacketID: 2})
		if err != nil {
			t.Fatal(err)
		}
		other()
		for _, other := range []struct {
			id string
			d  store.Delivery
		}{{"one", store.Delivery{PacketID: 7}}, {"", store.Delivery{PacketID: 1}}} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			if _, err := d.Lock(ctx, other.id, other.d); err == nil {
				t.Errorf("%v was locked twice", other)
			}
			cancel()
		}
		time.AfterFunc(time.Second, release)
		again, err := d.Lock(t.Context(), "one", store.Delivery{PacketID: 1})
		if err != nil {
			t.Fatal(err)
		}
		again()
	})
}
