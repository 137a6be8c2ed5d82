package broker

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// forgotten is how often it was logged that the broker has not kept a session.
func (r *running) forgotten() (n int) {
	for _, e := range r.logs.AllEntries() {
		if e.Message == "broker has not kept the session" {
			n++
		}
	}
	return n
}

// Brokers may keep no sessions, such as amqtt, or none over a restart: what was published meanwhile is lost, and nobody else can tell.
func TestForgottenSession(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		clean, resumes bool
		present        []bool // of each connection
		want           []int  // lines of log after each
	}{
		"kept":              {false, false, []bool{false, true, true}, []int{0, 0, 0}},
		"never kept":        {false, false, []bool{false, false, false}, []int{0, 1, 1}},
		"forgotten at last": {false, true, []bool{true, false, true, false}, []int{0, 1, 1, 2}},
		"of a run before":   {false, true, []bool{false, true}, []int{1, 1}},
		"none is wanted":    {true, false, []bool{false, false}, []int{0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var n atomic.Int32
			f := startFake(t, func(_ string, p packets.ControlPacket) ([]packets.ControlPacket, bool) {
				present := false
				if _, ok := p.(*packets.ConnectPacket); ok {
					present = test.present[min(int(n.Add(1)), len(test.present))-1]
				}
				return plainly(p, present), true
			})
			c := start(t, Config{
				URL: "tcp://" + f.addr, ClientID: "keeper", Clean: test.clean, Resumes: test.resumes, Availability: availability,
				Subscriptions: []Subscription{{Filter: "t/in", QoS: 1}}, Handle: func(_ context.Context, d Delivery) { d.Ack() },
			})
			for i, want := range test.want {
				eventually(t, "the connection", func() bool { return c.State().Connected && f.connections("keeper") == i+1 })
				if got := c.forgotten(); got != want {
					t.Errorf("connection %d: %d lines, want %d", i+1, got, want)
				}
				if i+1 < len(test.want) {
					f.cut()
					eventually(t, "the loss", func() bool { return !c.State().Connected })
				}
			}
		})
	}
}

// A broker that cannot go on with a session, such as mochi with one from its disk, hangs up on that id alone, before or after it has let it in.
func TestBrokenSession(t *testing.T) {
	t.Parallel()
	const broken = `what the broker keeps for the id "keeper" seems to be broken, as it hangs up on it at once and lets others in: see its log, ` +
		`and end that session there, with the commands that wait in it`
	for name, test := range map[string]struct {
		answers bool // to CONNECT
		serves  bool // SUBSCRIBE
		want    string
	}{
		"before CONNACK": {false, false, broken},
		"after CONNACK":  {true, false, broken},
		"after SUBACK":   {true, true, `another client uses the id "keeper"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startFake(t, func(id string, p packets.ControlPacket) ([]packets.ControlPacket, bool) {
				answers := plainly(p, true)
				_, hello := p.(*packets.ConnectPacket)
				if id == "keeper" && hello && !test.answers {
					answers = nil
				}
				return answers, id != "keeper" || hello && test.serves
			})
			c := start(t, Config{
				URL: "tcp://" + f.addr, ClientID: "keeper", Availability: availability,
				Subscriptions: []Subscription{{Filter: "t/in", QoS: 1}}, Handle: func(_ context.Context, d Delivery) { d.Ack() },
			})
			eventually(t, "the reason", func() bool { return c.State().Reason == test.want })
			before := f.connections("keeper")
			eventually(t, "more attempts", func() bool { return f.connections("keeper") > before+3 })
			if n := c.reasons()[test.want]; n != 1 || c.State().Reason != test.want {
				t.Errorf("%d lines %q, want one, and then the same: %v", n, test.want, c.reasons())
			}
		})
	}
}

// A broker may lose an acknowledgement, as Moquette does, or give none for what there is no right for.
func TestUnconfirmed(t *testing.T) {
	t.Parallel()
	var connections atomic.Int32
	f := startFake(t, func(_ string, p packets.ControlPacket) ([]packets.ControlPacket, bool) {
		if _, ok := p.(*packets.ConnectPacket); ok {
			connections.Add(1)
		}
		if m, ok := p.(*packets.PublishPacket); ok && m.TopicName == "t/state" && connections.Load() <= 2 {
			return nil, true
		}
		return plainly(p, false), true
	})
	c := start(t, Config{URL: "tcp://" + f.addr, ClientID: "writer", Clean: true, Availability: availability}, func(tm *timeouts) {
		tm.keepAlive, tm.confirm = 20*time.Millisecond, 200*time.Millisecond
	})
	for i := range 3 {
		if err := c.Retain(fmt.Sprint("t/", i), []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Retain("t/state", []byte("x")); err != nil {
		t.Fatal(err)
	}
	reason := "the broker does not confirm what a client without a user publishes on t/state: give it the right to write there"
	eventually(t, "the reason", func() bool { return c.State().Reason == reason })
	c.online(t)
	if s := c.State(); s.Reason != "" || f.connections("writer") != 3 {
		t.Errorf("state %+v, %d connections", s, f.connections("writer"))
	}
	if n := c.reasons()[reason]; n != 1 {
		t.Errorf("%d lines %q, want 1", n, reason)
	}
}
