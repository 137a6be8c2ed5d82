package daemon

import (
	"context"
	"math"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"gphotos2mqtt/bridge"
	"gphotos2mqtt/bridge/wake"
)

// What all entries of a process do at a time, however many they are: docs/performance.md has the measurements with 1,000.
const (
	connecting = 32  // connections to the broker that are being made
	inside     = 4   // the same with the built-in one, which makes a session of files that it syncs
	listing    = 16  // requests for what is listed
	fetching   = 8   // items whose bytes are fetched
	sending    = 256 // files that are sent
)

func newTurns() bridge.Turns {
	return bridge.Turns{Listing: wake.NewTurns(listing), Fetching: wake.NewTurns(fetching), Sending: wake.NewTurns(sending)}
}

const (
	filesBase   = 64          // files that the program has open beside those of entries
	memoryBase  = 64 << 20    // bytes: what the program needs with one entry, and room for what it does
	memoryEntry = 256 << 10   // of each, which has 0.1 to 0.2 MB when it is idle
	memoryLook  = time.Minute // between two looks at what lives
)

// bounds are those of the process's memory and open files. The limit of memory has the garbage collector work early, unless GOMEMLIMIT says
// otherwise: a home server has little memory and time enough.
type bounds struct {
	log     *logrus.Entry
	uploads int // that an entry sends at a time
	each    int // connections of an entry to the broker, of which this process has the ends
	tooFew  sync.Once

	mu      sync.Mutex // guards all below
	entries int
	set     int64 // the limit of memory that was set; 0 = none
}

// fit makes them those of so many entries.
func (b *bounds) fit(entries int) {
	b.mu.Lock()
	b.entries = entries
	b.limitMemory()
	b.mu.Unlock()
	needed := filesBase + b.each*entries + listing + fetching + 2*min(sending, entries*b.uploads) // a file and a connection
	if most := openFiles(); uint64(needed) > most {                                               //nolint:gosec // it is not negative
		b.tooFew.Do(func() { // or the broker, or Google, would seem not to answer
			b.log.WithFields(logrus.Fields{"limit": most, "needed": needed, "entries": entries}).
				Warn("too few files may be open for so many entries: raise the limit (ulimit -n, LimitNOFILE= of systemd, ulimits of docker)")
		})
	}
}

// follow lets the limit of memory follow what lives, until ctx ends.
func (b *bounds) follow(ctx context.Context) error {
	for wake.Sleep(ctx, nil, memoryLook) == nil {
		b.mu.Lock()
		b.limitMemory()
		b.mu.Unlock()
	}
	return nil
}

// limitMemory is called with mu held.
func (b *bounds) limitMemory() {
	if now := debug.SetMemoryLimit(-1); now != math.MaxInt64 && now != b.set {
		return // GOMEMLIMIT's
	}
	lives := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(lives)
	b.set = limitFor(b.entries, int64(lives[0].Value.Uint64()+lives[1].Value.Uint64())) //nolint:gosec // far from the limit
	debug.SetMemoryLimit(b.set)
}

// limitFor leaves room above what lives: with a limit below it, the garbage collector would take half of the processor's time, in vain.
func limitFor(entries int, lives int64) int64 {
	return max(memoryBase+memoryEntry*int64(entries), lives+lives/2+memoryBase/2)
}
