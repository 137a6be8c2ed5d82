package bridge

import (
	"fmt"
	"testing"

	"gphotos2mqtt/mqttapi/broker"
)

// An entry that is closed gives back the room of its uploads, which stay in the store.
func TestClosed(t *testing.T) {
	r := newHarness(t)
	r.limits.MaxJobs = 2
	r.start()
	wait := func(name string) {
		payload := fmt.Sprintf(`{"path": %q, "wait": 3600, "id": %q}`, r.path(name), name)
		r.command(broker.Delivery{Topic: "gphotos/home/upload", Payload: []byte(payload), QoS: 1})
	}
	wait("a.jpg")
	wait("b.jpg")
	room := r.entry.cfg.Capacity
	if err := room.ReserveJob(); err == nil {
		t.Error("there is room beside two uploads")
	}
	r.stop()
	for range 2 {
		r.must(room.ReserveJob())
	}
	if err := room.ReserveJob(); err == nil {
		t.Error("there is more room than before")
	}
	r.start()
	if jobs, err := r.store.Jobs(t.Context(), "home"); len(jobs) != 2 || err != nil {
		t.Errorf("%d jobs, %v", len(jobs), err)
	}
}
