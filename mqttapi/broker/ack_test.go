package broker

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// sender answers SUBSCRIBE with so many messages behind, numbered from 1, and tells which are acknowledged.
func sender(t *testing.T, messages int) (*fake, <-chan uint16) {
	t.Helper()
	acks := make(chan uint16, messages)
	f := startFake(t, func(_ string, p packets.ControlPacket) ([]packets.ControlPacket, bool) {
		answers := plainly(p, false)
		switch v := p.(type) {
		case *packets.SubscribePacket:
			for i := range messages {
				m := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
				m.TopicName, m.Qos, m.MessageID, m.Payload = "t/in", 1, uint16(i+1), fmt.Append(nil, i+1)
				answers = append(answers, m)
			}
		case *packets.PubackPacket:
			acks <- v.MessageID
		}
		return answers, true
	})
	return f, acks
}

// Handlers end in any order; brokers may hang up on acknowledgements that are not in that of the messages, as rumqttd does.
func TestAcksAreInOrder(t *testing.T) {
	t.Parallel()
	const messages = 30
	f, acks := sender(t, messages)
	turn := make([]chan struct{}, messages+1)
	for i := range turn {
		turn[i] = make(chan struct{})
	}
	close(turn[messages])
	start(t, Config{
		URL: "tcp://" + f.addr, ClientID: "worker", Subscriptions: []Subscription{{Filter: "t/in", QoS: 1}},
		Handle: func(_ context.Context, d Delivery) { // the last message is done first
			<-turn[d.PacketID]
			d.Ack()
			close(turn[d.PacketID-1])
		},
	}, func(tm *timeouts) { tm.ack = patience })
	for want := range uint16(messages) {
		if got := receiveFrom(t, "an acknowledgement", acks); got != want+1 {
			t.Fatalf("acknowledged %d, want %d", got, want+1)
		}
	}
}

// One command that takes minutes, or is left to come again, must not stop those behind it.
func TestSlowAckHoldsUpOthersForAWhile(t *testing.T) {
	t.Parallel()
	f, acks := sender(t, 5)
	slow := make(chan struct{})
	c := start(t, Config{
		URL: "tcp://" + f.addr, ClientID: "worker", Subscriptions: []Subscription{{Filter: "t/in", QoS: 1}},
		Handle: func(_ context.Context, d Delivery) {
			if d.PacketID == 1 {
				<-slow
			}
			if d.PacketID != 2 {
				d.Ack()
			}
		},
	}, func(tm *timeouts) { tm.ack = 100 * time.Millisecond })
	got := map[uint16]bool{}
	for range 3 {
		got[receiveFrom(t, "an acknowledgement", acks)] = true
	}
	if !got[3] || !got[4] || !got[5] {
		t.Errorf("acknowledged %v, want 3, 4 and 5", got)
	}
	close(slow)
	if id := receiveFrom(t, "the slow one's", acks); id != 1 {
		t.Errorf("acknowledged %d, want 1", id)
	}
	c.stop()
	if len(acks) > 0 {
		t.Errorf("acknowledged %d, too", <-acks)
	}
}

// Brokers count their packets from 1. mochi takes a packet of ours for an answer to one of its own that has the same number, and forgets that.
func TestPacketNumbersAreNotTheBrokers(t *testing.T) {
	t.Parallel()
	seen := make(chan uint16, 10)
	f := startFake(t, func(_ string, p packets.ControlPacket) ([]packets.ControlPacket, bool) {
		if d := p.Details(); d.MessageID > 0 {
			seen <- d.MessageID
		}
		return plainly(p, false), true
	})
	start(t, Config{
		URL: "tcp://" + f.addr, ClientID: "writer", Availability: availability,
		Subscriptions: []Subscription{{Filter: "t/in", QoS: 1}}, Handle: func(context.Context, Delivery) {},
	})
	for _, what := range []string{"SUBSCRIBE", "PUBLISH"} {
		if id := receiveFrom(t, what, seen); id < 1<<15 {
			t.Errorf("%s has number %d", what, id)
		}
	}
	s := &session{last: 65535}
	if n := s.number(); n < 1<<15 {
		t.Errorf("the number after the last is %d", n)
	}
}

// mochi answers with codes of MQTT 5.
func TestOtherRefusals(t *testing.T) {
	t.Parallel()
	f := startFake(t, func(_ string, p packets.ControlPacket) ([]packets.ControlPacket, bool) {
		answers := plainly(p, false)
		for _, a := range answers {
			if granted, ok := a.(*packets.SubackPacket); ok {
				granted.ReturnCodes = []byte{0x87} // not authorized
			}
		}
		return answers, true
	})
	c := start(t, Config{
		URL: "tcp://" + f.addr, ClientID: "denied", Availability: availability,
		Subscriptions: []Subscription{{Filter: "t/in", QoS: 1}}, Handle: func(context.Context, Delivery) {},
	})
	eventually(t, "the reason", func() bool { return strings.HasSuffix(c.State().Reason, "subscribe to t/in") })
}
