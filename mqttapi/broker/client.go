package broker

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// What goes over the wire of a session: CONNECT, SUBSCRIBE and PUBLISH with QoS 1, PINGREQ, DISCONNECT, and the answers; messages come with
// any QoS, as a session may hold some for subscriptions of an earlier program.
// https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html

// readAhead is what one read takes of small packets, in bytes: most come whole. Larger ones are read in place.
const readAhead = 512

// connect makes one attempt: one TCP connection, one CONNECT, one CONNACK. A session that failed is also returned, for how far it came.
func (c *Conn) connect(ctx context.Context) (*session, error) {
	s := &session{conn: c, answers: make(chan packets.ControlPacket), pass: func() {}}
	defer func() { s.began = time.Now() }()
	if err := c.cfg.Turns.Take(ctx); err != nil {
		return s, err
	}
	s.pass = sync.OnceFunc(c.cfg.Turns.Give)
	if !c.cfg.Holds() {
		return s, errNotHeld
	}
	network, err := dial(ctx, c.address, c.cfg.TLS, c.timeouts.connect)
	if err != nil {
		return s, err
	}
	s.transport = newTransport(network, c.timeouts.write, &c.intake, c.cfg.Holds)
	defer context.AfterFunc(ctx, func() { s.transport.fail(context.Cause(ctx)) })()
	in := bufio.NewReaderSize(s.transport, readAhead)
	if err = s.greet(in); err == nil {
		s.accepted = true
		c.kept.begin(c, s.present)
		s.transport.running.Go(func() { s.read(ctx, in) })
		return s, nil
	}
	cause := s.transport.cause()
	s.transport.running.Wait()
	if s.refused == 0 {
		err = fmt.Errorf("wait for the broker's first answer: %w", cause)
		if hungUp(err) && ctx.Err() == nil {
			if s.diagnosis = c.Diagnose(ctx, c.cfg.Availability.Topic); s.diagnosis == "" {
				s.shunned = !c.cfg.Clean && c.takes(ctx, nil)
			}
		}
	}
	return s, err
}

// greet sends CONNECT and takes in CONNACK. There is no second try with MQTT 3.1: it would double every refused login.
func (s *session) greet(in *bufio.Reader) error {
	c := s.conn
	if err := s.transport.SetReadDeadline(time.Now().Add(c.timeouts.connect)); err != nil {
		return err
	}
	var last *will
	if a := c.cfg.Availability; a.Topic != "" {
		last = &will{a.Topic, 1, true}
	}
	s.send(c.hello(c.cfg.ClientID, c.cfg.Clean, last))
	packet, err := readPacket(in)
	if err != nil {
		return err
	}
	answer, ok := packet.(*packets.ConnackPacket)
	switch {
	case !ok:
		return errors.New("the first packet is no CONNACK")
	case answer.ReturnCode != packets.Accepted:
		s.refused = answer.ReturnCode
		return cmp.Or(packets.ConnErrors[answer.ReturnCode], fmt.Errorf("refused with code %d", answer.ReturnCode))
	}
	s.present = answer.SessionPresent
	return s.transport.SetReadDeadline(time.Time{})
}

// hello is a CONNECT with the user of the address.
func (c *Conn) hello(id string, clean bool, last *will) *packets.ConnectPacket {
	p := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	p.ProtocolName, p.ProtocolVersion, p.ClientIdentifier, p.CleanSession = "MQTT", 4, id, clean
	p.Keepalive = uint16(c.timeouts.keepAlive / time.Second) //nolint:gosec // a constant
	p.UsernameFlag, p.Username = c.address.User != "", c.address.User
	p.PasswordFlag, p.Password = c.address.Password != "", []byte(c.address.Password)
	if last != nil {
		p.WillFlag, p.WillTopic, p.WillMessage = true, last.topic, []byte(c.cfg.Availability.Offline)
		p.WillQos, p.WillRetain = last.qos, last.retain
	}
	return p
}

// read takes what comes until the connection ends. Deliveries go to Run's goroutine at once, so that no answer is held up behind them.
func (s *session) read(ctx context.Context, in *bufio.Reader) {
	for {
		packet, err := readPacket(in)
		if err != nil {
			s.transport.fail(errClosed) // unless the connection has ended before
			return
		}
		m, ok := packet.(*packets.PublishPacket)
		if !ok {
			select {
			case s.answers <- packet:
				continue
			case <-s.transport.gone:
				return
			}
		}
		d := s.conn.delivery(s.transport, m)
		select {
		case s.conn.deliveries <- d:
		case <-s.transport.gone: // not acknowledged, so it comes back
			d.Release()
			return
		case <-ctx.Done():
			d.Release()
		}
	}
}

// send hands a packet over. Who is to know that the connection has ended learns it from the transport.
func (s *session) send(packet packets.ControlPacket) { _ = packet.Write(s.transport) }

// take takes in what the broker answers.
func (s *session) take(answer packets.ControlPacket) {
	switch p := answer.(type) {
	case *packets.PubackPacket:
		s.confirm(p.MessageID)
	case *packets.PubrelPacket: // also of a message that came before the connection
		done := packets.NewControlPacket(packets.Pubcomp).(*packets.PubcompPacket)
		done.MessageID = p.MessageID
		s.send(done)
	case *packets.SubackPacket:
		if s.awaiting && p.MessageID == s.asked {
			s.subscribed(p.ReturnCodes)
		}
	case *packets.PingrespPacket:
		s.pinged = false
		s.unconfirmed()
		s.beats.Reset(s.conn.timeouts.keepAlive)
	}
}

// beat asks for a sign of life, and ends the connection when nothing has come since it last did: what comes may hold up the answer.
func (s *session) beat() {
	read := s.transport.read.Load()
	if s.pinged && read == s.heard {
		s.transport.fail(errClosed)
		return
	}
	s.pinged, s.pingedAt, s.heard = true, time.Now(), read
	s.send(packets.NewControlPacket(packets.Pingreq))
	s.beats.Reset(s.conn.timeouts.ping)
}

// publish sends with QoS 1 and returns the packet's number.
func (s *session) publish(topic string, payload []byte, retained bool) uint16 {
	p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	p.TopicName, p.Payload, p.Retain, p.Qos, p.MessageID = topic, payload, retained, 1, s.number()
	s.send(p)
	return p.MessageID
}

// ask sends SUBSCRIBE and returns the packet's number.
func (s *session) ask(subscriptions ...Subscription) uint16 {
	p := packets.NewControlPacket(packets.Subscribe).(*packets.SubscribePacket)
	p.MessageID = s.number()
	for _, sub := range subscriptions {
		p.Topics, p.Qoss = append(p.Topics, sub.Filter), append(p.Qoss, sub.QoS)
	}
	s.send(p)
	return p.MessageID
}

// firstNumber is above those that brokers give to what they deliver, from 1 on: mochi takes a packet of ours for the answer to one of its own
// that has the same number.
const firstNumber = 1 << 15

// number is one that no packet has that is in flight. https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html#_Toc398718025
func (s *session) number() uint16 {
	for s.last++; s.last < firstNumber || s.flying(s.last) >= 0; {
		s.last = max(s.last+1, firstNumber)
	}
	return s.last
}

// leave disconnects, so that the will stays unsaid, and waits until all of the session has ended.
func (s *session) leave() {
	s.transport.settle()
	s.send(packets.NewControlPacket(packets.Disconnect))
	s.transport.fail(errClosed)
	s.transport.running.Wait()
}
