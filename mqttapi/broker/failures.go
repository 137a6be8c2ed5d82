package broker

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
	"github.com/sirupsen/logrus"
)

const (
	shortSession  = 2 * time.Second // an end so soon after the start, or after a large publish, is no coincidence
	shortSessions = 3               // so many in a row are a client id conflict, and no ordinary loss
	suspectSize   = 4 << 10         // smallest payload in bytes that may be too large for a broker
	maxFailures   = 3               // a publication in flight at so many sudden ends is their cause; at one, any may be
	stopped       = "stopped"       // Reason after Run
)

// State is how a connection does. Reason also while connected: the id may be in use elsewhere, or a retained value not be taken.
type State struct {
	Connected bool      // all subscriptions stand, what is retained is out, and Availability says Online
	Reason    string    // a sentence about what is wrong, empty when nothing is
	Cause     error     // behind Reason, if there is one
	Since     time.Time // when Connected changed last
	attempts  int       // failed or ended since the last that came to be Connected
}

// report sets the state, passes on what is new, and logs what is wrong once, not again and again.
func (c *Conn) report(connected bool, reason string, err error) {
	before := c.state.Load()
	now := State{Connected: connected, Reason: reason, Cause: err, Since: before.Since, attempts: before.attempts}
	if connected != before.Connected {
		now.Since = time.Now()
	}
	if connected {
		now.attempts = 0
	} else if err != nil {
		now.attempts++
	}
	c.state.Store(&now)
	if connected == before.Connected && reason == before.Reason {
		return
	}
	switch log := c.cfg.Log.WithField("client", c.cfg.ClientID); {
	case reason == stopped:
		log.Info("broker connection stopped")
	case reason == "":
		log.Info("broker connected")
	case reason != before.Reason:
		if err != nil {
			log = log.WithError(err)
		}
		log.WithFields(logrus.Fields{"reason": reason, "attempt": now.attempts}).Warn("broker connection is not usable")
	}
	if c.cfg.OnState != nil {
		c.cfg.OnState(now)
	}
}

type failures struct {
	attempts int    // in vain since the last session
	short    int    // sessions in a row that were cut short
	conflict bool   // another client uses the same id
	checks   int    // sessions in a row that the broker ended with their self check
	instead  string // what the broker has against our publishes or our session, when that explains the short sessions
	served   bool   // one of the short ones had an answer to SUBSCRIBE
}

type disconnect struct {
	accepted bool // there was a session, or the broker hung up on this one alone
	served   bool // with an answer to SUBSCRIBE
	refused  bool // the broker said no
	hungUp   bool // it was ended by the other side
	tooLarge bool // a large publish is the likely reason
	lasted   time.Duration
}

// disconnected takes in an end and gives the pause before the next attempt, half at random so that many clients do not come in step.
func (c *Conn) disconnected(ctx context.Context, s *session, err error) time.Duration {
	p, reason := s.suspect(), c.reason(s, err)
	d := disconnect{accepted: s.accepted || s.shunned, refused: s.refused != 0, hungUp: hungUp(err), lasted: time.Since(s.began)}
	if d.lasted >= c.timeouts.stable && s.accepted {
		c.outbox.doubt()
	}
	if d.tooLarge = d.hungUp && p != nil; d.tooLarge {
		if p.failures++; p.failures >= maxFailures || c.outbox.doubts(p) {
			c.outbox.quarantine(p)
			reason = p.tooLarge()
		}
	}
	d.served = s.answered || c.cfg.Clean || len(c.cfg.Subscriptions) == 0
	known := c.failures.conflict
	pause := c.failures.pause(d, c.timeouts)
	if d.hungUp && s.cutCheck() {
		c.failures.checks++
	}
	if c.failures.conflict && d.accepted {
		if !known {
			c.failures.instead = c.Diagnose(ctx, cmp.Or(c.cfg.Availability.Topic, c.outbox.first()))
			if c.failures.instead == "" && !c.failures.served && c.takes(ctx, nil) {
				c.failures.instead = c.broken()
			}
		}
		reason = c.conflict()
	}
	c.report(false, reason, err)
	return pause/2 + rand.N(pause/2+1)
}

// pause counts a disconnect. It is short after a session until a conflict was seen twice, so the other client's is too, and both notice.
func (f *failures) pause(d disconnect, t timeouts) time.Duration {
	seen := f.conflict
	switch {
	case !d.accepted:
	case d.lasted >= t.stable:
		*f = failures{}
	case d.tooLarge:
	case d.hungUp && d.lasted < shortSession:
		f.short++
		f.served = f.served || d.served
	case !f.conflict:
		f.short = 0
	}
	f.conflict = f.short >= shortSessions
	if d.accepted && (!seen || !f.conflict) {
		f.attempts = 0
	}
	most := t.away
	if d.refused || f.conflict {
		most = t.refused
	}
	pause := min(t.first<<min(f.attempts, 16), most)
	f.attempts++
	return pause
}

// hungUp tells an end from the other side from a silence and from our own doing.
func hungUp(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return (!ok || !e.Timeout()) && !errors.Is(err, net.ErrClosed)
}

// reason says what an attempt or a session ended of; Mosquitto refuses a wrong password with NotAuthorised too.
func (c *Conn) reason(s *session, err error) string {
	at := " at " + c.address.String()
	switch {
	case errors.Is(err, errNotHeld):
		return fmt.Sprintf("this process has the client id %q no more", c.cfg.ClientID)
	case s.diagnosis != "":
		return s.diagnosis
	case s.accepted || s.shunned:
		return "the connection to the broker" + at + " was lost"
	case s.refused == packets.ErrRefusedBadUsernameOrPassword, s.refused == packets.ErrRefusedNotAuthorised:
		return "the broker does not let " + c.address.login() + " in: wrong password, or no right to connect"
	case s.refused == packets.ErrRefusedIDRejected:
		return fmt.Sprintf("the broker does not take the client id %q", c.cfg.ClientID)
	case s.refused == packets.ErrRefusedBadProtocolVersion:
		return "the broker does not speak MQTT 3.1.1"
	case s.refused != 0:
		return "the broker has no room for connections now"
	case brokenTLS(err):
		return "no trusted TLS connection to the broker" + at
	case s.transport == nil:
		return "the broker" + at + " cannot be reached"
	case hungUp(err):
		return "whatever answers" + at + " hangs up on MQTT: another port, or with TLS?"
	default:
		return "the broker" + at + " does not answer"
	}
}

// conflict says why sessions are cut short, one after the other.
func (c *Conn) conflict() string {
	return cmp.Or(c.failures.instead, fmt.Sprintf("another client uses the id %q", c.cfg.ClientID))
}

// brokenTLS tells a failed handshake; alerts of the other side, such as of a missing client certificate, are known by their operation.
func brokenTLS(err error) bool {
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	_, plain := errors.AsType[tls.RecordHeaderError](err)
	op, ok := errors.AsType[*net.OpError](err)
	return untrusted || plain || ok && (op.Op == "remote error" || op.Op == "local error")
}

// status says whether begin left a value that is not confirmed since, and what is quarantined: the first by topic, nil when nothing is.
func (o *outbox) status() (owes bool, quarantined *publication) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for name, t := range o.topics {
		owes = owes || t.owed
		if t.quarantined != nil && (quarantined == nil || name < quarantined.topic) {
			quarantined = t.quarantined
		}
	}
	return owes, quarantined
}
