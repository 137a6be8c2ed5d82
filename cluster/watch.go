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

// watchAgain is the pause after which a watch that has failed begins anew.
const watchAgain = time.Second

// Watch calls changed with the key and the revision of each record below a prefix of whole names, and then of each that is changed or removed,
// until ctx ends, whose error it returns. When the connection was lost, all records come once more; one that was removed meanwhile too.
func (e *Engine) Watch(ctx context.Context, prefix string, changed func(key string, revision uint64)) error {
	for ctx.Err() == nil {
		if err := e.watchOnce(ctx, prefix, changed); err != nil && ctx.Err() == nil {
			e.conn.cfg.Log.WithError(err).WithField("op", "watch").Warn("records are not watched")
			_ = wake.Sleep(ctx, nil, watchAgain)
		}
	}
	return ctx.Err()
}

func (e *Engine) watchOnce(ctx context.Context, prefix string, changed func(key string, revision uint64)) error {
	bucket := "$KV." + e.conn.recordsName() + "."
	watch, err := e.conn.records.Watch(ctx, strings.TrimPrefix(e.conn.subject(prefix+"*"), bucket), jetstream.MetaOnly())
	if err != nil {
		return fmt.Errorf("watch %s: %w", prefix, err)
	}
	defer watch.Stop() //nolint:errcheck // it ends with the connection, too
	for {
		select {
		case entry, ok := <-watch.Updates():
			if !ok {
				return errors.New("the watch has ended")
			}
			if entry != nil { // nil follows what there was at the beginning
				changed(e.conn.key(bucket+entry.Key()), entry.Revision())
			}
		case <-ctx.Done():
			return nil
		}
	}
}
