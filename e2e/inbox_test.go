package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/rogpeppe/go-internal/testscript"
)

// A message is one publication as a subscriber gets it.
type message struct {
	topic    string
	payload  []byte
	retained bool
}

func (m message) String() string {
	text := string(m.payload)
	if len(text) > 500 {
		text = fmt.Sprintf("%.500s… (%d bytes)", text, len(text))
	}
	return m.topic + " " + text
}

// An inbox hears everything that is published while a script runs, also what is
// published while it is not connected, unless the broker forgets its session.
// What is retained from before it subscribed is left to fresh subscribers.
type inbox struct {
	client mqtt.Client

	mu      sync.Mutex // guards all below
	unread  []message
	all     []message
	arrived chan struct{} // closed when there is more
}

// clientOptions are those of every MQTT client of the script.
func (w *world) clientOptions(ts *testscript.TestScript) *mqtt.ClientOptions {
	return mqtt.NewClientOptions().AddBroker("tcp://127.0.0.1:" + ts.Getenv("MQTT_PORT")).SetProtocolVersion(4).
		SetUsername(ts.Getenv("MQTT_USER")).SetPassword(ts.Getenv("MQTT_PASSWORD")).
		SetConnectRetry(true).SetConnectRetryInterval(20 * time.Millisecond)
}

func newInbox(options *mqtt.ClientOptions) *inbox {
	b := &inbox{arrived: make(chan struct{})}
	b.client = mqtt.NewClient(options.SetClientID("e2e-inbox").SetCleanSession(false).
		SetAutoReconnect(true).SetMaxReconnectInterval(50 * time.Millisecond).
		SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) { b.put(m) }).
		SetOnConnectHandler(func(c mqtt.Client) { c.Subscribe("#", 1, nil) }))
	b.client.Connect() // tries again until it works
	return b
}

func (b *inbox) close() { b.client.Disconnect(0) }

// put keeps a message. A broker that was killed may send again what was heard
// before, which is no second answer of the bridge.
func (b *inbox) put(m mqtt.Message) {
	if m.Retained() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	heard := message{topic: m.Topic(), payload: m.Payload()}
	again := func(other message) bool {
		return other.topic == heard.topic && bytes.Equal(other.payload, heard.payload)
	}
	if m.Duplicate() && slices.ContainsFunc(b.all, again) {
		return
	}
	b.unread = append(b.unread, heard)
	b.all = append(b.all, heard)
	close(b.arrived)
	b.arrived = make(chan struct{})
}

// heard returns every message so far.
func (b *inbox) heard() []message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.all)
}

// take waits for an unread message and takes it out.
func (b *inbox) take(ctx context.Context, topic string, conds conditions) (message, error) {
	for {
		b.mu.Lock()
		for i, m := range b.unread {
			if m.topic == topic && conds.hold(m.payload) {
				b.unread = slices.Delete(b.unread, i, i+1)
				b.mu.Unlock()
				return m, nil
			}
		}
		arrived := b.arrived
		b.mu.Unlock()
		select {
		case <-arrived:
		case <-ctx.Done():
			return message{}, fmt.Errorf("no message on %s with %s; unread are:\n%s", topic, conds, b.list(topic, nil))
		}
	}
}

// list shows the unread messages on a topic for which the conditions hold.
func (b *inbox) list(topic string, conds conditions) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var lines []string
	for _, m := range b.unread {
		if m.topic == topic && conds.hold(m.payload) {
			lines = append(lines, m.String())
		}
	}
	return strings.Join(lines, "\n")
}

// hear waits for a message and reads it: the next hear does not find it again.
func (w *world) hear(ts *testscript.TestScript, args []string) {
	topic, conds := w.expected(ts, args)
	ctx, cancel := w.deadline(ts)
	defer cancel()
	var err error
	w.last, err = w.inbox.take(ctx, topic, conds)
	ts.Check(err)
}

// unheard is for the end of a script, when all that was expected has been heard.
func (w *world) unheard(ts *testscript.TestScript, args []string) {
	topic, conds := w.expected(ts, args)
	if list := w.inbox.list(topic, conds); list != "" {
		ts.Fatalf("nobody has waited for:\n%s", list)
	}
}

// forget is for documents that are published whenever something changes.
func (w *world) forget(ts *testscript.TestScript, args []string) {
	topic, _ := w.expected(ts, args)
	w.inbox.mu.Lock()
	defer w.inbox.mu.Unlock()
	w.inbox.unread = slices.DeleteFunc(w.inbox.unread, func(m message) bool { return m.topic == topic })
}

// expected reads TOPIC COND...
func (w *world) expected(ts *testscript.TestScript, args []string) (string, conditions) {
	if len(args) == 0 {
		ts.Fatalf("the arguments are TOPIC COND...")
	}
	conds, err := parseConditions(args[1:])
	ts.Check(err)
	return fullTopic(args[0]), conds
}

// fullTopic lets a script leave out the root topic.
func fullTopic(topic string) string {
	if strings.HasPrefix(topic, "/") {
		return topic[1:]
	}
	return "gphotos/" + topic
}
