package broker

import (
	"errors"
	"fmt"
	"slices"
)

// kept is what is known of the session that the broker keeps. It belongs to Run's goroutine.
type kept struct {
	expected bool // there has been one, so that the next connection finds it
	told     bool // that it was not found, since it last was
}

// begin notes whether a session was there, and logs when it should have been: some brokers keep none, others forget theirs when they are
// started anew, and CONNACK alone says so. https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html#_Toc398718036
func (k *kept) begin(c *Conn, present bool) {
	if lost := k.expected && !present; lost && !k.told && !c.cfg.Clean {
		c.cfg.Log.WithField("client", c.cfg.ClientID).WithField("advice", "What was published for it while the bridge was away is lost. Let the "+
			"broker keep sessions and their messages, also when it is started anew; in mosquitto.conf with persistence true.").
			Warn("broker has not kept the session")
	}
	k.told, k.expected = k.expected && !present, true
}

// broken says what is wrong when the broker hangs up on the client id alone, before it serves it: another client with the id would let it
// come that far once in a while.
func (c *Conn) broken() string {
	return fmt.Sprintf("what the broker keeps for the id %q seems to be broken, as it hangs up on it at once and lets others in: see its log, "+
		"and end that session there, with the commands that wait in it", c.cfg.ClientID)
}

// unconfirmed ends the session when a publish was not acknowledged in time, though the broker has answered a ping that was sent behind it:
// it is sent again on the next one.
func (s *session) unconfirmed() {
	late := func(f inFlight) bool { return s.pingedAt.Sub(f.at) >= s.conn.timeouts.confirm }
	if i := slices.IndexFunc(s.window, late); i >= 0 {
		s.diagnosis = "the broker does not confirm what " + s.conn.address.login() + " publishes on " + s.window[i].topic +
			": give it the right to write there"
		s.transport.fail(errors.New("a publish was not acknowledged"))
	}
}
