package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// swallowAcks swallows the broker's acknowledgements of what is published to topic.
func swallowAcks(p *proxy, topic string) {
	var mu sync.Mutex
	ids := map[uint16]bool{}
	p.set(func(q passed, packet packets.ControlPacket) bool {
		mu.Lock()
		defer mu.Unlock()
		switch v := packet.(type) {
		case *packets.PublishPacket:
			if q.up {
				ids[v.MessageID] = v.TopicName == topic
			}
		case *packets.PubackPacket:
			return q.up || !ids[v.MessageID]
		}
		return true
	})
}

func TestSendDuringOutage(t *testing.T) {
	t.Parallel()
	b := startMosquitto(t)
	p := startProxy(t, b.addr)
	o := observe(t, b.addr, "t/result")
	c := start(t, Config{URL: "tcp://" + p.addr, ClientID: "outage"})
	c.online(t)
	p.shut()
	eventually(t, "the loss", func() bool { return !c.State().Connected })
	sent := make(chan error, 1)
	go func() { sent <- c.Send(t.Context(), "t/result", []byte("done")) }()
	p.open(t)
	if err := receiveFrom(t, "Send", sent); err != nil {
		t.Error(err)
	}
	o.wait(t, "t/result", "done")
}

// The broker has the message, but its acknowledgement is lost with the
// connection: only a PUBACK on the same connection ends a Send.
func TestSendTwiceWhenAckIsLost(t *testing.T) {
	t.Parallel()
	b := startMosquitto(t)
	p := startProxy(t, b.addr)
	o := observe(t, b.addr, "t/result")
	c := start(t, Config{URL: "tcp://" + p.addr, ClientID: "lostack"})
	c.online(t)
	swallowAcks(p, "t/result")
	sent := make(chan error, 1)
	go func() { sent <- c.Send(t.Context(), "t/result", []byte("done")) }()
	o.wait(t, "t/result", "done")
	p.kill()
	eventually(t, "the message on the next connection", func() bool { return o.count("t/result", "done") == 2 })
	select {
	case err := <-sent:
		t.Fatalf("Send returned %v without an acknowledgement", err)
	default:
	}
	p.set(nil)
	p.kill()
	if err := receiveFrom(t, "Send", sent); err != nil {
		t.Error(err)
	}
}

// An acknowledgement that does not come holds up no other.
func TestSendBesideOneWithoutAck(t *testing.T) {
	t.Parallel()
	b := startMosquitto(t)
	p := startProxy(t, b.addr)
	o := observe(t, b.addr, "t/result")
	c := start(t, Config{URL: "tcp://" + p.addr, ClientID: "beside"})
	c.online(t)
	swallowAcks(p, "t/result")
	ctx, cancel := context.WithCancel(t.Context())
	sent := make(chan error, 1)
	go func() { sent <- c.Send(ctx, "t/result", []byte("unheard")) }()
	o.wait(t, "t/result", "unheard")
	if err := c.Send(t.Context(), "t/other", nil); err != nil {
		t.Errorf("Send: %v", err)
	}
	cancel()
	if err := receiveFrom(t, "Send", sent); !errors.Is(err, context.Canceled) {
		t.Errorf("Send without an acknowledgement: %v", err)
	}
}

func TestSendEndsWithContext(t *testing.T) {
	t.Parallel()
	b := startMosquitto(t)
	p := startProxy(t, b.addr)
	c := start(t, Config{URL: "tcp://" + p.addr, ClientID: "impatient"})
	c.online(t)
	swallowAcks(p, "t/result")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := c.Send(ctx, "t/result", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without an acknowledgement: %v", err)
	}
	p.shut()
	eventually(t, "the loss", func() bool { return !c.State().Connected })
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := c.Send(ctx, "t/result", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without a connection: %v", err)
	}
	p.open(t)
}

// What never gets an acknowledgement must not fill paho's memory and packet ids.
func TestSendIsBounded(t *testing.T) {
	t.Parallel()
	b := startMosquitto(t)
	p := startProxy(t, b.addr)
	o := observe(t, b.addr, "t/#")
	c := start(t, Config{URL: "tcp://" + p.addr, ClientID: "bounded"})
	c.online(t)
	swallowAcks(p, "t/result")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2*maxSends)
	for i := range 2 * maxSends {
		go func() { ended <- c.Send(ctx, "t/result", []byte(fmt.Sprint(i))) }()
	}
	eventually(t, "a full window", func() bool { return len(o.seen()) >= maxSends })
	if err := c.Retain("t/state", []byte("goes out all the same")); err != nil {
		t.Fatal(err)
	}
	o.wait(t, "t/state", "goes out all the same")
	if n := len(o.seen()) - 1; n != maxSends {
		t.Errorf("%d in flight, want %d", n, maxSends)
	}
	cancel()
	for range 2 * maxSends {
		if err := receiveFrom(t, "Send", ended); !errors.Is(err, context.Canceled) {
			t.Errorf("Send: %v", err)
		}
	}
}

func TestRefusedPublishes(t *testing.T) {
	t.Parallel()
	b := startMosquitto(t)
	p := startProxy(t, b.addr)
	c := start(t, Config{URL: "tcp://" + p.addr, ClientID: "large", MaxPublish: 1000})
	c.online(t)
	if err := c.Retain("t/fits", make([]byte, 1000)); err != nil {
		t.Error(err)
	}
	if err := c.Retain("t/fits", make([]byte, 1001)); !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), "1001 bytes to t/fits") {
		t.Errorf("Retain: %v", err)
	}
	if err := c.Send(t.Context(), "t/large", make([]byte, 1001)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("Send: %v", err)
	}
	for _, topic := range []string{"", "t/#", "t/+/x", "t\x00", "t\xff", strings.Repeat("t", 65536)} {
		if err := c.Retain(topic, nil); !errors.Is(err, ErrTopic) {
			t.Errorf("Retain to %.10q: %v", topic, err)
		}
		if err := c.Send(t.Context(), topic, nil); !errors.Is(err, ErrTopic) {
			t.Errorf("Send to %.10q: %v", topic, err)
		}
	}
	eventually(t, "the one that fits", func() bool { return p.count(true, "PUBLISH") == 1 })
	if err := c.Send(t.Context(), "t/end", nil); err != nil {
		t.Error(err)
	}
	if n := p.count(true, "PUBLISH"); n != 2 {
		t.Errorf("%d publishes left the machine, want 2", n)
	}
}

