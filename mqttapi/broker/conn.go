// Package broker is one connection to an MQTT 3.1.1 broker, made again whenever it is lost.
//
// It speaks MQTT by itself, over the packets of paho.mqtt.golang. Paho's client has ten goroutines and a tick of 5 s for each connection, and
// of what it offers next to nothing could be used: its reconnection resumes old publishes behind newer ones, completes tokens that the broker
// never confirmed, and sends what made the broker hang up for ever; a publish waits for a peer that has stopped reading
// (https://github.com/eclipse-paho/paho.mqtt.golang/issues/723). Here a session keeps nothing, what is to be sent again is in the outbox, and
// an acknowledgement always belongs to the connection it came on.
//
// # What waits and tries again
//
//	what                                     when again, and until when
//	connect: lost, or nobody answers         after 1, 2, 4, 4… s, half of each at random, until Run ends; a session starts it anew
//	connect: refused by the broker           after 1, 2, 4, 8, 16, 30, 30… s, half of each at random, until Run ends
//	connect: another client has the id, or   as if refused, from the third session in a row that was cut within 2 s;
//	  what the broker keeps for it is broken over once a session has lasted a minute
//	SUBSCRIBE: a filter is refused           after 30 s on the same connection, Availability says Offline meanwhile
//	SUBSCRIBE: no answer in 10 s             with the next connection
//	PINGREQ: every 30 s, nothing in 10 s     with the next connection; so also when 64 KiB do not leave in 30 s
//	PUBLISH: not acknowledged in a minute    with the next connection, when pings are answered all the same
//	a retained value                         on each new connection, and at Refresh; a topic has one value in flight at a time
//	Send and Clear                           on each new connection until acknowledged or their context ends
//	either, at least 4 KiB, when the         on the next connection; after the third time it is quarantined: Send fails, a
//	  broker hangs up within 2 s of it       retained topic is skipped until it gets a smaller value, and Limit is lower; all of
//	                                         that until a connection of a minute ends, and then once is enough
//	a delivery without Ack                   by the broker, with the next connection
//	an Ack before those of earlier ones      once they are given, or after 5 s: MQTT asks for their order
//	reading, with more than 2 MiB of          once there is room, or after 5 s: acknowledgements may be behind what is not read
//	  payloads here, some with handlers
//	the end of Run                           not again: 2 s for handlers, 2 s for the last publishes, then the will speaks
//
// # Goroutines and locks
//
// Run's goroutine owns the session and decides everything; who reads from the transport, who writes to it while there is something to send,
// and the handlers of deliveries are the only others, and Run waits for them. The outbox and the transport have a lock each, which is never
// held across I/O or a callback.
package broker

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"

	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/bridge/wake"
)

const (
	// defaultMaxPublish is below what common brokers take, AWS IoT's 128 KiB apart: EMQX 1 MiB, Mosquitto from 2.1 on 2 MB.
	defaultMaxPublish = 1_000_000
	// maxHandled is how many deliveries with QoS 1 are handled at a time: some brokers send thousands ahead of their acknowledgements.
	maxHandled = 64
	maxQoS0    = 16 // maxQoS0 is how many deliveries with QoS 0, which no broker holds back, are handled at a time.
)

// Config is what a connection needs to know. It must not change afterwards.
type Config struct {
	URL           string         // the broker's address, see ParseURL; needed
	User          string         // takes the place of the one in URL, with Password; empty: what stands there, else none
	Password      secret.Text    // of User
	ClientID      string         // names the session: two connections with one id throw each other out; needed unless Clean
	TLS           *tls.Config    // for tls and wss; nil: the system's authorities and TLS 1.2 or newer
	Clean         bool           // the broker forgets subscriptions and waiting messages at every disconnection; default: it keeps them
	Resumes       bool           // without Clean: an earlier run had a session of ClientID, and it is told when the broker has it no more
	Availability  Availability   // what is said of the connection; zero: nothing, and no will either
	Subscriptions []Subscription // made at every connection; none is fine
	// Handle takes each delivery, in a goroutine of its own, and acknowledges it or leaves it to come again with the next connection.
	// Its context ends when the connection is asked to stop. A panic is logged and its delivery acknowledged. Needed with Subscriptions.
	Handle     func(context.Context, Delivery)
	Ordered    bool           // Handle gets one delivery after another as the broker sent them, holds everything up, and must return at once
	OnBusy     func(Delivery) // takes the QoS 0 deliveries above 16 at a time and returns at once; nil: they are dropped
	OnState    func(State)    // called when Connected or Reason has changed, one call at a time; must return soon; may be nil
	MaxPublish int            // largest payload that is published, in bytes; default 1,000,000
	// Holds reports whether this process still has the client id for its own. It is asked before each connection and each packet: once it
	// says no, nothing more is sent or handled, and the connection is cut, so that the will speaks. nil: always.
	Holds func() bool
	// Turns bound how many of the connections that share them are being made at a time, from the first packet until Online is confirmed, or
	// for 10 s: a broker that has just started does not get a thousand at once, each with all that it retains. nil: any number.
	Turns wake.Turns
	Log   *logrus.Entry // gets one line whenever the Reason changes; needed
}

