package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

const (
	denied  = 0x80 // a refused subscription: https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html#_Toc398718071
	quiesce = 250  // milliseconds for DISCONNECT to leave
)

// session is one connection to the broker, from CONNECT to its end. It belongs to Run's goroutine.
type session struct {
	conn      *Conn
	client    mqtt.Client
	transport *transport // nil when there was no network connection
	began     time.Time  // when the attempt ended, one way or the other
	accepted  bool       // CONNACK said yes
	refused   byte       // CONNACK's reason (https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html#_Table_3.1_-)
	diagnosis string     // why the broker hung up on CONNECT, if it can be told
	suback    *mqtt.SubscribeToken
	answered  <-chan struct{}  // suback's; nil while no answer is awaited
	timer     <-chan time.Time // until an answer is overdue, or until the next question
	granted   bool             // all subscriptions stand
	lowered   bool             // with less than the QoS that was asked for
	announced bool             // Online is on its way or out
	up        bool             // Online is confirmed
	window    []inFlight       // what is sent and not confirmed
	ended     chan inFlight    // what paho is through with
	checking  selfCheck
	waiting   []Delivery // for a handler; they come again with the next connection
}

type inFlight struct {
	*publication
	token mqtt.Token
	at    time.Time
}

// run carries the session until it is lost, which is the error, or ctx ends.
func (s *session) run(ctx context.Context) error {
	c := s.conn
	defer func() {
		for _, d := range s.waiting {
			d.Release()
		}
	}()
	c.outbox.begin(c.cfg.Availability.Topic)
	s.subscribe()
	stable := time.After(c.timeouts.stable)
	for {
		s.announce()
		s.fill()
		select {
		case d := <-c.deliveries:
			s.deliver(ctx, d)
		case <-c.handled:
			c.handling--
			s.handle(ctx)
		case <-s.answered:
			s.subscribed()
		case <-s.timer:
			if s.answered == nil {
				s.subscribe()
			} else {
				s.transport.fail(errors.New("the broker does not answer SUBSCRIBE"))
			}
		case f := <-s.ended:
			s.confirm(f)
		case <-s.checking.over:
			s.overdue()
		case <-c.outbox.changed:
		case <-stable:
			c.failures = failures{}
			s.report()
		case <-s.transport.gone:
			s.client.Disconnect(quiesce) // paho takes the client apart before the next begins
			return s.transport.cause()
		case <-ctx.Done():
			s.shutdown()
			return nil
		}
	}
}

func (s *session) subscribe() {
	filters := map[string]byte{}
	for _, sub := range s.conn.cfg.Subscriptions {
		filters[sub.Filter] = sub.QoS
	}
	if s.granted = len(filters) == 0; s.granted {
		return
	}
	s.suback = s.client.SubscribeMultiple(filters, nil).(*mqtt.SubscribeToken)
	s.answered, s.timer = s.suback.Done(), time.After(s.conn.timeouts.connect)
}

// subscribed reads the answer. paho reports a refused subscription as a success.
func (s *session) subscribed() {
	s.answered, s.timer = nil, nil
	if err := s.suback.Error(); err != nil {
		s.transport.fail(fmt.Errorf("subscribe: %w", err))
		return
	}
	var refused []string
	for _, sub := range s.conn.cfg.Subscriptions {
		code, ok := s.suback.Result()[sub.Filter]
		if (!ok || code == denied) && !sub.Optional {
			refused = append(refused, sub.Filter)
		}
		s.lowered = s.lowered || ok && code < sub.QoS
	}
	if s.granted = refused == nil; s.granted {
		return
	}
	// Stay, so that what is to be sent goes out and whoever mends the broker's access list need not restart anything here.
	s.timer = time.After(s.conn.timeouts.subscribe)
	s.availability(s.conn.cfg.Availability.Offline)
	s.conn.report(false, "the broker does not let "+s.conn.address.login()+" subscribe to "+strings.Join(refused, " and "), nil)
}

