package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// denied is a refused subscription, with MQTT 5 also what is above, which mochi says in 3.1.1 too.
// https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html#_Toc398718071
const denied = 0x80

// session is one connection to the broker, from CONNECT to its end. It belongs to Run's goroutine.
type session struct {
	conn      *Conn
	transport *transport                 // nil when there was no network connection
	began     time.Time                  // when the attempt ended, one way or the other
	accepted  bool                       // CONNACK said yes
	refused   byte                       // CONNACK's reason (https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html#_Table_3.1_-)
	diagnosis string                     // why the broker hung up on CONNECT, or we on the broker, if it can be told
	shunned   bool                       // the broker hung up on CONNECT, and lets other client ids in
	present   bool                       // CONNACK said that there was a session
	answers   chan packets.ControlPacket // all that has come but deliveries
	last      uint16                     // number of a packet
	asked     uint16                     // number of the SUBSCRIBE
	awaiting  bool                       // its answer
	answered  bool                       // it has come
	timer     <-chan time.Time           // until that is overdue, or until the next question
	beats     *time.Timer                // until the next PINGREQ, or until its answer is overdue
	pinged    bool                       // an answer to PINGREQ is awaited
	pingedAt  time.Time                  // when PINGREQ was sent
	heard     int64                      // bytes that had come when PINGREQ was sent
	granted   bool                       // all subscriptions stand
	lowered   bool                       // with less than the QoS that was asked for
	announced bool                       // Online is on its way or out
	up        bool                       // Online is confirmed
	window    []inFlight                 // what is sent and not confirmed
	pass      func()                     // lets another connection be made
	checking  selfCheck
	waiting   []Delivery // for a handler; they come again with the next connection
}

type inFlight struct {
	*publication
	number uint16
	at     time.Time
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
	s.beats = time.NewTimer(c.timeouts.keepAlive)
	defer s.beats.Stop()
	defer time.AfterFunc(c.timeouts.connect, s.pass).Stop() // without the right to subscribe, it may never be online
	stable := time.After(c.timeouts.stable)
	for {
		s.announce()
		if s.up {
			s.pass()
		}
		s.fill()
		select {
		case d := <-c.deliveries:
			s.deliver(ctx, d)
		case <-c.handled:
			c.handling--
			s.handle(ctx)
		case answer := <-s.answers:
			s.take(answer)
		case <-s.beats.C:
			s.beat()
		case <-s.timer:
			if s.awaiting {
				s.transport.fail(errors.New("the broker does not answer SUBSCRIBE"))
			} else {
				s.subscribe()
			}
		case <-s.checking.over:
			s.overdue()
		case <-c.outbox.changed:
		case <-stable:
			c.failures = failures{}
			s.report()
		case <-s.transport.gone:
			s.transport.running.Wait() // nothing of it is left when the next begins
			return s.transport.cause()
		case <-ctx.Done():
			s.shutdown()
			return nil
		}
	}
}

func (s *session) subscribe() {
	if s.granted = len(s.conn.cfg.Subscriptions) == 0; s.granted {
		return
	}
	s.asked, s.awaiting = s.ask(s.conn.cfg.Subscriptions...), true
	s.timer = time.After(s.conn.timeouts.connect)
}

// subscribed reads the answer, a code for each filter.
func (s *session) subscribed(codes []byte) {
	s.awaiting, s.answered, s.timer = false, true, nil
	var refused []string
	for i, sub := range s.conn.cfg.Subscriptions {
		code := byte(denied)
		if i < len(codes) {
			code = codes[i]
		}
		if code >= denied && !sub.Optional {
			refused = append(refused, sub.Filter)
		}
		s.lowered = s.lowered || code < sub.QoS
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
	s.leave()
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
		case answer := <-s.answers:
			s.take(answer)
		case <-s.conn.outbox.changed:
		case <-s.transport.gone:
			return false
		case <-limit:
			return false
		}
	}
}

// fill forgets what nobody waits for any more and sends what the outbox has. SUBSCRIBE is answered first, so that a broker that hangs up
// before has nothing against what is published.
func (s *session) fill() {
	if !s.answered && len(s.conn.cfg.Subscriptions) > 0 {
		return
	}
	s.window = slices.DeleteFunc(s.window, func(f inFlight) bool { return f.ctx != nil && f.ctx.Err() != nil })
	for p := s.conn.outbox.next(); p != nil; p = s.conn.outbox.next() {
		payload, err := p.content()
		if err != nil { // it was packed here: memory is broken
			s.transport.fail(fmt.Errorf("unpack what %s retains: %w", p.topic, err))
			return
		}
		s.window = append(s.window, inFlight{p, s.publish(p.topic, payload, p.retained), time.Now()})
	}
}

// flying is where in the window a packet's number is, -1 = nowhere.
func (s *session) flying(number uint16) int {
	return slices.IndexFunc(s.window, func(f inFlight) bool { return f.number == number })
}

// confirm takes in that the broker has a publication. Those that nobody waits for any more, and those of the self check, are in no window.
func (s *session) confirm(number uint16) {
	i := s.flying(number)
	if i < 0 {
		return
	}
	p := s.window[i].publication
	s.window = slices.Delete(s.window, i, i+1)
	s.conn.outbox.confirm(p)
	p.failures = 0
	a := s.conn.cfg.Availability
	s.up = s.up || p.topic == a.Topic && string(p.payload) == a.Online
	s.report()
}

// suspect: brokers hang up without a word on what is too large; this is the largest unconfirmed publication given last, if not small.
func (s *session) suspect() (largest *publication) {
	for _, f := range s.window {
		if time.Since(f.at) < shortSession && f.size() >= suspectSize && (largest == nil || f.size() > largest.size()) {
			largest = f.publication
		}
	}
	return largest
}
