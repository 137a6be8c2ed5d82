package broker

import (
	"cmp"
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

// diagnose tells why the broker has hung up on CONNECT, or on what is retained, without a word: it asks without a will, and with a lesser
// one, under other ids. Without a topic for a will it cannot tell, which is "".
func (c *Conn) diagnose(ctx context.Context) string {
	switch {
	case c.willTopic() == "":
		return ""
	case !c.takes(ctx, false, 0, false), c.takes(ctx, true, 1, true):
		return "" // not the will, or it was not ready yet
	case c.takes(ctx, true, 0, true):
		return onlyQoS0
	case c.takes(ctx, true, 1, false):
		return noRetain
	}
	return noWill
}

func (c *Conn) willTopic() string { return cmp.Or(c.cfg.Availability.Topic, c.outbox.first()) }

// takes reports whether the broker lets a client in that has this will, or none.
func (c *Conn) takes(ctx context.Context, will bool, qos byte, retain bool) bool {
	conn, err := dial(ctx, c.address, c.cfg.TLS, c.timeouts.connect)
	if err != nil {
		return false
	}
	defer conn.Close() //nolint:errcheck // it has said what it was asked for
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })()
	return conn.SetDeadline(time.Now().Add(c.timeouts.connect)) == nil && c.letsIn(conn, will, qos, retain)
}

func (c *Conn) letsIn(conn net.Conn, will bool, qos byte, retain bool) bool {
	hello := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	hello.ProtocolName, hello.ProtocolVersion, hello.CleanSession, hello.Keepalive = "MQTT", 4, true, 30
	hello.ClientIdentifier = fmt.Sprintf("%s-check-%d", c.cfg.ClientID, rand.N(10_000)) // that of another bridge would end ours
	hello.UsernameFlag, hello.Username = c.address.User != "", c.address.User
	hello.PasswordFlag, hello.Password = c.address.Password != "", []byte(c.address.Password)
	hello.WillFlag, hello.WillQos, hello.WillRetain = will, qos, retain
	hello.WillTopic, hello.WillMessage = c.willTopic(), []byte(c.cfg.Availability.Offline)
	if hello.Write(conn) != nil {
		return false
	}
	answer, err := packets.ReadPacket(conn)
	yes, ok := answer.(*packets.ConnackPacket)
	if err != nil || !ok || yes.ReturnCode != packets.Accepted {
		return false
	}
	// DISCONNECT, so that the will stays unsaid.
	return packets.NewControlPacket(packets.Disconnect).Write(conn) == nil
}
