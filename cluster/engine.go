package cluster

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"gphotos2mqtt/bridge/store/engine"
)

// everybody stands for the entry's name in the keys of what belongs to no entry and every process may change (store.Bridge).
const everybody = "bridge"

// An Engine keeps records and payloads for bridge/store.
//
// The records of an entry are for the process that has claimed it: they are read once, and every write of one is refused by the servers
// once the entry's owner record is not at the revision any more, the fence, at which it was claimed. So a process that was halted, or that
// the network has cut off, changes nothing after another has taken over, also not by what it had sent before. What fails for this fails
// with [engine.ErrLost], and so does a write of an entry that was not claimed. Records of no entry are read from the servers each time, and
// changed by compare-and-set.
//
// Payloads have no fence: bridge/store gives each a name of its own, and removes it only when the job that names it is gone by a write that
// was not refused.
type Engine struct {
	conn *Conn
	mu   sync.Mutex       // guards held and late
	held map[string]*held // by entry
	late []string         // ids of blobs that are still to be removed
}

// Engine returns the engine of the cluster. There should be one of a Conn, which outlives it.
func (c *Conn) Engine() *Engine { return &Engine{conn: c, held: map[string]*held{}} }

// Claim makes an entry's records this process's, which has become its owner: fence is the revision of its owner record. It waits for the
// cluster until ctx ends. ErrLost: somebody else owns it by now.
func (e *Engine) Claim(ctx context.Context, entry string, fence uint64) error {
	if entry == everybody {
		return nil
	}
	h := newHeld(entry, fence)
	if err := e.load(ctx, h); err != nil {
		h.lose()
		return fmt.Errorf("claim %s: %w", entry, err)
	}
	e.mu.Lock()
	before := e.held[entry]
	e.held[entry] = h
	e.mu.Unlock()
	if before != nil {
		before.lose()
	}
	return nil
}

// Release forgets an entry. What is being written of it fails with ErrLost; whether it has taken effect, only its next owner learns.
func (e *Engine) Release(entry string) {
	e.mu.Lock()
	h := e.held[entry]
	delete(e.held, entry)
	e.mu.Unlock()
	if h != nil {
		h.lose()
	}
}

// Age is how long ago the cluster's records were founded, by the servers' clocks, and by this process's own from its start.
func (e *Engine) Age() time.Duration { return time.Since(e.conn.founded) }

// Failed never delivers: while the cluster cannot be reached what needs it waits, and an entry that is lost ends alone.
func (e *Engine) Failed() <-chan error { return nil }

// Close releases all entries.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, h := range e.held {
		h.lose()
	}
	clear(e.held)
	return nil
}

// of returns the entry of a key, and what this process holds of it, if it does.
func (e *Engine) of(key string) (entry string, h *held) {
	_, entry, _ = strings.Cut(key, ".")
	entry, _, _ = strings.Cut(entry, ".")
	e.mu.Lock()
	defer e.mu.Unlock()
	return entry, e.held[entry]
}

// subject is where the record of a key is: all of an entry below one name, beside the owner records. The key jobs.home.01 becomes
// e.home.jobs.01 in the bucket.
func (c *Conn) subject(key string) string {
	kind, rest, _ := strings.Cut(key, ".")
	entry, rest, more := strings.Cut(rest, ".")
	subject := "$KV." + c.recordsName() + ".e." + entry + "." + kind
	if more {
		subject += "." + rest
	}
	return subject
}

// key is the way back; "" for a subject that is no record's.
func (c *Conn) key(subject string) string {
	rest, ok := strings.CutPrefix(subject, "$KV."+c.recordsName()+".e.")
	entry, rest, more := strings.Cut(rest, ".")
	if !ok || !more {
		return ""
	}
	kind, rest, more := strings.Cut(rest, ".")
	key := kind + "." + entry
	if more {
		key += "." + rest
	}
	return key
}

func (c *Conn) ownerSubject(entry string) string { return "$KV." + c.recordsName() + ".owner." + entry }

var errNotHeld = fmt.Errorf("%w: this process has not claimed it", engine.ErrLost)
