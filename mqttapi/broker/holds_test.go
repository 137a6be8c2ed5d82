package broker

import (
	"context"
	"sync/atomic"
	"testing"
)

// Of two processes with one client id the one that has it no more says nothing, and does not take the session back.
func TestHolds(t *testing.T) {
	t.Parallel()
	b := startMosquitto(t)
	p := startProxy(t, b.addr)
	o := observe(t, b.addr, "t/#")
	var held atomic.Bool
	held.Store(true)
	cfg := Config{URL: "tcp://" + p.addr, ClientID: "moves", Availability: availability, Holds: held.Load}
	before := start(t, cfg)
	before.online(t)
	held.Store(false)
	said := len(p.log())
	if err := before.Retain("t/state", []byte("of before")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the connection is cut", func() bool { return !before.State().Connected })
	o.wait(t, "t/availability", offline) // the will
	cfg.URL, cfg.Holds = "tcp://"+b.addr, nil
	after := start(t, cfg)
	after.online(t)
	if err := after.Retain("t/state", []byte("of after")); err != nil {
		t.Fatal(err)
	}
	o.wait(t, "t/state", "of after")
	eventually(t, "attempts in vain", func() bool { return before.State().attempts >= 3 })
	before.stop()
	for _, packet := range p.log()[said:] {
		if packet.up {
			t.Errorf("it has sent a packet: %+v", packet)
		}
	}
	if o.count("t/state", "of before") > 0 || !after.State().Connected || after.State().attempts > 0 {
		t.Errorf("%v, %+v", o.seen(), after.State())
	}
	if n := before.reasons()[`this process has the client id "moves" no more`]; n != 1 {
		t.Errorf("logged: %v", before.reasons())
	}
}

// What comes once the client id is another process's is not handled, but left to that one.
func TestHoldsWhatIsHandled(t *testing.T) {
	t.Parallel()
	b := startMosquitto(t)
	o := observe(t, b.addr, "t/#")
	var held atomic.Bool
	held.Store(true)
	var before, after atomic.Int32
	cfg := Config{
		URL: "tcp://" + b.addr, ClientID: "moves", Subscriptions: []Subscription{{Filter: "t/command", QoS: 1}}, Holds: held.Load,
		Handle: func(_ context.Context, d Delivery) { before.Add(1); d.Ack() },
	}
	r := start(t, cfg)
	r.online(t)
	held.Store(false)
	o.publish(t, "t/command", "x", 1, false)
	eventually(t, "the connection is cut", func() bool { return !r.State().Connected })
	cfg.Holds, cfg.Handle = nil, func(_ context.Context, d Delivery) { after.Add(1); d.Ack() }
	start(t, cfg)
	eventually(t, "the command is handled", func() bool { return after.Load() == 1 })
	if n := before.Load(); n != 0 {
		t.Errorf("%d commands were handled by who has the client id no more", n)
	}
}
