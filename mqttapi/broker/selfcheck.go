package broker

import (
	"bytes"
	"slices"
	"strings"
	"time"
)

// checkText is the message of a check; no handler gets it, also when another session or process has sent it.
var checkText = []byte("gphotos2mqtt checks that it may read what it publishes here")

// selfCheck asks, once a session is up, whether the broker passes on what it takes: in MQTT 3.1.1 a missing right is answered by silence
// (https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html#_Toc398718043). It belongs to Run's goroutine.
type selfCheck struct {
	begun   bool
	over    <-chan time.Time // nil while nothing is awaited
	awaited []string         // filters of which nothing has come
	late    bool             // over has passed
}

// check begins once Online is confirmed. The subscription to it has QoS 0, so that the broker keeps none of it while we are away.
func (s *session) check() {
	c := s.conn
	if s.checking.begun {
		return
	}
	s.checking.begun = true
	for _, sub := range c.cfg.Subscriptions {
		if sub.Check != "" {
			s.checking.awaited = append(s.checking.awaited, sub.Filter)
			s.client.Publish(sub.Check, 1, false, checkText)
		}
	}
	if topic := c.cfg.Availability.Topic; topic != "" && len(s.checking.awaited) > 0 {
		s.checking.awaited = append(s.checking.awaited, topic)
		s.client.Subscribe(topic, 0, nil)
	}
	if len(s.checking.awaited) > 0 {
		s.checking.over = time.After(c.timeouts.check)
	}
}

// checked notes what has come, and reports whether it was for the check alone.
func (s *session) checked(d Delivery) bool {
	came := func(filter string) bool {
		below, all := strings.CutSuffix(filter, "#")
		return d.Topic == filter || all && strings.HasPrefix(d.Topic, below)
	}
	before := len(s.checking.awaited)
	s.checking.awaited = slices.DeleteFunc(s.checking.awaited, came)
	if s.checking.late && before > 0 && len(s.checking.awaited) == 0 {
		s.report()
	}
	return bytes.Equal(d.Payload, checkText) || d.Topic == s.conn.cfg.Availability.Topic
}

func (s *session) overdue() {
	s.checking.over, s.checking.late = nil, true
	s.report()
}

// withheld says which right is missing, "" when none is.
func (s *session) withheld() string {
	awaited, who := s.checking.awaited, s.conn.address.login()
	switch {
	case !s.checking.late || len(awaited) == 0:
		return ""
	case slices.Contains(awaited, s.conn.cfg.Availability.Topic):
		return "the broker passes on nothing that " + who + " publishes on " + strings.Join(awaited, " and ") +
			": give it the right to write there, and to read"
	}
	return "the broker does not let " + who + " read " + strings.Join(awaited, " and ") + ": give it that right"
}
