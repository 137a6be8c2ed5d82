package main

import (
	"context"
	"sync"
	"time"

	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi/broker"
)

// sessionIdle is how long nothing has to come of a session until it is taken for empty: brokers send at once what they have.
const sessionIdle = 2 * time.Second

// endFormer empties and ends the sessions of entries that are gone or have another root, and clears what they have retained: after that,
// since the will of a bridge that was killed is published when its session is taken over. Entries connect when ready is closed.
func (d *daemon) endFormer(ctx context.Context) error {
	former, err := d.status.FormerSessions(ctx)
	if err != nil {
		return err
	}
	for entry, root := range former {
		// A stop before the session has ended has it taken up again at the next start: what was answered does not come back.
		d.empty(ctx, entry, root)
		d.asEntry(ctx, entry, true, nil, func(context.Context) {}) // the broker forgets a session when a clean one begins
		if ctx.Err() != nil {
			return nil //nolint:nilerr // a stop
		}
		if err := d.status.SessionEnded(ctx, entry); err != nil {
			return err
		}
		d.log.WithField("entry", entry).Info("former session at the broker ended")
	}
	close(d.ready)
	return d.status.ClearRemoved(ctx)
}

// empty answers the commands that wait in a session.
func (d *daemon) empty(ctx context.Context, entry, root string) {
	came := wake.NewFlag()
	handle := func(ctx context.Context, c *broker.Conn, m broker.Delivery) {
		came.Set()
		defer came.Set()
		d.status.HandleFormer(ctx, m, root, c.Send)
	}
	d.asEntry(ctx, entry, false, handle, func(ctx context.Context) {
		for idle := time.NewTimer(sessionIdle); ; idle.Reset(sessionIdle) {
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
func (d *daemon) asEntry(
	ctx context.Context, entry string, clean bool, handle func(context.Context, *broker.Conn, broker.Delivery), do func(context.Context),
) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	settings := connConfig(d.config, entry, 1)
	if d.inner != "" {
		settings.URL = "tcp://" + d.inner
	}
	settings.Clean, settings.Log = clean, d.log.WithField("entry", entry)
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
	defer running.Wait()
	defer stop()
	if wake.Sleep(ctx, connected, 0) == nil {
		do(ctx)
	}
}
