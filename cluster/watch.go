package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"gphotos2mqtt/bridge/wake"
)

// watchAgain is the part of a lease's time after which a watch that has failed begins anew.
const watchAgain = 15

// Watch calls changed with the key and the revision of each record below a prefix of whole names, and then of each that is changed or removed,
// until ctx ends, whose error it returns. When the connection was lost, all records come once more; one that was removed meanwhile too.
func (e *Engine) Watch(ctx context.Context, prefix string, changed func(key string, revision uint64)) error {
	e.conn.keepWatching(ctx, "records", func(ctx context.Context, begun func()) error { return e.watch(ctx, prefix, changed, begun) })
	return ctx.Err()
}

func (e *Engine) watch(ctx context.Context, prefix string, changed func(key string, revision uint64), begun func()) error {
	bucket := "$KV." + e.conn.recordsName() + "."
	watch, err := e.conn.records.Watch(ctx, strings.TrimPrefix(e.conn.subject(prefix+"*"), bucket), jetstream.MetaOnly())
	if err != nil {
		return fmt.Errorf("watch %s: %w", prefix, err)
	}
	defer watch.Stop() //nolint:errcheck // it ends with the connection, too
	again := wake.NewFlag()
	defer e.conn.watches.Join(again)()
	for {
		select {
		case entry, ok := <-watch.Updates():
			switch {
			case !ok:
				return errors.New("the watch has ended")
			case entry == nil: // after what there was at the beginning
				begun()
			default:
				changed(e.conn.key(bucket+entry.Key()), entry.Revision())
			}
		case <-again: // the library would find out much later what it has missed
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// keepWatching has something watched until ctx ends, again whenever that has ended. That it has to be is nothing to tell, as long as it has
// begun within the time that a lease lasts.
func (c *Conn) keepWatching(ctx context.Context, what string, watch func(ctx context.Context, begun func()) error) {
	said, log := false, c.cfg.Log.WithField("op", "watch "+what)
	for away := time.Now(); ctx.Err() == nil; {
		watched := false
		err := watch(ctx, func() {
			if watched = true; said {
				log.Info("the cluster is watched again")
			}
			said = false
		})
		if watched {
			away = time.Now()
		}
		if err == nil || ctx.Err() != nil {
			continue
		}
		if !said && time.Since(away) > c.cfg.Lease {
			said = true
			log.WithError(c.explain(err)).Warn("the cluster is not watched")
		}
		_ = wake.Sleep(ctx, nil, c.cfg.Lease/watchAgain)
	}
}
