package mqttapi

import (
	"time"

	"github.com/sirupsen/logrus"
)

// stopped is the Reason after Run.
const stopped = "stopped"

// ConnState is how a connection does.
type ConnState struct {
	// Connected: all subscriptions stand, what is retained is out, and Availability says Online.
	Connected bool
	// Reason is a sentence about what is wrong, empty when nothing is. It may be set while connected: another client may
	// fight for the same id, or the broker may not take one of the retained values.
	Reason string
	// Since is when Connected changed last.
	Since time.Time
	// Attempts is how many connections have failed or ended since the last that came to be Connected.
	Attempts int
	// LastError is the error behind the last Reason that had one. It holds no password.
	LastError string
}

// State is how the connection does now.
func (c *Conn) State() ConnState {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// report sets the state, and logs and passes on what is new. Only Run's goroutine calls it.
func (c *Conn) report(connected bool, reason string, err error) {
	c.mu.Lock()
	before := c.state
	if connected != before.Connected {
		c.state.Since = time.Now()
	}
	if connected {
		c.state.Attempts = 0
	}
	if err != nil {
		c.state.Attempts++
		c.state.LastError = err.Error()
	}
	c.state.Connected, c.state.Reason = connected, reason
	now := c.state
	c.mu.Unlock()
	if now.Connected == before.Connected && now.Reason == before.Reason {
		return
	}
	if now.Reason != before.Reason || now.Reason == "" {
		c.log(now, err)
	}
	if c.cfg.OnState != nil {
		c.cfg.OnState(now)
	}
}

// log is called when what is wrong has changed, so that what goes wrong again
// and again in the same way is one line.
func (c *Conn) log(now ConnState, err error) {
	log := c.cfg.Log.WithField("client", c.cfg.ClientID)
	switch now.Reason {
	case stopped:
		log.Info("broker connection stopped")
	case "":
		log.Info("broker connected")
	default:
		if err != nil {
			log = log.WithError(err)
		}
		log.WithFields(logrus.Fields{"reason": now.Reason, "attempt": now.Attempts}).Warn("broker connection in trouble")
	}
}
