package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/rogpeppe/go-internal/testscript"
)

// retained subscribes anew after each message until what is retained is as expected.
func (w *world) retained(ts *testscript.TestScript, args []string) {
	topic, conds := w.expected(ts, args)
	ctx, cancel := w.deadline(ts)
	defer cancel()
	ts.Check(w.awaitRetained(ctx, ts, topic, conds))
}

func (w *world) awaitRetained(ctx context.Context, ts *testscript.TestScript, topic string, conds conditions) error {
	for {
		found, err := w.newcomer(ctx, ts, topic, conds)
		if found || err != nil {
			return err
		}
	}
}

// newcomer subscribes once and reports whether it got a retained message for
// which the conditions hold. If not, it returns as soon as there is another one.
func (w *world) newcomer(ctx context.Context, ts *testscript.TestScript, topic string, conds conditions) (bool, error) {
	messages := make(chan mqtt.Message, 100)
	client, err := w.subscribe(ctx, ts, topic, messages)
	if err != nil {
		return false, err
	}
	defer client.Disconnect(0)
	// The built-in broker may store what is retained a moment after it has passed it
	// on: who subscribes in between gets the value before, and nothing more.
	again := time.NewTimer(500 * time.Millisecond)
	defer again.Stop()
	for {
		select {
		case <-again.C:
			return false, nil
		case m := <-messages:
			if !m.Retained() {
				return false, nil
			}
			w.last = message{m.Topic(), m.Payload(), true}
			if conds.hold(m.Payload()) {
				return true, nil
			}
		case <-ctx.Done():
			return false, fmt.Errorf("nothing with %s is retained on %s; the last message was:\n%s", conds, topic, w.last)
		}
	}
}

// absent subscribes, and then publishes something to itself: what is retained
// comes before that.
func (w *world) absent(ts *testscript.TestScript, args []string) {
	topic, _ := w.expected(ts, args)
	ctx, cancel := w.deadline(ts)
	defer cancel()
	messages := make(chan mqtt.Message, 100)
	client, err := w.subscribe(ctx, ts, topic, messages)
	ts.Check(err)
	defer client.Disconnect(0)
	const end = "e2e/end"
	ts.Check(settle(ctx, client.Subscribe(end, 1, nil)))
	ts.Check(settle(ctx, client.Publish(end, 1, false, "")))
	for {
		select {
		case m := <-messages:
			if m.Topic() == end {
				return
			}
			if m.Retained() && len(m.Payload()) > 0 {
				ts.Fatalf("retained is: %s", message{m.Topic(), m.Payload(), true})
			}
		case <-ctx.Done():
			ts.Fatalf("the broker does not answer")
		}
	}
}

// subscribe connects a client that the broker does not know.
func (w *world) subscribe(ctx context.Context, ts *testscript.TestScript, topic string, messages chan<- mqtt.Message) (mqtt.Client, error) {
	client := mqtt.NewClient(w.clientOptions(ts).SetAutoReconnect(false).
		SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) {
			select {
			case messages <- m:
			default: // a hundred are enough to see that it is not there
			}
		}))
	err := settle(ctx, client.Connect())
	if err == nil {
		err = settle(ctx, client.Subscribe(topic, 1, nil))
	}
	if err != nil {
		client.Disconnect(0)
		return nil, err
	}
	return client, nil
}

// settle waits for what became of one packet.
func settle(ctx context.Context, token mqtt.Token) error {
	select {
	case <-token.Done():
		return token.Error()
	case <-ctx.Done():
		return errors.New("the broker does not answer")
	}
}
