package daemon

import (
	"context"
	"slices"
	"sync"
	"time"

	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/cluster/fleet"
	"gphotos2mqtt/mqttapi/broker"
)

// sessionIdle is how long nothing has to come of a session until it is taken for empty: brokers send at once what they have.
const sessionIdle = 2 * time.Second

// formerAgain is the pause until it is looked again whether a session that another process may use is free.
const formerAgain = time.Minute

// endFormer empties and ends the sessions of entries that are gone or have another root, and clears what they have retained: after that,
// since the will of a bridge that was killed is published when its session is taken over. Entries connect when ready is closed. Of several
// processes the one that leads does it for entries that are gone, once no other process with other settings runs them any more.
func (d *Daemon) endFormer(ctx context.Context) error {
	for {
		former, err := d.status.FormerSessions(ctx)
		if err != nil {
			return err
		}
		left := false
		for entry, root := range former {
			if d.fleet != nil && (slices.Contains(d.status.Names(), entry) || d.fleet.Holder(entry) != "") {
				left = true
			} else if err := d.endSession(ctx, entry, root); err != nil || ctx.Err() != nil {
				return err
			}
		}
		if d.fleet == nil {
			close(d.ready)
		}
		if !left {
			return d.status.ClearRemoved(ctx)
		}
		if wake.Sleep(ctx, nil, formerAgain) != nil {
			return nil //nolint:nilerr // a stop
		}
	}
}

// endFormerOf ends the session of an entry of this process with another root, before it connects.
func (d *Daemon) endFormerOf(ctx context.Context, entry string) error {
	if d.fleet == nil {
		return nil // all were ended before
	}
	former, err := d.status.FormerSessions(ctx)
	if root, ok := former[entry]; err == nil && ok {
		err = d.endSession(ctx, entry, root)
	}
	return err
}

func (d *Daemon) endSession(ctx context.Context, entry, root string) error {
	// A stop before the session has ended has it taken up again at the next start: what was answered does not come back.
	d.empty(ctx, entry, root)
	d.asEntry(ctx, entry, true, nil, func(context.Context, *broker.Conn) {}) // the broker forgets a session when a clean one begins
	if ctx.Err() != nil {
		return nil //nolint:nilerr // a stop
	}
	if err := d.status.SessionEnded(ctx, entry); err != nil {
		return err
	}
	d.log.WithField("entry", entry).Info("former session at the broker ended")
	return nil
}

// empty answers the commands that wait in a session.
func (d *Daemon) empty(ctx context.Context, entry, root string) {
	came := wake.NewFlag()
	handle := func(ctx context.Context, c *broker.Conn, m broker.Delivery) {
		came.Set()
		defer came.Set()
		d.status.HandleFormer(ctx, m, root, c.Send)
	}
	d.asEntry(ctx, entry, false, handle, func(ctx context.Context, _ *broker.Conn) {
		for idle := time.NewTimer(d.emptyAfter); ; idle.Reset(d.emptyAfter) {
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

// asEntry connects under the client id of an entry, once, and does what is to be done; it waits as long as the broker is away.
func (d *Daemon) asEntry(
	ctx context.Context, entry string, clean bool, handle func(context.Context, *broker.Conn, broker.Delivery),
	do func(context.Context, *broker.Conn),
) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	settings := Connection(d.config, entry, 1)
	if d.inner != "" {
		settings.URL = "tcp://" + d.inner
	}
	settings.Clean, settings.Log = clean, d.log.WithField("entry", entry)
	settings.Holds = func() bool { return d.holds(entry)() || d.holds(fleet.Leading)() }
	var conn *broker.Conn
	if handle != nil {
		settings.Handle = func(ctx context.Context, m broker.Delivery) { handle(ctx, conn, m) }
	}
	connected := wake.NewFlag()
	settings.OnState = func(s broker.State) {
		if s.Connected {
			connected.Set()
		}
	}
	conn = broker.New(settings)
	var running sync.WaitGroup
	running.Go(func() { _ = conn.Run(ctx) }) // its error is for settings that config does not let through
	defer d.awaitEnd(ctx)
	defer running.Wait()
	defer stop()
	if wake.Sleep(ctx, connected, 0) == nil {
		do(ctx, conn)
	}
}
