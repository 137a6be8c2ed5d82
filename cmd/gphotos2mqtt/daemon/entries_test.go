package daemon

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/store/engine"
	"gphotos2mqtt/bridge/store/engine/disk"
	"gphotos2mqtt/mqttapi"
)

// A mortal engine makes so many changes, and then none any more: as if the process were killed there.
type mortal struct {
	store.Engine

	left atomic.Int64
}

var errKilled = fmt.Errorf("killed: %w", engine.ErrEngine)

func (m *mortal) Change(ctx context.Context, changes ...engine.Change) (uint64, error) {
	if m.left.Add(-1) < 0 {
		return 0, errKilled
	}
	return m.Engine.Change(ctx, changes...)
}

// A household is a broker and a data folder, and what bridges that run one after another make of them.
type household struct {
	t       *testing.T
	environ []string
	client  mqtt.Client
}

func newHousehold(t *testing.T) *household {
	t.Helper()
	broker := brokerFor(t)
	address := ""
	for _, line := range broker {
		if a, ok := strings.CutPrefix(line, "GPHOTOS_MQTT_LISTEN="); ok {
			address = a
		}
	}
	h := &household{t: t, environ: with(minimal, "MQTT_URL=mqtt://"+address, "MQTT_USER=home", "MQTT_PASSWORD=hush", "ENTRIES=none",
		"DATA_DIR="+t.TempDir(), "HTTP_LISTEN=127.0.0.1:0", "PUBLIC_URL=http://localhost:8099", "LOG_LEVEL=error")}
	h.client = mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://" + address).SetUsername("home").SetPassword("hush").SetClientID("test"))
	h.done(h.client.Connect())
	t.Cleanup(func() { h.client.Disconnect(100) })
	return h
}

func (h *household) done(token mqtt.Token) {
	h.t.Helper()
	if !token.WaitTimeout(20*time.Second) || token.Error() != nil {
		h.t.Fatal(token.Error())
	}
}

// retained are the topics of an entry on which the broker has something.
func (h *household) retained(entry string) (topics []string) {
	h.t.Helper()
	came := make(chan string, 1000)
	h.done(h.client.Subscribe("#", 1, func(_ mqtt.Client, m mqtt.Message) { came <- m.Topic() }))
	h.done(h.client.Publish("last", 1, false, "message"))
	for end := time.After(time.Minute); ; {
		select {
		case topic := <-came:
			if topic == "last" {
				h.done(h.client.Unsubscribe("#"))
				return topics
			}
			if strings.Contains(topic, entry) {
				topics = append(topics, topic)
			}
		case <-end:
			h.t.Fatal("the last message does not come")
		}
	}
}

// run runs a bridge whose store makes so many changes once do has begun, until do has returned.
func (h *household) run(changes int64, do func(d *Daemon)) {
	h.t.Helper()
	c := read(h.t, h.environ)
	log := logTo(h.t.Output())
	files, err := disk.Open(c.DataDir, log)
	if err != nil {
		h.t.Fatal(err)
	}
	m := &mortal{Engine: files}
	m.left.Store(1 << 40)
	ctx, stop := context.WithCancel(h.t.Context())
	d, err := open(ctx, &process{config: c, version: "v1", log: log}, m)
	if err != nil {
		h.t.Fatal(err)
	}
	d.sessions.idle = 50 * time.Millisecond
	var running sync.WaitGroup
	running.Go(func() {
		defer stop()
		if err := d.Run(ctx); err != nil && !errors.Is(err, errKilled) {
			h.t.Errorf("run: %v", err)
		}
	})
	m.left.Store(changes)
	do(d)
	stop()
	running.Wait()
}

// wait waits until something is so, or the bridge has ended.
func (h *household) wait(what string, holds func() bool) {
	h.t.Helper()
	for end := time.Now().Add(time.Minute); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			h.t.Fatalf("no %s", what)
		}
	}
}

