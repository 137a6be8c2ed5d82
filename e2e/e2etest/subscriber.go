package e2etest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

// A Message is one publication as a subscriber gets it.
type Message struct {
	Topic    string
	Payload  []byte
	Retained bool // from before the subscription
}

func (m Message) String() string {
	text := string(m.Payload)
	if len(text) > 500 {
		text = fmt.Sprintf("%.500s… (%d bytes)", text, len(text))
	}
	return m.Topic + " " + text
}

// A Match says whether a payload is the expected one; nil takes any.
type Match func(payload []byte) bool

// A Subscriber gets everything that is published, also what is published while it is
// not connected: the broker keeps its session, unless it forgets all.
type Subscriber struct {
	TB     testing.TB // fails when something is expected in vain
	client mqtt.Client
	ready  atomic.Bool // it has subscribed once

	mu      sync.Mutex // guards all below
	unread  []Message  // what Expect has not returned; none is retained
	all     []Message
	arrived chan struct{} // closed when there is more
}

// ClientOptions are those of an MQTT client that comes back whenever it loses the broker.
func ClientOptions(port string) *mqtt.ClientOptions {
	return mqtt.NewClientOptions().AddBroker("tcp://127.0.0.1:" + port).SetProtocolVersion(4).SetStore(copies{mqtt.NewMemoryStore()}).
		SetConnectRetry(true).SetConnectRetryInterval(20 * time.Millisecond).SetMaxReconnectInterval(50 * time.Millisecond)
}

// copies keeps copies and gives out copies: paho marks a message that it sends again as a duplicate, while another goroutine may be
// writing that message to the broker (https://pkg.go.dev/github.com/eclipse/paho.mqtt.golang, version 1.5.1, client.resume).
type copies struct{ mqtt.Store }

func (c copies) Put(key string, p packets.ControlPacket) { c.Store.Put(key, another(p)) }
func (c copies) Get(key string) packets.ControlPacket    { return another(c.Store.Get(key)) }

func another(p packets.ControlPacket) packets.ControlPacket {
	if publish, ok := p.(*packets.PublishPacket); ok {
		again := *publish
		return &again
	}
	return p
}

// Subscribe subscribes to topics until the test ends, as soon as the broker is there.
func Subscribe(tb testing.TB, options *mqtt.ClientOptions, topics ...string) *Subscriber {
	tb.Helper()
	filters := map[string]byte{}
	for _, topic := range topics {
		filters[topic] = 1
	}
	s := &Subscriber{TB: tb, arrived: make(chan struct{})}
	s.client = mqtt.NewClient(options.SetClientID("subscriber").SetCleanSession(false).SetOrderMatters(true).
		SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) { s.put(m) }).
		SetOnConnectHandler(func(c mqtt.Client) {
			for c.IsConnectionOpen() {
				if token := c.SubscribeMultiple(filters, nil); token.WaitTimeout(Patience) && token.Error() == nil {
					s.ready.Store(true)
					return
				}
			}
		}))
	s.client.Connect() // tries again until it works
	tb.Cleanup(func() { s.client.Disconnect(0) })
	return s
}

// Ready waits until the broker knows the subscriber: from then on it misses nothing.
func (s *Subscriber) Ready() {
	s.TB.Helper()
	Until(s.TB, "the broker to know the subscriber", s.ready.Load)
}

// put keeps a message. A broker that was killed may send again what has come before,
// which is no second answer of the bridge.
func (s *Subscriber) put(m mqtt.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := Message{m.Topic(), m.Payload(), m.Retained()}
	same := func(other Message) bool { return other.Topic == got.Topic && bytes.Equal(other.Payload, got.Payload) }
	if m.Duplicate() && slices.ContainsFunc(s.all, same) {
		return
	}
	s.all = append(s.all, got)
	if !got.Retained {
		s.unread = append(s.unread, got)
	}
	close(s.arrived)
	s.arrived = make(chan struct{})
}

// Messages are all so far.
func (s *Subscriber) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clip(s.all)
}

// All are the payloads on a topic so far, without what was retained before.
func (s *Subscriber) All(topic string) (payloads [][]byte) {
	for _, m := range s.Messages() {
		if m.Topic == topic && !m.Retained {
			payloads = append(payloads, m.Payload)
		}
	}
	return payloads
}

// Last reads the newest JSON document on a topic, and reports whether there is one.
func (s *Subscriber) Last(topic string, into any) bool {
	for _, m := range slices.Backward(s.Messages()) {
		if m.Topic == topic {
			return json.Unmarshal(m.Payload, into) == nil
		}
	}
	return false
}

// Expect waits for an unread message on a topic and reads it: the next Expect does not
// find it again.
func (s *Subscriber) Expect(topic, what string, match Match) (found Message) {
	s.TB.Helper()
	ok := s.until(func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		for i, m := range s.unread {
			if m.Topic == topic && (match == nil || match(m.Payload)) {
				s.unread, found = slices.Delete(s.unread, i, i+1), m
				return true
			}
		}
		return false
	})
	if !ok {
		s.TB.Fatalf("no message on %s with %s; unread are:\n%s", topic, what, s.Unread(topic, nil))
	}
	return found
}

// Until waits for messages until a condition holds.
func (s *Subscriber) Until(what string, holds func() bool) {
	s.TB.Helper()
	if !s.until(holds) {
		s.TB.Fatalf("waited in vain for %s", what)
	}
}

func (s *Subscriber) until(holds func() bool) bool {
	for limit := time.After(Patience); ; {
		s.mu.Lock()
		arrived := s.arrived
		s.mu.Unlock()
		if holds() {
			return true
		}
		select {
		case <-arrived:
		case <-limit:
			return false
		}
	}
}

// Unread shows the unread messages on a topic, one a line.
func (s *Subscriber) Unread(topic string, match Match) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	for _, m := range s.unread {
		if m.Topic == topic && (match == nil || match(m.Payload)) {
			lines = append(lines, m.String())
		}
	}
	return strings.Join(lines, "\n")
}

// Forget takes what is unread on a topic for read.
func (s *Subscriber) Forget(topic string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unread = slices.DeleteFunc(s.unread, func(m Message) bool { return m.Topic == topic })
}

// Watch gives each message on a topic to see, which keeps none of them.
func (s *Subscriber) Watch(topic string, see func(payload []byte)) {
	s.TB.Helper()
	Settled(s.TB, s.client.Subscribe(topic, 1, func(_ mqtt.Client, m mqtt.Message) { see(m.Payload()) }))
}

// Publish goes on until the broker has acknowledged the message. It may be called by
// several goroutines.
func (s *Subscriber) Publish(topic string, payload []byte) {
	s.TB.Helper()
	taken := func() bool {
		token := s.client.Publish(topic, 1, false, payload)
		return token.WaitTimeout(Patience) && token.Error() == nil
	}
	if !until(taken) {
		s.TB.Errorf("the broker does not take a message on %s", topic)
	}
}

// Settled waits for what became of one packet.
func Settled(tb testing.TB, token mqtt.Token) {
	tb.Helper()
	if !token.WaitTimeout(Patience) {
		tb.Fatal("the broker does not answer")
	}
	Must(tb, token.Error())
}
