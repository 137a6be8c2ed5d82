package bridge

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"gphotos2mqtt/mqttapi/broker"
)

// A fakeBroker takes everything at once, and remembers it.
type fakeBroker struct {
	mu       sync.Mutex
	retained map[string][]byte
	sent     []broker.Delivery
	changed  chan struct{}
	away     bool     // as if there were no connection
	fails    error    // of every Send
	states   [][]byte // every E/state so far
}

func newBroker() *fakeBroker {
	return &fakeBroker{retained: map[string][]byte{}, changed: make(chan struct{})}
}

func (b *fakeBroker) Retain(topic string, payload []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(payload) == 0 {
		delete(b.retained, topic)
	} else {
		b.retained[topic] = bytes.Clone(payload)
	}
	if topic == "gphotos/home/state" {
		b.states = append(b.states, bytes.Clone(payload))
	}
	b.wake()
	return nil
}

func (b *fakeBroker) Send(ctx context.Context, topic string, payload []byte) error {
	for {
		b.mu.Lock()
		away, changed := b.away, b.changed
		if err := b.fails; err != nil {
			b.mu.Unlock()
			return err
		}
		if !away {
			b.sent = append(b.sent, broker.Delivery{Topic: topic, Payload: bytes.Clone(payload)})
			b.wake()
			b.mu.Unlock()
			return nil
		}
		b.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (b *fakeBroker) Clear(_ context.Context, topic string) error { return b.Retain(topic, nil) }

// connect ends or begins a time without a connection.
func (b *fakeBroker) connect(on bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.away = !on
	b.wake()
}

// fail has every Send end with err, also those that wait.
func (b *fakeBroker) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fails = err
	b.wake()
}

func (b *fakeBroker) wake() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// count is how many messages were sent to a topic.
func (b *fakeBroker) count(topic string) int { return len(b.all(topic)) }

func (b *fakeBroker) all(topic string) []map[string]any {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []map[string]any
	for _, d := range b.sent {
		if d.Topic != topic {
			continue
		}
		var document map[string]any
		if err := json.Unmarshal(d.Payload, &document); err != nil {
			panic(err)
		}
		all = append(all, document)
	}
	return all
}

// document is a retained document, nil if there is none.
func (b *fakeBroker) document(topic string) map[string]any {
	b.mu.Lock()
	defer b.mu.Unlock()
	var document map[string]any
	if json.Unmarshal(b.retained[topic], &document) != nil {
		return nil
	}
	return document
}

// await waits until the condition holds.
func (b *fakeBroker) await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		b.mu.Lock()
		changed := b.changed
		b.mu.Unlock()
		if condition() {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// final waits for the next terminal upload result after the first n messages.
func (b *fakeBroker) final(t *testing.T, n int) map[string]any {
	t.Helper()
	var result map[string]any
	b.await(t, "a result", func() bool {
		for _, r := range b.all("gphotos/home/upload/result")[n:] {
			if r["status"] != "accepted" {
				result = r
				return true
			}
		}
		return false
	})
	return result
}

// holds is how often E/state began or ceased to show a hold.
func (b *fakeBroker) holds() (changes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	shown := false
	for _, payload := range b.states {
		if held := !bytes.Contains(payload, []byte(`"hold":null`)); held != shown {
			shown = held
			changes++
		}
	}
	return changes
}
