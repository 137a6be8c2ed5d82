package mqttapi

import (
	"context"
	"runtime/debug"
	"sync"

	mqtt "github.com/eclipse/paho.mqtt.golang"
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
}

// Ack tells the broker that the message is taken care of. Every delivery needs
// one, also a duplicate and one that is refused: until then it takes up room in the
// broker's window, which is 20 messages with Mosquitto, and comes back with the next connection. An acknowledgement counts only
// on the connection of its delivery; later, and from the second one on, it does nothing.
func (d Delivery) Ack() {
	if d.ack != nil {
		d.ack()
	}
}

// receive runs in a goroutine that paho starts for each message.
func (c *Conn) receive(ctx context.Context, m mqtt.Message) {
	if !c.intake.enter() {
		return // not acknowledged, so it comes back after a restart
	}
	defer c.intake.leave()
	d := Delivery{
		Topic:     m.Topic(),
		Payload:   m.Payload(),
		Retained:  m.Retained(),
		Duplicate: m.Duplicate(),
		QoS:       m.Qos(),
		PacketID:  m.MessageID(),
		ack:       m.Ack,
	}
	defer c.survive(d)
	if d.QoS > 0 {
		c.handle(ctx, d)
		return
	}
	select {
	case c.qos0 <- struct{}{}:
		defer func() { <-c.qos0 }()
		c.handle(ctx, d)
	default:
		if c.cfg.OnBusy != nil {
			c.cfg.OnBusy(d)
		}
	}
}

// handle acknowledges what nobody handles: a session may hold messages for
// subscriptions of an earlier configuration.
func (c *Conn) handle(ctx context.Context, d Delivery) {
	if c.cfg.Handle == nil {
		d.Ack()
		return
	}
	c.cfg.Handle(ctx, d)
}

// survive keeps a handler's panic from ending the process. The delivery is
// acknowledged, because it would cause the same panic at every connection.
func (c *Conn) survive(d Delivery) {
	cause := recover()
	if cause == nil {
		return
	}
	c.cfg.Log.WithFields(logrus.Fields{"topic": d.Topic, "bytes": len(d.Payload), "panic": cause, "stack": string(debug.Stack())}).
		Error("handler of a delivery panicked")
	d.Ack()
}

// intake counts the deliveries being handled and can be shut.
type intake struct {
	idle chan struct{} // closed once shut and empty

	mu      sync.Mutex
	running int
	closed  bool
}

func newIntake() *intake { return &intake{idle: make(chan struct{})} }

func (i *intake) enter() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		return false
	}
	i.running++
	return true
}

func (i *intake) leave() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.running--
	if i.closed && i.running == 0 {
		close(i.idle)
	}
}

// shut lets no more deliveries in; the channel is closed when the last is out.
func (i *intake) shut() <-chan struct{} {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.closed {
		i.closed = true
		if i.running == 0 {
			close(i.idle)
		}
	}
	return i.idle
}

// WithAck returns the delivery with another way to acknowledge it, for a command that no connection has brought.
func (d Delivery) WithAck(ack func()) Delivery {
	d.ack = ack
	return d
}