// A broker that lost its retained messages has all of them back within 5 s, with
// the pauses of production.
func TestRetainedAfterBrokerRestart(t *testing.T) {
	t.Parallel()
	b := startMosquitto(t)
	production := defaultTimeouts
	c := start(t, Config{URL: "tcp://" + b.addr, ClientID: "restarts", Availability: availability},
		func(t *timeouts) { *t = production })
	for topic, payload := range map[string]string{"t/a": "old", "t/b": "kept", "t/gone": "cleared"} {
		if err := c.Retain(topic, []byte(payload)); err != nil {
			t.Fatal(err)
		}
	}
	c.online(t)
	o := observe(t, b.addr, "t/#")
	o.wait(t, "t/gone", "cleared")
	if err := c.Retain("t/gone", nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the cleared topic", func() bool { return o.count("t/gone", "") == 1 })
	b.stop()
	if err := c.Retain("t/a", []byte("new")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "two failed attempts", func() bool { return c.State().attempts >= 3 })
	b.start(t)
	begin := time.Now()
	c.online(t)
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("back after %v", took)
	}
	fresh := observe(t, b.addr, "t/#")
	fresh.wait(t, "t/availability", online)
	eventually(t, "three retained messages", func() bool { return len(fresh.seen()) == 3 })
	for topic, payload := range map[string]string{"t/a": "new", "t/b": "kept", "t/availability": online} {
		if fresh.count(topic, payload) != 1 {
			t.Errorf("%s is not %q: %v", topic, payload, fresh.seen())
		}
	}
}

// Nothing is said before SUBACK, and Online last, after the last PUBACK.
func TestOnlineComesLast(t *testing.T) {
	t.Parallel()
	b := startMosquitto(t)
	p := startProxy(t, b.addr)
	held := make(chan struct{})
	var hold atomic.Bool
	hold.Store(true)
	p.set(func(q passed, _ packets.ControlPacket) bool {
		if !q.up && q.kind == "SUBACK" && hold.Swap(false) {
			<-held
		}
		return true
	})
	c := New(Config{
		URL: "tcp://" + p.addr, ClientID: "order", Availability: availability, Log: quiet(),
		Subscriptions: []Subscription{{Filter: "t/in", QoS: 1}, {Filter: "t/more", QoS: 0}},
		Handle:        func(_ context.Context, d Delivery) { d.Ack() },
	})
	for i := range 100 {
		if err := c.Retain(fmt.Sprint("t/", i), []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	release := sync.OnceFunc(func() { close(held) })
	t.Cleanup(release)
	eventually(t, "the answer to SUBSCRIBE", func() bool { return p.count(false, "SUBACK") == 1 })
	release()
	eventually(t, "online", func() bool { return (&running{Conn: c}).State().Connected })
	log := p.log()
	announced := slices.IndexFunc(log, func(q passed) bool { return q.up && q.topic == "t/availability" })
	suback := slices.IndexFunc(log, func(q passed) bool { return q.kind == "SUBACK" })
	first := slices.IndexFunc(log, func(q passed) bool { return q.kind == "PUBLISH" })
	acked := 0
	for _, q := range log[:max(announced, 0)] {
		if !q.up && q.kind == "PUBACK" {
			acked++
		}
	}
	if first < suback || acked != 100 {
		t.Errorf("Online is packet %d, the first %d, SUBACK %d, after %d PUBACK", announced, first, suback, acked)
	}
	cancel()
	if err := receiveFrom(t, "the end of Run", ended); err != nil {
		t.Error(err)
	}
}

func TestClear(t *testing.T) {
	t.Parallel()
	b := startMosquitto(t)
	first := start(t, Config{URL: "tcp://" + b.addr, ClientID: "first"})
	if err := first.Retain("t/former", []byte("left behind")); err != nil {
		t.Fatal(err)
	}
	observe(t, b.addr, "t/former").wait(t, "t/former", "left behind")
	first.stop()
	second := start(t, Config{URL: "tcp://" + b.addr, ClientID: "second"})
	if err := second.Clear(t.Context(), "t/former"); err != nil {
		t.Fatal(err)
	}
	if err := second.Retain("t/last", []byte("here")); err != nil {
		t.Fatal(err)
	}
	o := observe(t, b.addr, "t/#")
	o.wait(t, "t/last", "here")
	if o.count("t/former", "left behind") != 0 {
		t.Error("the topic is still retained")
	}
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	b := startMosquitto(t)
	o := observe(t, b.addr, "t/#")
	c := start(t, Config{URL: "tcp://" + b.addr, ClientID: "refresh", Availability: availability})
	if err := c.Retain("t/config", []byte("x")); err != nil {
		t.Fatal(err)
	}
	// A refresh merges with a value that is still to be sent, so both are to be on their way before it.
	o.wait(t, "t/config", "x")
	o.wait(t, "t/availability", online)
	c.Refresh()
	eventually(t, "both values twice", func() bool {
		return o.count("t/config", "x") == 2 && o.count("t/availability", online) == 2
	})
}
