package daemon

import (
	"context"
	"math"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"

	"gphotos2mqtt/bridge/wake"
)

const (
	memoryBase  = 64 << 20    // bytes: what the program needs with one entry, and room for what it does
	memoryEntry = 256 << 10   // of each, which has 0.1 to 0.2 MB when it is idle
	memoryLook  = time.Minute // between two looks at what lives
)

// A memory is the limit that has the garbage collector work early, unless GOMEMLIMIT says otherwise: a home server has little memory and time
// enough.
type memory struct {
	mu      sync.Mutex // guards all below
	entries int
	set     int64 // the limit that was set; 0 = none
}

// limit makes it one for so many entries.
func (m *memory) limit(entries int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entries = entries
	m.apply()
}

// follow lets the limit follow what lives, until ctx ends.
func (m *memory) follow(ctx context.Context) error {
	for wake.Sleep(ctx, nil, memoryLook) == nil {
		m.mu.Lock()
		m.apply()
		m.mu.Unlock()
	}
	return nil
}

// apply is called with mu held.
func (m *memory) apply() {
	if now := debug.SetMemoryLimit(-1); now != math.MaxInt64 && now != m.set {
		return // GOMEMLIMIT's
	}
	lives := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(lives)
	m.set = limitFor(m.entries, int64(lives[0].Value.Uint64()+lives[1].Value.Uint64())) //nolint:gosec // far from the limit
	debug.SetMemoryLimit(m.set)
}

// limitFor leaves room above what lives: with a limit below it, the garbage collector would take half of the processor's time, in vain.
func limitFor(entries int, lives int64) int64 {
	return max(memoryBase+memoryEntry*int64(entries), lives+lives/2+memoryBase/2)
}