// announce says Online once all subscriptions stand and everything that was retained at the start of the session is confirmed.
func (s *session) announce() {
	owes, _ := s.conn.outbox.status()
	if s.announced || !s.granted || owes {
		return
	}
	s.announced, s.up = true, s.conn.cfg.Availability.Topic == ""
	s.availability(s.conn.cfg.Availability.Online)
	s.report()
}

// availability retains what is said of the connection; the next session does not begin with it.
func (s *session) availability(text string) {
	if topic := s.conn.cfg.Availability.Topic; topic != "" {
		_ = s.conn.outbox.set(&publication{topic: topic, payload: []byte(text), retained: true})
	}
}

func (s *session) report() {
	if !s.up {
		return
	}
	s.check()
	reason := s.withheld()
	if s.lowered {
		reason = onlyQoS0
	}
	if _, p := s.conn.outbox.status(); p != nil {
		reason = p.tooLarge()
	}
	if s.conn.failures.conflict {
		reason = s.conn.conflict()
	}
	s.conn.report(true, reason, nil)
}

// shutdown waits for the handlers, sends what is left, says Offline and disconnects.
func (s *session) shutdown() {
	idle := make(chan struct{})
	go func() {
		s.conn.handlers.Wait()
		close(idle)
	}()
	s.settle(idle)
	s.availability(s.conn.cfg.Availability.Offline)
	if !s.settle(nil) {
		// Without DISCONNECT the broker publishes the will, so availability is right once it notices.
		s.transport.fail(errors.New("the broker did not confirm what was sent last"))
	}
	s.client.Disconnect(quiesce)
}

// settle sends until enough is closed or, without it, until every retained value is confirmed; false when time or session ended first.
func (s *session) settle(enough <-chan struct{}) bool {
	limit := time.After(s.conn.timeouts.shutdown)
	for {
		s.fill()
		if enough == nil && !slices.ContainsFunc(s.window, func(f inFlight) bool { return f.done == nil }) {
			return true
		}
		select {
		case <-enough:
			return true
		case f := <-s.ended:
			s.confirm(f)
		case <-s.conn.outbox.changed:
		case <-s.transport.gone:
			return false
		case <-limit:
			return false
		}
	}
}

// fill forgets what nobody waits for any more and sends what the outbox has.
func (s *session) fill() {
	s.window = slices.DeleteFunc(s.window, func(f inFlight) bool { return f.ctx != nil && f.ctx.Err() != nil })
	for p := s.conn.outbox.next(); p != nil; p = s.conn.outbox.next() {
		f := inFlight{p, s.client.Publish(p.topic, 1, p.retained, p.payload), time.Now()}
		s.window = append(s.window, f)
		s.conn.writers.Go(func() {
			select {
			case <-f.token.Done():
			case <-s.transport.gone:
				return
			}
			select {
			case s.ended <- f:
			case <-s.transport.gone:
			}
		})
	}
}

// confirm takes in what paho says of a publication; an error ends the session.
func (s *session) confirm(f inFlight) {
	if err := f.token.Error(); err != nil {
		s.transport.fail(fmt.Errorf("publish to %s: %w", f.topic, err))
		return
	}
	s.window = slices.DeleteFunc(s.window, func(other inFlight) bool { return other.publication == f.publication })
	s.conn.outbox.confirm(f.publication)
	f.failures = 0
	a := s.conn.cfg.Availability
	s.up = s.up || f.topic == a.Topic && string(f.payload) == a.Online
	s.report()
}

// suspect: brokers hang up without a word on what is too large; this is the largest unconfirmed publication given last, if not small.
func (s *session) suspect() (largest *publication) {
	for _, f := range s.window {
		if time.Since(f.at) < shortSession && len(f.payload) >= suspectSize && (largest == nil || len(f.payload) > len(largest.payload)) {
			largest = f.publication
		}
	}
	return largest
}