// Availability is a retained topic: Online after everything else is out, Offline at a stop and, as the will, when the connection breaks.
type Availability struct{ Topic, Online, Offline string }

// Subscription is a topic filter and the most the broker may send with: QoS 1, unless losing messages is fine.
type Subscription struct {
	Filter   string
	QoS      byte
	Optional bool // that the broker refuses it is no fault: nothing is received there
	// Check is a topic of the filter on which, after Online, a message to itself is sent: when nothing comes of the filter in 10 s, the
	// broker withholds a right without a word, and the Reason says which; longer while other messages are on their way. After two sessions
	// that the broker has ended with it, the next does without. Empty: not checked.
	Check string
}

// Conn is a connection to a broker. Retained values are sent again on each, before Online. Methods: any goroutine, before and during Run.
type Conn struct {
	cfg        Config
	timeouts   timeouts
	outbox     *outbox
	intake     intake        // of all sessions
	deliveries chan Delivery // from the session's reader to Run's goroutine
	qos0       chan struct{} // one token per QoS 0 delivery in Handle
	// What follows belongs to Run's goroutine.
	address  Address // with the user that counts
	failures failures
	kept     kept
	handlers sync.WaitGroup
	handling int                   // deliveries with QoS 1 in Handle
	handled  chan struct{}         // one for each that has ended
	state    atomic.Pointer[State] // changed by Run's goroutine alone
}

// timeouts are a connection's intervals, which tests shorten.
type timeouts struct {
	keepAlive, ping, connect, write, ack, confirm, shutdown, subscribe, check, stable, first, away, refused time.Duration
}

var defaultTimeouts = timeouts{
	keepAlive: 30 * time.Second, // whole seconds
	ping:      10 * time.Second, // how long a ping may stay unanswered
	connect:   10 * time.Second, // for TCP, TLS and CONNACK together, and for SUBACK
	write:     30 * time.Second, // for one packet to leave the machine
	ack:       5 * time.Second,  // that an acknowledgement waits for those before it
	confirm:   time.Minute,      // for a publish to be acknowledged, where pings are answered
	shutdown:  2 * time.Second,  // for the handlers, and again for the last publishes
	subscribe: 30 * time.Second, // until refused subscriptions are asked for again
	check:     10 * time.Second, // for a message to itself to come back
	stable:    time.Minute,      // a session that lasts so long ends a client id conflict: twice the longest pause
	first:     time.Second,      // pause after a loss, doubled with each failure
	away:      4 * time.Second,  // longest pause when nobody answers: a broker that comes back is to be found within 5 s
	refused:   30 * time.Second, // longest pause when the broker will not have us: asking more often makes things worse
}

// New makes a connection; Run makes it live.
func New(cfg Config) *Conn {
	cfg.MaxPublish = cmp.Or(cfg.MaxPublish, defaultMaxPublish)
	if cfg.Holds == nil {
		cfg.Holds = func() bool { return true }
	}
	c := &Conn{
		cfg: cfg, timeouts: defaultTimeouts, outbox: newOutbox(), deliveries: make(chan Delivery), qos0: make(chan struct{}, maxQoS0),
		handled: make(chan struct{}, maxHandled),
	}
	c.state.Store(&State{Since: time.Now()})
	c.kept.expected = cfg.Resumes
	return c
}

// Run keeps the connection until ctx ends and is called once. Then it takes no more deliveries, waits for those in Handle, sends what
// Retain was given, says Offline, and disconnects: at most four seconds, plus what Handle takes longer. When the broker does not confirm
// Offline in time, the connection is cut, so that the broker says it. The error is nil unless the configuration is unusable.
func (c *Conn) Run(ctx context.Context) error {
	defer func() {
		c.outbox.close()
		c.handlers.Wait()
		c.report(false, stopped, nil)
	}()
	if err := c.prepare(); err != nil {
		return err
	}
	for ctx.Err() == nil {
		s, err := c.connect(ctx)
		if err == nil {
			err = s.run(ctx)
		}
		s.pass()
		if err != nil && ctx.Err() == nil {
			_ = wake.Sleep(ctx, nil, c.disconnected(ctx, s, err))
		}
	}
	return nil
}

func (c *Conn) prepare() (err error) {
	if c.address, err = ParseURL(c.cfg.URL); err != nil {
		return err
	}
	if c.cfg.User != "" {
		c.address.User, c.address.Password = c.cfg.User, c.cfg.Password
	}
	switch topic := c.cfg.Availability.Topic; {
	case c.cfg.ClientID == "" && !c.cfg.Clean:
		return errors.New("a session that the broker keeps needs a client id")
	case c.cfg.Handle == nil && len(c.cfg.Subscriptions) > 0:
		return errors.New("subscriptions need a handler")
	case topic != "":
		return c.check(topic, nil)
	}
	return nil
}
