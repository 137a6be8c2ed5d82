package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"gphotos2mqtt/bridge/store/engine"
)

// claimMark is the kind of the record that a process writes when it claims an entry: once it is read, so is all that was written before.
const claimMark = "claim"

// load reads all records of an entry, as they are since it has another owner.
func (e *Engine) load(ctx context.Context, h *held) error {
	c, mark := e.conn, e.conn.subject(claimMark+"."+h.entry)
	// From here on every write of the owner before is refused, or comes before this one.
	revision, err := c.send(ctx, "claim", c.fenced(h, mark, fmt.Append(nil, h.fence)))
	if err != nil {
		return err
	}
	found := false
	all := "$KV." + c.recordsName() + ".e." + h.entry + ".>"
	return c.read(ctx, "KV_"+c.recordsName(), all, func(m message) bool {
		if m.subject == mark {
			found = m.revision >= revision
		} else {
			h.set(c.key(m.subject), m.value, m.revision)
		}
		return found
	}, func() bool { return found })
}

// read hands over the records of some subjects in the order of their revisions, until do returns true or, when a server has no more, over.
// What a server that lags behind has not yet, comes later.
func (c *Conn) read(ctx context.Context, stream, subjects string, do func(message) bool, over func() bool) error {
	from, more := uint64(1), true
	for more {
		done := false
		err := c.until(ctx, "read", 0, func(asking context.Context) (err error) {
			from, more, err = c.page(asking, stream, subjects, from, func(m message) { done = do(m) || done })
			if err == nil && !more && !over() {
				return errAtOnce
			}
			return err
		})
		if err != nil || done {
			return err
		}
	}
	return nil
}

// Get reads one record.
func (e *Engine) Get(ctx context.Context, key string) (engine.Record, error) {
	entry, h := e.of(key)
	if h == nil {
		r, err := e.ask(ctx, key, 0)
		if errors.Is(err, engine.ErrNotFound) {
			r = engine.Record{}
		}
		return r, err
	}
	if err := h.lost(); err != nil {
		return engine.Record{}, fmt.Errorf("%s: %w", entry, err)
	}
	k, there := h.get(key)
	switch {
	case !there:
		return engine.Record{}, engine.ErrNotFound
	case k.value == nil:
		return e.ask(ctx, key, k.revision)
	}
	return engine.Record{Key: key, Value: k.value, Revision: k.revision}, nil
}

// ask asks the servers for a record that is at a revision, or at a later one. ErrNotFound comes with the revision of the marker.
func (e *Engine) ask(ctx context.Context, key string, revision uint64) (engine.Record, error) {
	var m message
	err := e.conn.until(ctx, "read", 0, func(asking context.Context) (err error) {
		m, err = e.conn.last(asking, "KV_"+e.conn.recordsName(), e.conn.subject(key))
		if isOneOf(err, engine.ErrNotFound, engine.ErrDamaged) {
			return settledError{err}
		}
		if err == nil && m.revision < revision {
			return errAtOnce
		}
		return err
	})
	return engine.Record{Key: key, Value: m.value, Revision: m.revision}, err
}

// Each calls do for the records of a kind whose keys begin with prefix, in their order, until it returns false. Of entries that this
// process has not claimed it sees them as some server has them, which may lag behind.
func (e *Engine) Each(ctx context.Context, prefix string, do func(engine.Record, error) bool) error {
	_, h := e.of(prefix)
	if h == nil || strings.Count(prefix, ".") < 2 {
		return e.eachOfServers(ctx, prefix, do)
	}
	for key := h.next("", prefix); key != ""; key = h.next(key, prefix) {
		r, err := e.Get(ctx, key)
		switch {
		case errors.Is(err, engine.ErrNotFound): // removed meanwhile
		case err != nil && !errors.Is(err, engine.ErrDamaged):
			return err
		case !do(r, err):
			return nil
		}
	}
	return h.lost()
}

