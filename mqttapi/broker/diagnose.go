package broker

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// Why a broker hangs up on our will, which is retained and has QoS 1; Mosquitto's settings, which others have under like names:
// https://mosquitto.org/man/mosquitto-conf-5.html
const (
	onlyQoS0 = "the broker takes QoS 0 alone, with which messages are lost: set max_qos to 2 there"
	noRetain = "the broker retains nothing, but state, listings and availability have to be: set retain_available to true there"
	noWill   = "the broker takes no will of ours: set max_qos to 2 and retain_available to true there"
)

// Diagnose tells what the broker has against a will as the bridge's, retained with QoS 1, on topic: brokers that do not take it hang up on
// CONNECT, or on what is retained, without a word. It asks with such a will, without one, and with a lesser one, under other ids. "" when it
// takes it, lets nobody in, or topic is empty. Only once Run is connected or has tried.
func (c *Conn) Diagnose(ctx context.Context, topic string) string {
	takes := func(qos byte, retain bool) bool { return c.takes(ctx, &will{topic, qos, retain}) }
	switch {
	case topic == "", takes(1, true), !c.takes(ctx, nil):
		return ""
	case takes(0, true):
		return onlyQoS0
	case takes(1, false):
		return noRetain
	}
	return noWill
}

type will struct {
	topic  string
	qos    byte
	retain bool
}

// takes reports whether the broker lets a client in that has this will; nil is none.
func (c *Conn) takes(ctx context.Context, w *will) bool {
	conn, err := dial(ctx, c.address, c.cfg.TLS, c.timeouts.connect)
	if err != nil {
		return false
	}
	defer conn.Close() //nolint:errcheck // it has said what it was asked for
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })()
	return conn.SetDeadline(time.Now().Add(c.timeouts.connect)) == nil && c.letsIn(conn, w)
}

func (c *Conn) letsIn(conn net.Conn, w *will) bool {
	// That of another bridge would end ours.
	hello := c.hello(fmt.Sprintf("%s-check-%d", c.cfg.ClientID, rand.N(10_000)), true, w)
	if hello.Write(conn) != nil {
		return false
	}
	answer, err := readPacket(bufio.NewReader(conn))
	yes, ok := answer.(*packets.ConnackPacket)
	if err != nil || !ok || yes.ReturnCode != packets.Accepted {
		return false
	}
	// DISCONNECT, so that the will stays unsaid.
	return packets.NewControlPacket(packets.Disconnect).Write(conn) == nil
}
