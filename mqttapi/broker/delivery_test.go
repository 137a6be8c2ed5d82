package broker

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestDeliveryFields(t *testing.T) {
	t.Parallel()
	b := startMosquitto(t)
	o := observe(t, b.addr, "none")
	o.publish(t, "t/retained", "old", 1, true)
	in := make(chan Delivery, 3)
	c := start(t, Config{
		URL: "tcp://" + b.addr, ClientID: "fields",
		Subscriptions: []Subscription{{Filter: "t/+", QoS: 1}},
		Handle: func(_ context.Context, d Delivery) {
			d.Ack()
			in <- d
		},
	})
	c.online(t)
	first := receiveFrom(t, "the retained message", in)
	o.publish(t, "t/new", "one", 1, false)
	second := receiveFrom(t, "a QoS 1 message", in)
	o.publish(t, "t/new", "none", 0, false)
	third := receiveFrom(t, "a QoS 0 message", in)
	want := []Delivery{
		{Topic: "t/retained", Payload: []byte("old"), Retained: true, QoS: 1, PacketID: 1},
		{Topic: "t/new", Payload: []byte("one"), QoS: 1, PacketID: 2},
		{Topic: "t/new", Payload: []byte("none")},
	}
	if diff := cmp.Diff(want, []Delivery{first, second, third}, cmpopts.IgnoreUnexported(Delivery{})); diff != "" {
		t.Error(diff)
	}
}

// spool is a handler that remembers what it got before it acknowledges, and
// cuts the connection four times before an acknowledgement.
type spool struct {
	proxy *proxy

	mu                sync.Mutex
	seen              map[string]bool
	kills, duplicates int
}

func (s *spool) handle(_ context.Context, d Delivery) {
	s.mu.Lock()
	s.seen[string(d.Payload)] = true
	if d.Duplicate {
		s.duplicates++
	}
	kill := s.kills < 4 && len(s.seen) >= 40*(s.kills+1) && s.proxy.connections() == s.kills+1
	if kill {
		s.kills++
	}
	s.mu.Unlock()
	if kill {
		s.proxy.kill()
	}
	d.Ack()
}

func (s *spool) counts() (seen, kills, duplicates int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.seen), s.kills, s.duplicates
}

// Four times the connection dies with a delivery that is acknowledged too late.
// Nothing is lost, and the broker's window is not used up.
func TestKilledConnections(t *testing.T) {
	t.Parallel()
	b := startMosquitto(t)
	p := startProxy(t, b.addr)
	o := observe(t, b.addr, "none")
	s := &spool{proxy: p, seen: map[string]bool{}}
	c := start(t, Config{
		URL: "tcp://" + p.addr, ClientID: "worker",
		Subscriptions: []Subscription{{Filter: "t/jobs", QoS: 1}},
		Handle:        s.handle,
	})
	c.online(t)
	messages := 0
	for kills := 0; messages < 200 || kills < 4; messages++ {
		o.publish(t, "t/jobs", fmt.Sprint(messages), 1, false)
		_, kills, _ = s.counts()
	}
	eventually(t, "every message", func() bool {
		seen, _, _ := s.counts()
		return seen == messages
	})
	o.publish(t, "t/jobs", "last", 1, false)
	eventually(t, "one more message", func() bool {
		seen, _, _ := s.counts()
		return seen == messages+1
	})
	if _, _, duplicates := s.counts(); duplicates < 4 {
		t.Errorf("%d duplicates after four kills", duplicates)
	}
}

// An acknowledgement counts only on the connection of its delivery: the late one
// must not keep the message from being delivered again, nor harm the one that follows.
func TestStaleAck(t *testing.T) {
	t.Parallel()
	b := startMosquitto(t)
	p := startProxy(t, b.addr)
	o := observe(t, b.addr, "none")
	in := make(chan Delivery, 10)
	c := start(t, Config{
		URL: "tcp://" + p.addr, ClientID: "stale",
		Subscriptions: []Subscription{{Filter: "t/jobs", QoS: 1}},
		Handle:        func(_ context.Context, d Delivery) { in <- d },
	})
	c.online(t)
	o.publish(t, "t/jobs", "job", 1, false)
	first := receiveFrom(t, "the first delivery", in)
	p.kill()
	second := receiveFrom(t, "the second delivery", in)
	first.Ack()
	p.kill()
	third := receiveFrom(t, "the third delivery", in)
	if first.Duplicate || !second.Duplicate || !third.Duplicate {
		t.Errorf("duplicates: %v, %v, %v", first.Duplicate, second.Duplicate, third.Duplicate)
	}
	third.Ack()
	third.Ack()
	eventually(t, "one PUBACK", func() bool { return p.count(true, "PUBACK") == 1 })
	p.kill()
	o.publish(t, "t/jobs", "next", 1, false)
	if d := receiveFrom(t, "the next message", in); string(d.Payload) != "next" {
		t.Errorf("delivered %q again after its acknowledgement", d.Payload)
	} else {
		d.Ack()
	}
	if n := p.count(true, "PUBACK"); n > 2 {
		t.Errorf("%d PUBACK, want 2", n)
	}
}

// What waits at the broker is delivered before the subscription is made again.
func TestWaitingMessages(t *testing.T) {
	t.Parallel()
	b := startMosquitto(t)
	o := observe(t, b.addr, "none")
	in := make(chan Delivery, 10)
	cfg := Config{
		URL: "tcp://" + b.addr, ClientID: "away",
		Subscriptions: []Subscription{{Filter: "t/jobs", QoS: 1}},
		Handle: func(_ context.Context, d Delivery) {
			d.Ack()
			in <- d
		},
	}
	c := start(t, cfg)
	c.online(t)
	c.stop()
	for i := range 5 {
		o.publish(t, "t/jobs", fmt.Sprint(i), 1, false)
	}
	start(t, cfg)
	for range 5 {
		receiveFrom(t, "a message that waited", in)
	}
}

