package mqttapi

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
)

// Defaults and bounds of a connection.
const (
	// DefaultMaxPublish is well below what any common broker takes: AWS IoT 128 KiB
	// apart, EMQX has 1 MB, Mosquitto from 2.1 on 2,000,000 bytes.
	DefaultMaxPublish = 256 << 10
	// DefaultMaxQoS0 is how many QoS 0 messages are handled at a time.
	DefaultMaxQoS0 = 16
	// maxSends is how many calls of Send are in flight. paho keeps the payload of
	// each in memory, and MQTT has only 65,535 packet ids.
	maxSends = 32
)

// ConnConfig is what a connection needs to know. It must not change afterwards.
type ConnConfig struct {
	// URL is the broker's address, see ParseURL. Needed.
	URL string
	// User and Password take the place of those in URL. Empty: those in URL, else none.
	User, Password string
	// ClientID names the session at the broker. Two connections with the same id throw each other out. Needed unless Clean.
	ClientID string
	// TLS is used for tls and wss addresses. Nil: the system's authorities and TLS 1.2 or newer.
	TLS *tls.Config
	// Clean makes the broker forget subscriptions and waiting messages at every disconnection. Default: it keeps them.
	Clean bool
	// Availability is the topic that says Online or Offline, retained. Empty: none, and no will either.
	Availability string
	// Subscriptions are made at every connection. None is fine.
	Subscriptions []Subscription
	// Handle takes each delivery, in a goroutine of its own, and acknowledges it or leaves it to be delivered again
	// at the next connection. Its context ends when the connection is asked to stop. Needed with Subscriptions. A panic is
	// logged, and the delivery that caused it acknowledged so that it does not come back for ever.
	Handle func(context.Context, Delivery)
	// MaxQoS0 is how many deliveries with QoS 0, which no broker holds back, are handled at a time. Default 16.
	MaxQoS0 int
	// OnBusy takes the QoS 0 deliveries above MaxQoS0. It must return at once. Nil: they are dropped.
	OnBusy func(Delivery)
	// OnState is called when Connected or Reason has changed, one call at a time. It must return soon. May be nil.
	OnState func(ConnState)
	// MaxPublish is the largest payload that is published, in bytes. Default 256 KiB.
	MaxPublish int
	// Log gets one line whenever the Reason changes. Nil: nothing is logged.
	Log *logrus.Entry
}

// Subscription is a topic filter and the most the broker may send with: QoS 1,
// unless losing messages is fine.
type Subscription struct {
	Filter string
	QoS    byte
}

// Conn is a connection to a broker that is made again whenever it is lost. Every
// time it is a new client of the library with an empty store, so no publish of
// an earlier connection is resumed behind the caller's back and an
// acknowledgement always belongs to the connection it came on.
//
// What is given to Retain is sent again on each connection, before Availability
// says Online. All methods may be called from any goroutine, before and during Run.
type Conn struct {
	cfg      ConnConfig
	pace     pace
	retained *ledger
	intake   *intake
	qos0     chan struct{} // one token per QoS 0 delivery in Handle
	sends    chan struct{} // one token per Send in flight
	work     sync.WaitGroup
	broker   Broker   // with the user that counts; set by Run
	troubles troubles // known to Run's goroutine alone

	mu      sync.Mutex // guards what follows, and the strikes of every publication
	state   ConnState
	call    *call         // nil while there is no connection
	changed chan struct{} // closed and replaced when call or over changes
	over    bool
}

// pace holds the connection's intervals, which tests shorten.
type pace struct {
	keepAlive time.Duration // whole seconds
	ping      time.Duration // how long a ping may stay unanswered
	connect   time.Duration // for TCP, TLS and CONNACK together, and for SUBACK
	write     time.Duration // for one packet to leave the machine
	goodbye   time.Duration // for the handlers, and again for the last publishes
	retry     time.Duration // until refused subscriptions are asked for again
	calm      time.Duration // how long a connection lasts that ends a fight for the client id
	backoff   backoff
}

// NewConn makes a connection; Run makes it live.
func NewConn(cfg ConnConfig) *Conn {
	cfg.MaxPublish = cmp.Or(cfg.MaxPublish, DefaultMaxPublish)
	cfg.MaxQoS0 = cmp.Or(cfg.MaxQoS0, DefaultMaxQoS0)
	if cfg.Log == nil {
		silent := logrus.New()
		silent.SetOutput(io.Discard)
		cfg.Log = logrus.NewEntry(silent)
	}
	return &Conn{
		cfg: cfg,
		pace: pace{
			keepAlive: 30 * time.Second,
			ping:      10 * time.Second,
			connect:   10 * time.Second,
			write:     30 * time.Second,
			goodbye:   2 * time.Second,
			retry:     30 * time.Second,
			calm:      time.Minute, // twice the longest pause of a rival like ourselves
			backoff:   backoff{first: time.Second, away: 4 * time.Second, refused: 30 * time.Second},
		},
		retained: newLedger(),
		intake:   newIntake(),
		qos0:     make(chan struct{}, cfg.MaxQoS0),
		sends:    make(chan struct{}, maxSends),
		state:    ConnState{Since: time.Now()},
		changed:  make(chan struct{}),
	}
}

// Run keeps the connection until ctx ends and is called once. Then it takes no
// more deliveries, waits for those in Handle, sends what Retain was given, says
// Offline, and disconnects: at most four seconds, plus what Handle takes longer.
// When the broker does not confirm Offline in time, the connection is cut, so
// that the broker says it. The error is nil unless the configuration is unusable.
func (c *Conn) Run(ctx context.Context) error {
	defer c.finish()
	if err := c.prepare(); err != nil {
		return err
	}
	for ctx.Err() == nil {
		k, err := c.connect(ctx)
		if err == nil {
			err = k.run(ctx)
		}
		if err != nil && ctx.Err() == nil {
			rest(ctx, c.trouble(k, err))
		}
	}
	return nil
}

// prepare checks the configuration.
func (c *Conn) prepare() (err error) {
	if c.broker, err = ParseURL(c.cfg.URL); err != nil {
		return err
	}
	if c.cfg.User != "" {
		c.broker.User, c.broker.Password = c.cfg.User, c.cfg.Password
	}
	if c.cfg.ClientID == "" && !c.cfg.Clean {
		return errors.New("a session that the broker keeps needs a client id")
	}
	if c.cfg.Handle == nil && len(c.cfg.Subscriptions) > 0 {
		return errors.New("subscriptions need a handler")
	}
	if c.cfg.Availability != "" {
		return checkTopic(c.cfg.Availability)
	}
	return nil
}

// rest waits for the pause before the next attempt.
func rest(ctx context.Context, pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// finish leaves nothing running and no Send waiting.
func (c *Conn) finish() {
	c.mu.Lock()
	c.over = true
	c.signal()
	c.mu.Unlock()
	<-c.intake.shut()
	c.work.Wait()
	c.report(false, stopped, nil)
}

// live waits for a connection other than last.
func (c *Conn) live(ctx context.Context, last *call) (*call, error) {
	for {
		c.mu.Lock()
		k, changed, over := c.call, c.changed, c.over
		c.mu.Unlock()
		if over {
			return nil, ErrStopped
		}
		if k != nil && k != last {
			return k, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the broker: %w", context.Cause(ctx))
		}
	}
}

// attach makes a connection the live one; nil when it has ended.
func (c *Conn) attach(k *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.call = k
	c.signal()
}

// signal wakes everyone in live. mu is held.
func (c *Conn) signal() {
	close(c.changed)
	c.changed = make(chan struct{})
}
