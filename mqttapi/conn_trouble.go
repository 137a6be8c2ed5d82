package mqttapi

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// What tells a fight for the client id from an ordinary loss.
const (
	// shortCall is how soon after its start, or after a large publish, an end is no coincidence.
	shortCall = 2 * time.Second
	// shortCalls in a row are a fight.
	shortCalls = 3
	// suspectSize is the smallest payload that may be too large for a broker.
	suspectSize = 16 << 10
)

// troubles is what the next pause and the state depend on.
type troubles struct {
	failures  int  // attempts in vain since the last connection
	short     int  // connections in a row that were cut short
	contested bool // another client uses the same id
}

// demise is how an attempt or a connection ended.
type demise struct {
	accepted bool // there was a connection
	refused  bool // the broker said no
	hungUp   bool // it was ended by the other side
	blamed   bool // a large publish is the likely reason
	lived    time.Duration
}

// backoff bounds the pauses between attempts.
type backoff struct {
	first   time.Duration // after a loss, doubled with each failure
	away    time.Duration // most, when nobody answers: a broker that comes back is to be found within 5 s
	refused time.Duration // most, when the broker answers but will not have us: asking more often makes things worse
}

// trouble takes in an end and gives the pause before the next attempt, half of
// it at random so that many clients of one broker do not come back in step.
func (c *Conn) trouble(k *call, err error) time.Duration {
	_, refused := errors.AsType[*refusal](err)
	e := demise{accepted: k.accepted, refused: refused, hungUp: hungUp(err), lived: k.died.Sub(k.born)}
	reason := c.reason(k, err)
	if p := k.suspect(); e.hungUp && p != nil {
		e.blamed = true
		if c.strike(p) {
			reason = tooMuch(p.topic, len(p.payload))
		}
	}
	pause := c.troubles.after(e, c.pace)
	if c.troubles.contested && k.accepted {
		reason = c.rival()
	}
	c.report(false, reason, err)
	return pause/2 + rand.N(pause/2+1)
}

// after counts a demise and gives the pause that follows it.
func (t *troubles) after(e demise, p pace) time.Duration {
	if e.accepted {
		t.count(e, p.calm)
	}
	most := p.backoff.away
	if e.refused || t.contested {
		most = p.backoff.refused
	}
	pause := min(p.backoff.first<<min(t.failures, 16), most)
	t.failures++
	return pause
}

// count looks for a fight. Two bridges with one id throw each other out at every attempt, so as long as there is no fight
// the pause after a connection stays short: that keeps the rival's connection short, too, and both notice.
func (t *troubles) count(e demise, calm time.Duration) {
	switch {
	case e.lived >= calm:
		t.calm()
		return
	case e.blamed:
	case e.hungUp && e.lived < shortCall:
		t.short++
	case !t.contested:
		t.short = 0
	}
	t.contested = t.short >= shortCalls
	if !t.contested {
		t.failures = 0
	}
}

// calm forgets everything after a connection that lasted.
func (t *troubles) calm() { *t = troubles{} }

// concern is what is wrong although the connection works.
func (c *Conn) concern() string {
	if c.troubles.contested {
		return c.rival()
	}
	if topic, size := c.retained.barred(); topic != "" {
		return tooMuch(topic, size)
	}
	return ""
}

// reason says to people what an attempt or a connection died of.
func (c *Conn) reason(k *call, err error) string {
	at := " at " + c.broker.String()
	if r, ok := errors.AsType[*refusal](err); ok {
		return c.refused(r.code)
	}
	switch {
	case k.accepted:
		return "the connection to the broker" + at + " was lost"
	case brokenTLS(err):
		return "no trusted TLS connection to the broker" + at
	case k.wire == nil:
		return "the broker" + at + " cannot be reached"
	case hungUp(err):
		return "whatever answers" + at + " hangs up on MQTT: another port, or with TLS?"
	default:
		return "the broker" + at + " does not answer"
	}
}

// refused puts the return codes of CONNACK into words; Mosquitto says 5 for a wrong password too.
func (c *Conn) refused(code byte) string {
	switch code {
	case packets.ErrRefusedBadUsernameOrPassword, packets.ErrRefusedNotAuthorised:
		return "the broker does not let " + c.broker.login() + " in: wrong password, or no right to connect"
	case packets.ErrRefusedIDRejected:
		return fmt.Sprintf("the broker does not take the client id %q", c.cfg.ClientID)
	case packets.ErrRefusedBadProtocolVersion:
		return "the broker does not speak MQTT 3.1.1"
	default:
		return "the broker has no room for connections now"
	}
}

// rival is the fight for the client id.
func (c *Conn) rival() string { return fmt.Sprintf("another client uses the id %q", c.cfg.ClientID) }

// tooMuch is a publication that the broker hangs up on.
func tooMuch(topic string, size int) string {
	return fmt.Sprintf("the broker hangs up on %d bytes to %s, which is more than it takes", size, topic)
}

// hungUp tells an end from the other side from a silence and from our own doing.
func hungUp(err error) bool {
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return false
	}
	return !errors.Is(err, net.ErrClosed) && !errors.Is(err, errWire)
}
