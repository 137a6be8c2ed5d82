package broker

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// Mosquitto drops what there is no right for, and acknowledges it.
func TestMissingRights(t *testing.T) {
	t.Parallel()
	const user = "a client without a user"
	for name, test := range map[string]struct{ rights, reason string }{
		"all":        {"topic readwrite t/#", ""},
		"least":      {"topic write t/#\ntopic read t/in\ntopic read t/more/#\ntopic read t/availability", ""},
		"no read":    {"topic write t/#\ntopic read t/availability\ntopic read t/in", "the broker does not let " + user + " read t/more/#: give it that right"},
		"no write":   {"topic read t/#", "the broker passes on nothing that " + user + " publishes on t/in and t/more/# and t/availability: give it the right to write there, and to read"},
		"write some": {"topic read t/#\ntopic write t/in\ntopic write t/more/#", "the broker passes on nothing that " + user + " publishes on t/availability: give it the right to write there, and to read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "acl")
			if err := os.WriteFile(file, []byte(test.rights+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			b := startMosquitto(t, "acl_file "+file, "max_queued_messages 1000") // 0 makes Mosquitto 2.0 hang up on what it denies
			c := start(t, Config{
				URL: "tcp://" + b.addr, ClientID: "checker", Availability: availability,
				Subscriptions: []Subscription{{Filter: "t/in", QoS: 1, Check: "t/in"}, {Filter: "t/more/#", QoS: 1, Check: "t/more/check"}},
				Handle:        func(_ context.Context, d Delivery) { t.Errorf("delivery on %s", d.Topic) },
			}, func(tm *timeouts) { tm.check = 500 * time.Millisecond })
			c.online(t)
			eventually(t, "the reason", func() bool { return c.State().Reason == test.reason })
			if test.reason == "" {
				c.stop()
				if n := len(c.reasons()); n != 0 {
					t.Errorf("reasons %v", c.reasons())
				}
			}
		})
	}
}

func TestBrokerRefusesTheWill(t *testing.T) {
	t.Parallel()
	for option, reason := range map[string]string{
		"retain_available false":            noRetain,
		"max_qos 0":                         onlyQoS0,
		"max_qos 0\nretain_available false": noWill,
	} {
		b := startMosquitto(t, option)
		c := start(t, Config{URL: "tcp://" + b.addr, ClientID: "willing", Availability: availability})
		eventually(t, option, func() bool { return c.State().Reason == reason })
	}
	b := startMosquitto(t, "max_qos 0")
	c := start(t, Config{
		URL: "tcp://" + b.addr, ClientID: "unwilling", Subscriptions: []Subscription{{Filter: "t/in", QoS: 1}},
		Handle: func(_ context.Context, d Delivery) { d.Ack() },
	})
	eventually(t, "the granted QoS", func() bool { return c.State().Reason == onlyQoS0 })
}

func TestOrdered(t *testing.T) {
	t.Parallel()
	const messages = 500
	b := startMosquitto(t)
	var got []string
	last := make(chan struct{})
	c := start(t, Config{
		URL: "tcp://" + b.addr, ClientID: "ordered", Ordered: true, Subscriptions: []Subscription{{Filter: "t/in", QoS: 1}},
		Handle: func(_ context.Context, d Delivery) {
			if got = append(got, string(d.Payload)); len(got) == messages {
				close(last)
			}
			d.Ack()
		},
	})
	c.online(t)
	from := start(t, Config{URL: "tcp://" + b.addr, ClientID: "writer"})
	for i := range messages {
		if err := from.Send(t.Context(), "t/in", []byte(strconv.Itoa(i))); err != nil {
			t.Fatal(err)
		}
	}
	receiveFrom(t, "all messages", last)
	for i, text := range got {
		if text != strconv.Itoa(i) {
			t.Fatalf("message %d is %s", i, text)
		}
	}
}
