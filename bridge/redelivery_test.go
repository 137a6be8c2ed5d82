package bridge

import (
	"sync"
	"sync/atomic"
	"testing"

	"gphotos2mqtt/mqttapi/broker"
)

// The broker delivers a packet again on a new connection while the first delivery is
// still being taken: one job, and all deliveries are acknowledged, or the others
// would take up room in the broker's window for ever.
func TestRedeliveryMeanwhile(t *testing.T) {
	r := newHarness(t)
	r.start()
	d := broker.Delivery{
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
