package broker

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
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

// What an earlier run has retained is no proof that Online may be written.
func TestStaleAvailability(t *testing.T) {
	t.Parallel()
	rights := filepath.Join(t.TempDir(), "acl")
	text := "user other\ntopic readwrite #\nuser bridge\ntopic read t/#\ntopic write t/in\n"
	if err := os.WriteFile(rights, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	b := startMosquitto(t, "acl_file "+rights, "max_queued_messages 1000")
	other := start(t, Config{URL: "tcp://" + b.addr, User: "other", ClientID: "other"})
	if err := other.Retain(availability.Topic, []byte(offline)); err != nil {
		t.Fatal(err)
	}
	other.online(t)
	c := start(t, Config{
		URL: "tcp://" + b.addr, User: "bridge", ClientID: "checker", Availability: availability,
		Subscriptions: []Subscription{{Filter: "t/in", QoS: 1, Check: "t/in"}}, Handle: func(_ context.Context, d Delivery) { d.Ack() },
	}, func(tm *timeouts) { tm.check = 500 * time.Millisecond })
	eventually(t, "the reason", func() bool { return strings.Contains(c.State().Reason, "publishes on t/availability") })
}

// What waited at the broker comes before the message of the check.
func TestCheckBehindAQueue(t *testing.T) {
	t.Parallel()
	const messages = 30
	b := startMosquitto(t, "max_inflight_messages 1")
	settings := Config{
		URL: "tcp://" + b.addr, ClientID: "checker", Availability: availability,
		Subscriptions: []Subscription{{Filter: "t/in", QoS: 1, Check: "t/in"}, {Filter: "t/more/#", QoS: 1, Check: "t/more/check"}},
		Handle:        func(_ context.Context, d Delivery) { d.Ack() },
	}
	first := start(t, settings)
	first.online(t)
	first.stop()
	from := start(t, Config{URL: "tcp://" + b.addr, ClientID: "writer"})
	for i := range messages {
		if err := from.Send(t.Context(), "t/in", []byte(strconv.Itoa(i))); err != nil {
			t.Fatal(err)
		}
	}
	all, n := make(chan struct{}), 0
	settings.Handle = func(_ context.Context, d Delivery) { // one at a time, as the broker's window has it
		time.Sleep(50 * time.Millisecond) // the disk
		if n++; n == messages {
			close(all)
		}
		d.Ack()
	}
	c := start(t, settings, func(tm *timeouts) { tm.check = 300 * time.Millisecond })
	c.online(t)
	receiveFrom(t, "all messages", all)
	c.stop()
	if n := len(c.reasons()); n != 0 {
		t.Errorf("reasons %v", c.reasons())
	}
}

// Traffic that never ends does not hide that a right is missing.
func TestCheckAmongTraffic(t *testing.T) {
	t.Parallel()
	rights := filepath.Join(t.TempDir(), "acl")
	if err := os.WriteFile(rights, []byte("user other\ntopic write t/in\nuser bridge\ntopic read t/#\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	b := startMosquitto(t, "acl_file "+rights, "max_queued_messages 1000")
	other := start(t, Config{URL: "tcp://" + b.addr, User: "other", ClientID: "other"})
	traffic := make(chan struct{})
	defer func() { <-traffic }()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() {
		defer close(traffic)
		for other.Send(ctx, "t/in", []byte("motion")) == nil {
		}
	}()
	c := start(t, Config{
		URL: "tcp://" + b.addr, User: "bridge", ClientID: "checker", Availability: availability,
		Subscriptions: []Subscription{{Filter: "t/in", QoS: 1, Check: "t/in"}}, Handle: func(_ context.Context, d Delivery) { d.Ack() },
	}, func(tm *timeouts) { tm.check = 100 * time.Millisecond })
	eventually(t, "the reason", func() bool { return strings.Contains(c.State().Reason, "publishes on t/availability") })
}

// Some brokers hang up on what there is no right to publish, as this Mosquitto does without a limit for its queues.
func TestBrokerHangsUpOnTheCheck(t *testing.T) {
	t.Parallel()
	rights := filepath.Join(t.TempDir(), "acl")
	if err := os.WriteFile(rights, []byte("topic read t/#\ntopic write t/availability\ntopic write t/out\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	b := startMosquitto(t, "acl_file "+rights)
	c := start(t, Config{
		URL: "tcp://" + b.addr, ClientID: "checker", Availability: availability,
		Subscriptions: []Subscription{{Filter: "t/in", QoS: 1, Check: "t/in"}}, Handle: func(_ context.Context, d Delivery) { d.Ack() },
	}, func(tm *timeouts) { tm.check = 500 * time.Millisecond })
	eventually(t, "the reason", func() bool {
		return c.State().Connected && c.State().Reason == "the broker hangs up when a client without a user publishes on t/in: give it the right to write there, and to read"
	})
	if err := c.Send(t.Context(), "t/out", []byte("done")); err != nil {
		t.Fatal(err)
	}
	if c.reasons()[c.conflict()] > 0 {
		t.Errorf("reasons %v", c.reasons())
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
		without := start(t, Config{URL: "tcp://" + b.addr, ClientID: "willing too"}) // hung up on when it publishes
		if err := without.Retain("t/state", []byte("fine")); err != nil {
			t.Fatal(err)
		}
		eventually(t, option+" without a will", func() bool { return without.State().Reason == reason })
		if n := without.reasons()[`another client uses the id "willing too"`]; n > 0 {
			t.Errorf("%s: reasons %v", option, without.reasons())
		}
	}
	p := startProxy(t, startMosquitto(t).addr) // a broker that is not up yet, behind a proxy that is
	var asked atomic.Int32
	p.set(func(m passed, _ packets.ControlPacket) bool {
		if m.kind == "CONNECT" && asked.Add(1) == 1 {
			p.kill()
		}
		return true
	})
	early := start(t, Config{URL: "tcp://" + p.addr, ClientID: "early", Availability: availability})
	early.online(t)
	if reasons := early.reasons(); reasons[onlyQoS0]+reasons[noRetain]+reasons[noWill] > 0 {
		t.Errorf("reasons %v", reasons)
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
