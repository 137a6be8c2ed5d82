package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"gphotos2mqtt/bridge/store/engine"
)

// An Importer writes the records of all entries, as long as no process of the bridge runs on the cluster.
type Importer struct {
	*Engine

	seized map[string]uint64 // fences by entry
}

// Importer returns an engine for an import, to be used by one goroutine.
func (c *Conn) Importer() *Importer { return &Importer{c.Engine(), map[string]uint64{}} }

// importing is the process that owner records name then: there is no lease of that name, so that a killed import holds up nobody.
const importing = "import"

// Seize makes an entry this process's, or says which processes run.
func (m *Importer) Seize(ctx context.Context, entry string) error {
	c := m.conn
	names, err := c.processes.Keys(ctx)
	switch {
	case err == nil && len(names) > 0:
		return fmt.Errorf("%d processes of the bridge run on the cluster: stop them; one that was killed counts for %v more",
			len(names), c.cfg.Lease)
	case err != nil && !errors.Is(err, jetstream.ErrNoKeysFound):
		return fmt.Errorf("list processes: %w", err)
	case entry == everybody:
		return nil
	}
	fence, err := m.own(ctx, entry, importing)
	if err == nil {
		m.seized[entry] = fence
		err = m.Claim(ctx, entry, fence)
	}
	return err
}

// own replaces the owner record of an entry.
func (m *Importer) own(ctx context.Context, entry, process string) (fence uint64, err error) {
	c := m.conn
	value, _ := json.Marshal(map[string]string{"process": process}) //nolint:errchkjson // strings never fail
	err = c.until(ctx, "own "+entry, 0, func(asking context.Context) error {
		at, err := c.last(asking, "KV_"+c.recordsName(), c.ownerSubject(entry))
		if err == nil || errors.Is(err, engine.ErrNotFound) {
			fence, err = c.records.Update(asking, "owner."+entry, value, at.revision)
		}
		return err
	})
	return fence, err
}

// Yield leaves what was seized to whoever starts. Without it they start all the same, a lease's time later.
func (m *Importer) Yield(ctx context.Context) error {
	for entry := range m.seized {
		if _, err := m.own(ctx, entry, ""); err != nil {
			return err
		}
	}
	return nil
}
