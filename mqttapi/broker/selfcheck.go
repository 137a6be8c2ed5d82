package broker

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
)

// checkText begins the message of a check; no handler gets it, also when another session or process has sent it.
var checkText = []byte("gphotos2mqtt checks that it may read what it publishes here")

// maxChecks is how many sessions in a row may end with their check: brokers may hang up on what there is no right for, and the bridge may
// need no more than the rights it has.
const maxChecks = 2

// maxWaits is how many times the wait of a check begins again while messages come that it may be behind: 5 minutes in all.
const maxWaits = 30

// selfCheck asks, once a session is up, whether the broker passes on what it takes: in MQTT 3.1.1 a missing right is answered by silence
// (https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html#_Toc398718043). It belongs to Run's goroutine.
type selfCheck struct {
	began   time.Time        // zero before it
	text    []byte           // of this session alone
	skipped bool             // the broker has hung up on it
	over    <-chan time.Time // nil while nothing is awaited
	awaited []string         // filters of which nothing has come
	read    int64            // bytes that had come from the broker when the wait began
	own     bool             // text has come back: what is still awaited is behind no queue
	waits   int              // how many are over
	late    bool             // the last one is
}

// check begins once Online is confirmed. The subscription to it has QoS 0, so that the broker keeps none of it while we are away.
func (s *session) check() {
	c, k := s.conn, &s.checking
	if !k.began.IsZero() {
		return
	}
	k.began, k.skipped = time.Now(), c.failures.checks >= maxChecks
	k.text = fmt.Appendf(nil, "%s: %d", checkText, k.began.UnixNano())
	for _, sub := range c.cfg.Subscriptions {
		if sub.Check == "" {
			continue
		}
		if k.skipped {
			k.awaited = append(k.awaited, sub.Check)
			continue
		}
		k.awaited = append(k.awaited, sub.Filter)
		s.publish(sub.Check, k.text, false)
	}
	if len(k.awaited) == 0 {
		return
	}
	if topic := c.cfg.Availability.Topic; topic != "" && !k.skipped {
		k.awaited = append(k.awaited, topic)
		s.ask(Subscription{Filter: topic})
	}
	k.read, k.over = s.transport.read.Load(), time.After(c.timeouts.check)
}

// checked notes what has come, and reports whether it was for the check alone.
func (s *session) checked(d Delivery) bool {
	k, a := &s.checking, s.conn.cfg.Availability
	if !k.skipped {
		came := func(filter string) bool {
			below, all := strings.CutSuffix(filter, "#")
			return d.Topic == filter && (filter != a.Topic || string(d.Payload) == a.Online) || all && strings.HasPrefix(d.Topic, below)
		}
		before := len(k.awaited)
		k.awaited, k.own = slices.DeleteFunc(k.awaited, came), k.own || bytes.Equal(d.Payload, k.text)
		if k.late && before > 0 && len(k.awaited) == 0 {
			s.report()
		}
	}
	return bytes.HasPrefix(d.Payload, checkText) || d.Topic == a.Topic
}

// overdue ends the wait, unless the check may be behind what the broker is sending.
func (s *session) overdue() {
	k := &s.checking
	if read := s.transport.read.Load(); read > k.read && !k.own && k.waits < maxWaits {
		k.waits++
		k.read, k.over = read, time.After(s.conn.timeouts.check)
		return
	}
	k.over, k.late = nil, true
	s.report()
}

// cutCheck reports whether a session that the broker has hung up on may have ended of its check.
func (s *session) cutCheck() bool {
	k := &s.checking
	return !k.skipped && !k.late && len(k.awaited) > 0 && time.Since(k.began) < shortSession
}

// withheld says which right is missing, "" when none is.
func (s *session) withheld() string {
	awaited, who := s.checking.awaited, s.conn.address.login()
	switch {
	case !s.checking.late || len(awaited) == 0:
		return ""
	case s.checking.skipped:
		return "the broker hangs up when " + who + " publishes on " + strings.Join(awaited, " and ") + ": give it the right to write there, and to read"
	case slices.Contains(awaited, s.conn.cfg.Availability.Topic):
		return "the broker passes on nothing that " + who + " publishes on " + strings.Join(awaited, " and ") +
			": give it the right to write there, and to read"
	}
	return "the broker does not let " + who + " read " + strings.Join(awaited, " and ") + ": give it that right"
}
