package bridge

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/store/engine"
	"gphotos2mqtt/mqttapi/broker"
)

// An away engine has no answer, as a cluster without a quorum, for the count of requests, which entries share, and for payloads: no lease ends these.
type away struct {
	store.Engine

	is      atomic.Bool
	waiting atomic.Int32
}

func (a *away) wait(ctx context.Context) error {
	a.waiting.Add(1)
	<-ctx.Done()
	return ctx.Err()
}

func (a *away) Change(ctx context.Context, changes ...engine.Change) (uint64, error) {
	if a.is.Load() && strings.HasPrefix(changes[0].Key, "state.bridge.requests-") {
		return 0, a.wait(ctx)
	}
	return a.Engine.Change(ctx, changes...)
}

func (a *away) RemoveBlob(ctx context.Context, name string) error {
	if a.is.Load() {
		return a.wait(ctx)
	}
	return a.Engine.RemoveBlob(ctx, name)
}

// A cluster that has no answer does not hold up a stop.
func TestStopWithoutACluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		var cluster *away
		r.engine = func() store.Engine {
			cluster = &away{Engine: r.onDisk()}
			return cluster
		}
		r.start()
		cluster.is.Store(true)
		r.command(broker.Delivery{Topic: "gphotos/home/upload", Payload: jpegOf(1), QoS: 1})
		r.broker.await(t, "a count to be saved", func() bool { return cluster.waiting.Load() > 0 })
		began := time.Now()
		r.stop()
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("the stop took %v", took)
		}
	})
}
