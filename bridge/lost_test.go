package bridge

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/store/engine"
	"gphotos2mqtt/mqttapi/broker"
)

// A losing engine loses the entry with a save that has taken effect: its answer did not come in time.
type losing struct {
	store.Engine

	loses atomic.Bool
}

func (l *losing) Change(ctx context.Context, changes ...engine.Change) (uint64, error) {
	revision, err := l.Engine.Change(ctx, changes...)
	if l.loses.Load() {
		return 0, engine.ErrLost
	}
	return revision, err
}

// A job of which this process does not know whether it is in the store belongs to the next owner of the entry, with its payload.
func TestEntryIsLostWithAJob(t *testing.T) {
	r := newHarness(t)
	var lost *losing
	r.engine = func() store.Engine {
		lost = &losing{Engine: r.onDisk()}
		return lost
	}
	ended := make(chan error, 1)
	r.ended = func(err error) { ended <- err }
	r.start()
	lost.loses.Store(true)
	if r.command(broker.Delivery{Topic: "gphotos/home/upload", Payload: jpegOf(1), QoS: 1}) {
		t.Error("acknowledged")
	}
	if err := <-ended; !errors.Is(err, store.ErrLost) {
		t.Errorf("run = %v", err)
	}
	r.ended = func(err error) { t.Errorf("run: %v", err) }
	lost.loses.Store(false) // a link that is closed saves nothing
	r.restart()
	if got := r.broker.final(t, 0); got["status"] != "done" {
		t.Errorf("result: %v", got)
	}
	if n := len(r.items()); n != 1 {
		t.Errorf("%d items", n)
	}
	r.broker.await(t, "an empty store", func() bool {
		jobs, err := r.store.Jobs(t.Context(), "home")
		return len(jobs) == 0 && err == nil
	})
	r.wantEmpty()
}
