package survival

import (
	"encoding/json"
	"slices"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// An ear hears everything that is published, also what is published while the
// broker is being restarted: the broker keeps its session.
type ear struct {
	client mqtt.Client

	mu      sync.Mutex // guards all below
	heard   map[string][][]byte
	changed chan struct{}
}

func newEar(t *testing.T, broker string) *ear {
	t.Helper()
	e := &ear{heard: map[string][][]byte{}, changed: make(chan struct{})}
	e.client = mqtt.NewClient(mqtt.NewClientOptions().AddBroker(broker).SetClientID("ear").SetProtocolVersion(4).
		SetCleanSession(false).SetConnectRetry(true).SetConnectRetryInterval(20 * time.Millisecond).
		SetMaxReconnectInterval(50 * time.Millisecond).SetOrderMatters(true).
		SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) { e.put(m) }).
		SetOnConnectHandler(func(c mqtt.Client) { c.Subscribe("gphotos/#", 1, nil) }))
	if token := e.client.Connect(); !token.WaitTimeout(patience) || token.Error() != nil {
		t.Fatal("the broker does not answer: ", token.Error())
	}
	t.Cleanup(func() { e.client.Disconnect(0) })
	return e
}

func (e *ear) put(m mqtt.Message) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard[m.Topic()] = append(e.heard[m.Topic()], m.Payload())
	close(e.changed)
	e.changed = make(chan struct{})
}

// await waits until the condition holds.
func (e *ear) await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for limit := time.After(patience); ; {
		e.mu.Lock()
		changed := e.changed
		e.mu.Unlock()
		if condition() {
			return
		}
		select {
		case <-changed:
		case <-limit:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// all are the messages on a topic so far.
func (e *ear) all(topic string) [][]byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clip(e.heard[topic])
}

// count is how many messages on a topic have the payload; "" counts all.
func (e *ear) count(topic, payload string) int {
	n := 0
	for _, m := range e.all(topic) {
		if payload == "" || string(m) == payload {
			n++
		}
	}
	return n
}

// last reads the newest message on a topic, if there is any.
func (e *ear) last(topic string, into any) bool {
	all := e.all(topic)
	if len(all) == 0 {
		return false
	}
	return into == nil || json.Unmarshal(all[len(all)-1], into) == nil
}

// A result is one message on E/upload/result.
type result struct {
	Status      string
	Job         string
	Transaction any
	Items       []struct {
		MediaItemID string `json:"media_item_id"`
	}
}

// results are the terminal ones so far.
func (e *ear) results() []result {
	var all []result
	for _, payload := range e.all("gphotos/home/upload/result") {
		var r result
		if json.Unmarshal(payload, &r) == nil && r.Status != "accepted" {
			all = append(all, r)
		}
	}
	return all
}
