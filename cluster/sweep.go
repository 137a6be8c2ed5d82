package cluster

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// sweptAfter is the least age of a blob that is swept: one that is just being put has no job yet, wherever that happens.
const sweptAfter = time.Hour

// SweepBlobs removes the blobs that keep does not want, and what is left of those that were never complete, and returns how many; none that
// is younger than an hour. The process that leads calls it now and then.
func (e *Engine) SweepBlobs(ctx context.Context, keep func(name string) bool) (n int, err error) {
	return e.sweep(ctx, keep, sweptAfter)
}

func (e *Engine) sweep(ctx context.Context, keep func(name string) bool, after time.Duration) (n int, err error) {
	c := e.conn
	var info *jetstream.StreamInfo
	err = c.until(ctx, "sweep payloads", 0, func(asking context.Context) error {
		stream, err := c.js.Stream(asking, c.blobs())
		if err == nil {
			info, err = stream.Info(asking, jetstream.WithSubjectFilter(c.chunkSubject(">")))
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	unknown, old := map[string]bool{}, info.TimeStamp.Add(-after) // by the servers' clocks
	for subject := range info.State.Subjects {
		id, _, _ := strings.Cut(strings.TrimPrefix(subject, c.chunkSubject("")), ".")
		unknown[id] = true
	}
	var swept []string
	err = c.read(ctx, c.blobs(), c.blobSubject(">"), func(m message) bool {
		var b blobInfo
		id := strings.TrimPrefix(m.subject, c.blobSubject(""))
		if delete(unknown, id); m.at.Before(old) && (json.Unmarshal(m.value, &b) != nil || !keep(b.Name)) {
			swept = append(swept, id)
		}
		return false
	}, func() bool { return true })
	for id := range unknown {
		if err == nil && c.isOld(ctx, id, old) {
			swept = append(swept, id)
		}
	}
	for _, id := range swept {
		if err == nil {
			err = e.removeBlob(ctx, id)
			n++
		}
	}
	return n, err
}

// isOld tells whether the first chunk of a blob was put before a time; one that cannot be asked for now is asked for the next time.
func (c *Conn) isOld(ctx context.Context, id string, before time.Time) bool {
	asking, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	m, err := c.next(asking, c.blobs(), c.chunkSubject(id+".>"), 1)
	return err == nil && m.at.Before(before)
}
