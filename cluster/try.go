package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"gphotos2mqtt/bridge/store/engine"
)

// Try does once what a bridge does all the time, so that a right or room that is missing shows: it saves, reads and removes a record and a
// payload. It tries until ctx ends.
func (c *Conn) Try(ctx context.Context) error {
	const key, name = "state." + everybody + ".check", "check"
	e := c.Engine()
	_, err := e.Change(ctx, engine.Change{Key: key, Value: []byte("true"), Revision: engine.Any})
	if err == nil {
		_, err = e.Get(ctx, key)
	}
	if err == nil {
		_, err = e.Change(ctx, engine.Change{Key: key, Revision: engine.Any})
	}
	if err != nil {
		return fmt.Errorf("records: %w", err)
	}
	if err = tryBlob(ctx, e, name); err != nil {
		return fmt.Errorf("payloads: %w", err)
	}
	return nil
}

func tryBlob(ctx context.Context, e *Engine, name string) error {
	_, _, err := e.PutBlob(ctx, name, strings.NewReader(name))
	if err != nil {
		return err
	}
	r, _, err := e.OpenBlob(ctx, name)
	if err == nil {
		_, err = io.Copy(io.Discard, r)
		err = errors.Join(err, r.Close())
	}
	if err != nil {
		return err
	}
	return e.removeBlob(ctx, blobID(name))
}