// records are the keys of what the store has of an entry.
func (h *household) records(d *Daemon, entry string) (keys []string) {
	h.t.Helper()
	for _, kind := range []string{"jobs", "damaged", "receipts", "links", "state", "entries"} {
		err := d.engine.Each(h.t.Context(), kind+".", func(r engine.Record, _ error) bool {
			if strings.Contains("."+r.Key+".", "."+entry+".") || strings.Contains(string(r.Value), `"`+entry+`"`) {
				keys = append(keys, r.Key)
			}
			return true
		})
		if err != nil {
			h.t.Fatal(err)
		}
	}
	return keys
}

func (h *household) online(d *Daemon, entry string) func() bool {
	return func() bool { return d.entries.standing(h.t.Context(), []string{entry})[entry].Online }
}

const unlimited = 1 << 40

// Wherever the bridge is killed while an entry is added or removed, the entry is there afterwards, or nothing of it.
func TestKilledAtEachStep(t *testing.T) {
	add := mqttapi.AddEntry{Entry: "garden", Settings: map[string]string{"album": "Beds"}}
	remove := mqttapi.RemoveEntry{Entry: "garden", Revoke: true, Force: true}
	for name, steps := range map[string]struct {
		before, request any
		there           bool // when the request was carried out
	}{"add": {nil, add, true}, "remove": {add, remove, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			done := false
			for changes := int64(0); !done; changes++ {
				h := newHousehold(t)
				if steps.before != nil {
					h.run(unlimited, func(d *Daemon) {
						if _, err := d.entries.catalog.Request(t.Context(), steps.before); err != nil {
							t.Fatal(err)
						}
						h.wait("entry that is online", h.online(d, "garden"))
					})
				}
				answered := false
				h.run(changes, func(d *Daemon) {
					ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
					defer cancel()
					_, err := d.entries.catalog.Request(ctx, steps.request)
					answered = err == nil
					done = answered && d.engine.(*mortal).left.Load() >= 0
				})
				h.run(unlimited, func(d *Daemon) {
					h.wait("end of the removal", func() bool { e, _ := d.entries.catalog.Get("garden"); return e.Removal() == nil })
					e, there := d.entries.catalog.Get("garden")
					if answered && there != steps.there {
						t.Errorf("killed after %d changes, and answered: there %t", changes, there)
					}
					if there {
						h.wait("entry that is online", h.online(d, "garden"))
						if e.Album != "Beds" {
							t.Errorf("killed after %d changes: %+v", changes, e)
						}
						return
					}
					h.wait("end of what is noted", func() bool { return len(h.records(d, "garden")) == 0 })
				})
				if h.run(unlimited, func(d *Daemon) {
					if _, there := d.entries.catalog.Get("garden"); !there {
						if topics := h.retained("garden"); len(topics) > 0 {
							t.Errorf("killed after %d changes: %q are retained", changes, topics)
						}
					}
				}); changes > 60 {
					t.Fatal("it never ends")
				}
				t.Logf("killed after %d changes: answered %t, done %t", changes, answered, done)
			}
		})
	}
}

// An entry whose removal goes on at the next start holds up no other one.
func TestRemovalGoesOn(t *testing.T) {
	h := newHousehold(t)
	h.run(unlimited, func(d *Daemon) {
		if _, err := d.entries.catalog.Request(t.Context(), mqttapi.AddEntry{Entry: "garden"}); err != nil {
			t.Fatal(err)
		}
		h.wait("entry that is online", h.online(d, "garden"))
	})
	h.run(1, func(d *Daemon) {
		ctx, stop := context.WithCancel(t.Context())
		var asking sync.WaitGroup
		asking.Go(func() { _, _ = d.entries.catalog.Request(ctx, mqttapi.RemoveEntry{Entry: "garden"}) })
		h.wait("end of the process", func() bool { return d.engine.(*mortal).left.Load() < 0 })
		stop()
		asking.Wait()
	})
	h.environ = with(h.environ, "ENTRIES=home")
	h.run(unlimited, func(d *Daemon) {
		h.wait("entry that is online", h.online(d, "home"))
		h.wait("end of the removal", func() bool { _, there := d.entries.catalog.Get("garden"); return !there })
	})
}
