package cluster

import (
	"context"
	"slices"
	"strings"
	"sync"

	"gphotos2mqtt/bridge/store/engine"
	"gphotos2mqtt/bridge/wake"
)

// keepUpTo is how many bytes a value may have to be kept in memory after it was read once or written; longer ones are asked for again.
const keepUpTo = 512

// held is what this process knows of an entry that it has claimed: all of its records.
type held struct {
	entry   string
	fence   uint64
	ctx     context.Context // ends, with ErrLost as its cause, when the entry is lost or released
	end     context.CancelCauseFunc
	writing wake.Lock // held across writes: the servers take one at a time that names the same fence

	mu      sync.Mutex // guards keys and records
	keys    []string   // in their order
	records map[string]known
}

// known is a record as it was last read or written. A value is never changed in its place.
type known struct {
	revision uint64
	value    []byte // nil = the servers have it
}

func newHeld(entry string, fence uint64) *held {
	h := &held{entry: entry, fence: fence, writing: wake.NewLock(), records: map[string]known{}}
	h.ctx, h.end = context.WithCancelCause(context.Background())
	return h
}

func (h *held) lose() { h.end(engine.ErrLost) }

// lost is why the entry is no longer held, nil while it is.
func (h *held) lost() error { return context.Cause(h.ctx) }

// set notes a record, or, without a value, that there is none. A long value is kept until it is read once.
func (h *held) set(key string, value []byte, revision uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at, there := slices.BinarySearch(h.keys, key)
	switch {
	case value == nil && there:
		h.keys = slices.Delete(h.keys, at, at+1)
		delete(h.records, key)
	case value != nil && !there:
		h.keys = slices.Insert(h.keys, at, key)
	}
	if value != nil {
		h.records[key] = known{revision, value}
	}
}

// get returns a record as it is known, and forgets a long value.
func (h *held) get(key string) (known, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	k, there := h.records[key]
	if len(k.value) > keepUpTo {
		h.records[key] = known{revision: k.revision}
	}
	return k, there
}

// saved notes a record that was written, of which a long value is not kept.
func (h *held) saved(key string, value []byte, revision uint64) {
	h.set(key, value, revision)
	if len(value) > keepUpTo {
		_, _ = h.get(key)
	}
}

func (h *held) revision(key string) (uint64, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	k, there := h.records[key]
	return k.revision, there
}

// next returns the first key after another that begins with a prefix, "" when there is none.
func (h *held) next(after, prefix string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	at, there := slices.BinarySearch(h.keys, max(after, prefix))
	if there && h.keys[at] == after {
		at++
	}
	if at == len(h.keys) || !strings.HasPrefix(h.keys[at], prefix) {
		return ""
	}
	return h.keys[at]
}