func (e *Engine) eachOfServers(ctx context.Context, prefix string, do func(engine.Record, error) bool) error {
	// What of the prefix is complete narrows down what is asked for.
	names := strings.Split(prefix, ".")
	kind, entry := "*", "*"
	if len(names) > 1 {
		kind = names[0]
	}
	if len(names) > 2 {
		entry = names[1]
	}
	records := map[string]engine.Record{}
	in := "$KV." + e.conn.recordsName() + ".e." + entry + "." + kind
	for _, subjects := range []string{in, in + ".>"} {
		err := e.conn.read(ctx, "KV_"+e.conn.recordsName(), subjects, func(m message) bool {
			if key := e.conn.key(m.subject); m.value == nil {
				delete(records, key)
			} else if strings.HasPrefix(key, prefix) && !strings.HasPrefix(key, claimMark+".") {
				records[key] = engine.Record{Key: key, Value: m.value, Revision: m.revision}
			}
			return false
		}, func() bool { return true })
		if err != nil {
			return err
		}
	}
	for _, key := range slices.Sorted(maps.Keys(records)) {
		if !do(records[key], nil) {
			return nil
		}
	}
	return nil
}

// Change makes changes durable, one after the other, and returns the new revision of the last. A stop may leave only the first of them.
func (e *Engine) Change(ctx context.Context, changes ...engine.Change) (revision uint64, err error) {
	for _, c := range changes {
		entry, h := e.of(c.Key)
		switch {
		case h != nil:
			revision, err = e.changeHeld(ctx, h, c)
		case entry == everybody:
			revision, err = e.changeShared(ctx, c)
		default:
			err = errNotHeld
		}
		if err != nil {
			return 0, err
		}
	}
	return revision, nil
}

// changeHeld changes a record of an entry that this process holds. Once it is on its way the caller's context no longer matters: it is
// acknowledged, refused, or lost with the entry, and then only the next owner learns whether it has taken effect.
func (e *Engine) changeHeld(ctx context.Context, h *held, c engine.Change) (uint64, error) {
	if err := h.writing.Lock(ctx); err != nil {
		return 0, err
	}
	defer h.writing.Unlock()
	if err := h.lost(); err != nil {
		return 0, err
	}
	switch revision, there := h.revision(c.Key); {
	case !there && c.Value == nil:
		return 0, nil
	case there && c.Revision == engine.New:
		return 0, engine.ErrExists
	case c.Revision != engine.New && c.Revision != engine.Any && (!there || c.Revision != revision):
		return 0, engine.ErrConflict
	}
	w := e.conn.fenced(h, e.conn.subject(c.Key), c.Value)
	w.isNew = c.Revision == engine.New
	revision, err := e.conn.send(h.ctx, "save", w)
	if lost := h.lost(); err != nil && lost != nil {
		err = lost
	}
	if err != nil {
		return 0, err
	}
	h.saved(c.Key, c.Value, revision)
	return revision, nil
}

// changeShared changes a record of no entry, by compare-and-set.
func (e *Engine) changeShared(ctx context.Context, c engine.Change) (uint64, error) {
	stream, subject := "KV_"+e.conn.recordsName(), e.conn.subject(c.Key)
	for {
		at, err := e.ask(ctx, c.Key, 0)
		there := err == nil
		switch {
		case err != nil && !errors.Is(err, engine.ErrNotFound):
			return 0, err
		case !there && c.Value == nil:
			return 0, nil
		case there && c.Revision == engine.New:
			return 0, engine.ErrExists
		case c.Revision != engine.New && c.Revision != engine.Any && (!there || c.Revision != at.Revision):
			return 0, engine.ErrConflict
		}
		w := newWrite(stream, valueMessage(subject, c.Value), jetstream.WithExpectLastSequencePerSubject(at.Revision))
		w.isNew = c.Revision == engine.New
		w.refused = func(ctx context.Context) error {
			switch m, err := e.conn.last(ctx, stream, subject); {
			case err != nil && !errors.Is(err, engine.ErrNotFound):
				return err
			case m.revision != at.Revision:
				return settledError{engine.ErrConflict}
			}
			return nil
		}
		revision, err := e.conn.send(ctx, "save", w)
		if err == nil || !errors.Is(err, engine.ErrConflict) {
			return revision, err
		}
		time.Sleep(atOncePause()) // somebody else was faster; look again
	}
}
