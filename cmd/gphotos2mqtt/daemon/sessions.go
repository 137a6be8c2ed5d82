package daemon

import (
	"context"
	"slices"
	"sync"
	"time"

	"gphotos2mqtt/bridge"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/cluster/fleet"
	"gphotos2mqtt/cmd/gphotos2mqtt/config"
	"gphotos2mqtt/mqttapi/broker"
)

// sessionIdle is how long nothing has to come of a session until it is taken for empty: brokers send at once what they have.
const sessionIdle = 2 * time.Second

// formerAgain is the pause until it is looked again whether a session that another process may use is free.
const formerAgain = time.Minute

// endPause is how long the built-in broker may take to see that a connection has ended: one of the same id that comes sooner is taken for
// another client's, and kept waiting or cut. Source: mqttSessFlappingJailDur in nats-server's server/mqtt.go.
const endPause = 500 * time.Millisecond

// sessions are those that the bridge has at the broker: it makes connections, and ends the sessions of entries that are gone or have another
// root.
type sessions struct {
	process *process
	status  *bridge.Status
	inner   string        // the built-in broker's address for the bridge itself; empty with another broker
	turns   wake.Turns    // of all connections
	idle    time.Duration // nothing has come of a session for so long: it is empty
	ready   chan struct{} // closed when none has anything of another root; of several processes, each entry looks
}

func newSessions(p *process, status *bridge.Status, inner string) *sessions {
	turns := connecting
	if inner != "" {
		turns = inside
	}
	return &sessions{p, status, inner, wake.NewTurns(turns), sessionIdle, make(chan struct{})}
}

// connection makes one, which begins when it runs.
func (s *sessions) connection(settings broker.Config) *broker.Conn {
	if s.inner != "" {
		settings.URL = "tcp://" + s.inner
	}
	settings.Turns = s.turns
	return broker.New(settings)
}

// endFormer empties and ends the sessions of entries that are gone or have another root, and clears what they have retained: after that,
// since the will of a bridge that was killed is published when its session is taken over. Entries connect when ready is closed. Of several
// processes the one that leads does it for entries that are gone, once no other process with other settings runs them any more.
func (s *sessions) endFormer(ctx context.Context) error {
	for {
		former, err := s.status.FormerSessions(ctx)
		if err != nil {
			return err
		}
		left := false
		for entry, root := range former {
			if !s.process.alone() && (slices.Contains(s.status.Names(), entry) || s.process.fleet.Holder(entry) != "") {
				left = true
			} else if err := s.end(ctx, entry, root); err != nil || ctx.Err() != nil {
				return err
			}
		}
		if s.process.alone() {
			close(s.ready)
		}
		if !left {
			return s.status.ClearRemoved(ctx)
		}
		if wake.Sleep(ctx, nil, formerAgain) != nil {
			return nil //nolint:nilerr // a stop
		}
	}
}

// await returns when nothing of another root is in the session of an entry of this process, or ctx has ended.
func (s *sessions) await(ctx context.Context, entry string) error {
	if s.process.alone() {
		_ = wake.Sleep(ctx, s.ready, 0)
		return nil
	}
	former, err := s.status.FormerSessions(ctx)
	if root, ok := former[entry]; err == nil && ok {
		err = s.end(ctx, entry, root)
	}
	return err
}

func (s *sessions) end(ctx context.Context, entry, root string) error {
	// A stop before the session has ended has it taken up again at the next start: what was answered does not come back.
	s.empty(ctx, entry, root)
	s.as(ctx, entry, true, nil, func(context.Context, *broker.Conn) {}) // the broker forgets a session when a clean one begins
	if ctx.Err() != nil {
		return nil //nolint:nilerr // a stop
	}
	if err := s.status.SessionEnded(ctx, entry); err != nil {
		return err
	}
	s.process.log.WithField("entry", entry).Info("former session at the broker ended")
	return nil
}

// empty answers the commands that wait in a session.
func (s *sessions) empty(ctx context.Context, entry, root string) {
	came := wake.NewFlag()
	handle := func(ctx context.Context, c *broker.Conn, m broker.Delivery) {
		came.Set()
		defer came.Set()
		s.status.HandleFormer(ctx, m, root, c.Send)
	}
	s.as(ctx, entry, false, handle, func(ctx context.Context, _ *broker.Conn) {
		for idle := time.NewTimer(s.idle); ; idle.Reset(s.idle) {
			select {
			case <-came:
			case <-idle.C:
				return
			case <-ctx.Done():
				return
			}
		}
	})
}

// as connects under the client id of an entry, once, and does what is to be done; it waits as long as the broker is away.
func (s *sessions) as(
	ctx context.Context, entry string, clean bool, handle func(context.Context, *broker.Conn, broker.Delivery),
	do func(context.Context, *broker.Conn),
) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	settings, held, leads := Connection(s.process.config, entry, 1), s.process.holds(entry), s.process.holds(fleet.Leading)
	settings.Clean, settings.Log = clean, s.process.log.WithField("entry", entry)
	settings.Holds = func() bool { return held() || leads() }
	var conn *broker.Conn
	if handle != nil {
		settings.Handle = func(ctx context.Context, m broker.Delivery) { handle(ctx, conn, m) }
	}
	connected := wake.NewFlag()
	settings.OnState = func(now broker.State) {
		if now.Connected {
			connected.Set()
		}
	}
	conn = s.connection(settings)
	var running sync.WaitGroup
	running.Go(func() { _ = conn.Run(ctx) }) // its error is for settings that config does not let through
	defer s.awaitEnd(ctx)
	defer running.Wait()
	defer stop()
	if wake.Sleep(ctx, connected, 0) == nil {
		do(ctx, conn)
	}
}

// awaitEnd waits until the broker has seen the end of a connection that another one of its id is to follow.
func (s *sessions) awaitEnd(ctx context.Context) {
	if s.inner != "" {
		_ = wake.Sleep(ctx, nil, endPause)
	}
}

// Connection is a client of the broker in use: what follows the start of all our client ids in its own, and its subscriptions.
func Connection(c config.Config, id string, qos byte, filters ...string) broker.Config {
	conn := broker.Config{
		URL: c.BrokerURL(), TLS: c.MQTTTLS, User: c.MQTTUser, Password: c.MQTTPassword,
		ClientID: c.MQTTClientID + "-" + id, MaxPublish: int(c.MaxPublish),
	}
	for _, f := range filters {
		conn.Subscriptions = append(conn.Subscriptions, broker.Subscription{Filter: f, QoS: qos})
	}
	return conn
}
