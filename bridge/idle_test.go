package bridge

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/photos"
)

// What an idle, linked entry may cost beside its connection: measured are 11 goroutines and 51 KB, with what the simulated Google keeps of it.
const (
	idleGoroutines = 11
	idleHeap       = 60_000 // bytes
)

// A process may have a thousand entries of which few have anything to do.
func TestIdleEntriesCostLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.start()
		r.broker.await(t, "the picture", func() bool { return r.broker.image() != nil })
		const more = 100
		out := &keeper{retained: map[string][]byte{}}
		goroutines, heap := inUse()
		ctx, stop := context.WithCancel(context.Background())
		var running sync.WaitGroup
		for n := range more {
			e := r.another(fmt.Sprint("entry-", n), out)
			running.Go(func() {
				defer e.Close()
				r.must(e.Run(ctx))
			})
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		nowGoroutines, nowHeap := inUse()
		if n := nowGoroutines - goroutines; n > more*idleGoroutines {
			t.Errorf("%.1f goroutines of each", float64(n)/more)
		}
		if n := nowHeap - heap; n > more*idleHeap {
			t.Errorf("%d bytes of each", n/more)
		}
		t.Logf("of each: %.1f goroutines, %d bytes", float64(nowGoroutines-goroutines)/more, (nowHeap-heap)/more)
		requests, said := r.requests(), out.count()
		time.Sleep(40 * time.Minute) // until addresses are renewed
		if asked, told := r.requests(), out.count(); asked != requests || told != said {
			t.Errorf("%d requests and %d messages of nothing", asked-requests, told-said)
		}
		stop()
		running.Wait()
		r.stop()
	})
}

func inUse() (goroutines int, heap int64) {
	runtime.GC()
	runtime.GC() // what finalizers have freed
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return runtime.NumGoroutine(), int64(memory.HeapAlloc)
}

// another opens an entry beside "home", with all that is an entry's own.
func (r *harness) another(name string, out Publisher) *Entry {
	r.t.Helper()
	settings := r.authConfig()
	settings.Entry = name
	link, err := auth.Open(r.t.Context(), settings, r.key, r.vault)
	r.must(err)
	r.linkAccount(link)
	cfg := r.entry.cfg
	cfg.Name, cfg.Link, cfg.Out = name, link, out
	api := link.Client()
	api.Transport = counting{api.Transport, cfg.Project}
	cfg.Google = photos.New(photos.Config{HTTP: api, Bytes: &http.Client{Transport: r.sim.Transport()}})
	e, err := OpenEntry(r.t.Context(), cfg)
	r.must(err)
	return e
}

// A keeper is a broker that keeps what is retained, and counts.
type keeper struct {
	mu       sync.Mutex
	retained map[string][]byte
	said     int
}

func (k *keeper) Retain(topic string, payload []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.retained[topic] = payload
	k.said++
	return nil
}

func (k *keeper) Send(_ context.Context, topic string, payload []byte) error {
	return k.Retain(topic, payload)
}

func (k *keeper) Clear(_ context.Context, topic string) error { return k.Retain(topic, nil) }

func (k *keeper) count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.said
}
