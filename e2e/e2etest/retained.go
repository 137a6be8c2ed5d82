package e2etest

import (
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// Retained is what a client gets on a topic that the broker does not know. It
// subscribes, and then publishes something to itself: what is retained comes before
// that. It waits for the broker until over is closed (nil = never).
//
// The built-in broker stores what is retained a moment after it has passed it on: who
// subscribes in between gets neither, and has to look again.
func Retained(tb testing.TB, options *mqtt.ClientOptions, topic string, over <-chan struct{}) (found Message, ok bool) {
	tb.Helper()
	const end = "e2e/end"
	ended := make(chan struct{})
	client := mqtt.NewClient(options.SetConnectRetry(false).SetAutoReconnect(false).
		SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) {
			switch {
			case m.Topic() == end:
				close(ended)
			case m.Retained() && len(m.Payload()) > 0:
				found, ok = Message{m.Topic(), m.Payload(), true}, true
			}
		}))
	Until(tb, "the broker", func() bool {
		select {
		case <-over:
			tb.Fatal("the program has ended")
		default:
		}
		token := client.Connect()
		return token.Wait() && token.Error() == nil
	})
	defer client.Disconnect(0)
	for _, filter := range []string{topic, end} {
		Settled(tb, client.Subscribe(filter, 1, nil))
	}
	Settled(tb, client.Publish(end, 1, false, ""))
	select {
	case <-ended:
	case <-time.After(Patience):
		tb.Fatal("the broker does not answer")
	}
	return found, ok
}