// A flood of QoS 0 messages, which no broker holds back, must not pile up.
func TestQoS0Flood(t *testing.T) {
	t.Parallel()
	b := startMosquitto(t)
	o := observe(t, b.addr, "none")
	release := make(chan struct{})
	var mu sync.Mutex
	handled, busy := 0, 0
	c := start(t, Config{
		URL: "tcp://" + b.addr, ClientID: "flooded",
		Subscriptions: []Subscription{{Filter: "t/jobs", QoS: 1}},
		Handle: func(context.Context, Delivery) {
			mu.Lock()
			handled++
			mu.Unlock()
			<-release
		},
		OnBusy: func(Delivery) {
			mu.Lock()
			busy++
			mu.Unlock()
		},
	})
	c.online(t)
	before := runtime.NumGoroutine()
	for range 500 {
		o.publish(t, "t/jobs", "x", 0, false)
	}
	eventually(t, "all messages", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return handled == maxQoS0 && busy == 500-maxQoS0
	})
	if n := runtime.NumGoroutine() - before; n > 200 { // other tests run beside this one
		t.Errorf("%d more goroutines", n)
	}
	close(release)
	eventually(t, "room again", func() bool {
		o.publish(t, "t/jobs", "x", 0, false)
		mu.Lock()
		defer mu.Unlock()
		return handled > maxQoS0
	})
}

// A handler that panics costs one message, not the process, and not for ever.
func TestPanickingHandler(t *testing.T) {
	t.Parallel()
	b := startMosquitto(t)
	p := startProxy(t, b.addr)
	o := observe(t, b.addr, "none")
	in := make(chan string, 10)
	c := start(t, Config{
		URL: "tcp://" + p.addr, ClientID: "panics",
		Subscriptions: []Subscription{{Filter: "t/jobs", QoS: 1}},
		Handle: func(_ context.Context, d Delivery) {
			if string(d.Payload) == "poison" {
				panic("cannot take it")
			}
			d.Ack()
			in <- string(d.Payload)
		},
	})
	c.online(t)
	o.publish(t, "t/jobs", "poison", 1, false)
	eventually(t, "the poison's PUBACK", func() bool { return p.count(true, "PUBACK") == 1 })
	p.kill()
	o.publish(t, "t/jobs", "good", 1, false)
	if got := receiveFrom(t, "the next message", in); got != "good" {
		t.Errorf("got %q", got)
	}
	panics := 0
	for _, e := range c.logs.AllEntries() {
		if e.Data["panic"] == "cannot take it" && strings.Contains(fmt.Sprint(e.Data["stack"]), "delivery_test.go") {
			panics++
		}
	}
	if panics != 1 {
		t.Errorf("%d panics logged, want 1", panics)
	}
}

// Run waits for the handlers, their acknowledgements still count, and what they
// leave comes back to whoever connects next.
func TestStopWaitsForHandlers(t *testing.T) {
	t.Parallel()
	b := startMosquitto(t)
	o := observe(t, b.addr, "none")
	in := make(chan string, 10)
	c := start(t, Config{
		URL: "tcp://" + b.addr, ClientID: "stopping",
		Subscriptions: []Subscription{{Filter: "t/jobs", QoS: 1}},
		Handle: func(ctx context.Context, d Delivery) {
			in <- string(d.Payload)
			<-ctx.Done()
			if string(d.Payload) == "finished" {
				d.Ack()
			}
			in <- "left " + string(d.Payload)
		},
	})
	c.online(t)
	o.publish(t, "t/jobs", "unfinished", 1, false)
	o.publish(t, "t/jobs", "finished", 1, false)
	for range 2 {
		receiveFrom(t, "both deliveries", in)
	}
	c.stop()
	if n := len(in); n != 2 {
		t.Errorf("Run ended while %d handlers ran", 2-n)
	}
	left := make(chan string, 10)
	next := start(t, Config{
		URL: "tcp://" + b.addr, ClientID: "stopping",
		Subscriptions: []Subscription{{Filter: "t/jobs", QoS: 1}},
		Handle: func(_ context.Context, d Delivery) {
			d.Ack()
			left <- string(d.Payload)
		},
	})
	next.online(t)
	o.publish(t, "t/jobs", "new", 1, false)
	got := []string{receiveFrom(t, "what was left", left), receiveFrom(t, "what is new", left)}
	if diff := cmp.Diff([]string{"unfinished", "new"}, got, cmpopts.SortSlices(strings.Compare)); diff != "" {
		t.Error(diff)
	}
}

// The broker's session may hold messages for a subscription that this configuration no longer has. Unacknowledged, they would
// take up room in its window for ever.
func TestFormerSubscription(t *testing.T) {
	t.Parallel()
	b := startMosquitto(t)
	p := startProxy(t, b.addr)
	o := observe(t, b.addr, "none")
	former := start(t, Config{
		URL: "tcp://" + b.addr, ClientID: "former",
		Subscriptions: []Subscription{{Filter: "t/former", QoS: 1}},
		Handle:        func(_ context.Context, d Delivery) { d.Ack() },
	})
	former.online(t)
	former.stop()
	o.publish(t, "t/former", "left", 1, false)
	start(t, Config{URL: "tcp://" + p.addr, ClientID: "former"})
	eventually(t, "the acknowledgement", func() bool { return p.count(true, "PUBACK") == 1 })
}
