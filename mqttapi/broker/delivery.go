package broker

import (
	"context"
	"runtime/debug"
	"sync"

	"github.com/eclipse/paho.mqtt.golang/packets"
	"github.com/sirupsen/logrus"
)

// Delivery is one message as the broker delivered it.
type Delivery struct {
	Topic     string
	Payload   []byte // must not be changed; keep no part of it longer than needed
	Retained  bool   // sent because the broker had stored it, not because it was published now
	Duplicate bool   // the broker has delivered this before and saw no acknowledgement
	QoS       byte
	PacketID  uint16 // the broker's number while the message is unacknowledged; 0 with QoS 0
	ack       func()
	release   func() // gives up the payload
}

// Ack tells the broker that the message is taken care of. Every delivery needs one, also a duplicate and one that is refused: until then
// it takes up room in the broker's window, which is 20 messages with Mosquitto, and comes back with the next connection. An
// acknowledgement counts only on the connection of its delivery; later, and from the second one on, it does nothing.
func (d Delivery) Ack() {
	if d.ack != nil {
		d.ack()
	}
}

// Release gives the payload up, before anything that waits for the broker: while those in hand are many, nothing is read from it. The end of
// Handle does the same.
func (d *Delivery) Release() {
	d.Payload = nil
	if d.release != nil {
		d.release()
	}
}

// WithAck returns the delivery with another way to acknowledge it, for one that no connection has brought.
func (d Delivery) WithAck(ack func()) Delivery {
	d.ack = ack
	return d
}

// delivery does not hold the payload until it is acknowledged.
func (c *Conn) delivery(t *transport, m *packets.PublishPacket) Delivery {
	n := len(m.Payload)
	c.intake.came(n)
	d := Delivery{
		Topic: m.TopicName, Payload: m.Payload, Retained: m.Retain, Duplicate: m.Dup, QoS: m.Qos, PacketID: m.MessageID,
		release: sync.OnceFunc(func() { c.intake.gone(n, false) }),
	}
	if a := t.expect(m, c.timeouts.ack); a != nil {
		d.ack = a.give
	}
	return d
}

func (s *session) deliver(ctx context.Context, d Delivery) {
	switch {
	case s.checked(d):
		d.Ack()
		d.Release()
	case s.conn.cfg.Ordered:
		s.conn.receive(ctx, d)
	case d.QoS == 0:
		s.conn.handlers.Go(func() { s.conn.receive(ctx, d) })
	default:
		s.waiting = append(s.waiting, d)
		s.handle(ctx)
	}
}

// handle gives what waits to handlers, at most maxHandled at a time.
func (s *session) handle(ctx context.Context) {
	c := s.conn
	for len(s.waiting) > 0 && c.handling < maxHandled {
		d := s.waiting[0]
		s.waiting[0] = Delivery{}
		s.waiting = s.waiting[1:]
		c.handling++
		c.handlers.Go(func() {
			defer func() { c.handled <- struct{}{} }()
			c.receive(ctx, d)
		})
	}
}

// receive hands a delivery to its handler. Nothing here holds the payload while the handler waits for the broker: see Release.
func (c *Conn) receive(ctx context.Context, d Delivery) {
	topic, n, ack := d.Topic, len(d.Payload), d.ack
	c.intake.handed()
	release := sync.OnceFunc(func() { c.intake.gone(n, true) })
	d.release = release
	defer release()
	defer func() { // a panic would come again with the delivery, at every connection
		if cause := recover(); cause != nil {
			c.cfg.Log.WithFields(logrus.Fields{"topic": topic, "bytes": n, "panic": cause, "stack": string(debug.Stack())}).
				Error("handler of a delivery panicked")
			ack()
		}
	}()
	if c.cfg.Handle == nil { // the broker may hold messages for subscriptions of an earlier configuration
		d.Ack()
		return
	}
	if d.QoS == 0 {
		select {
		case c.qos0 <- struct{}{}:
			defer func() { <-c.qos0 }()
		default:
			if c.cfg.OnBusy != nil {
				c.cfg.OnBusy(d)
			}
			return
		}
	}
	if !c.cfg.Holds() { // not acknowledged either: it is for who has the client id now
		return
	}
	c.cfg.Handle(ctx, d)
}
