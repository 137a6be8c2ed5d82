package broker

import (
	"context"
	"sync"
	"time"

	"gphotos2mqtt/bridge/wake"
)

const (
	// intakeRoom is how many bytes of payloads may be in memory before the connection is read on: fifty photos of 27 KB in base64, as many as
	// are made durable together, or one larger payload. Mosquitto 2.0 sends all it has ahead of acknowledgements as soon as these flow,
	// whatever its window says.
	intakeRoom = 2 << 20
	// intakeLimit is the longest that reading waits for room in one piece: answers to pings and publishes are behind what is not read.
	intakeLimit = 5 * time.Second
)

// intake counts the payloads that handlers still need, so that reading waits while they are too many.
type intake struct {
	changed wake.Broadcast
	mu      sync.Mutex // guards all below
	held    int        // bytes
	working int        // handlers that have a payload; the others wait for the broker
	patient bool       // the last wait was not in vain
}

// came takes a payload in.
func (i *intake) came(n int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.held += n
}

// handed says that a handler has a payload.
func (i *intake) handed() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.working++
}

// gone gives a payload up, which a handler had or none.
func (i *intake) gone(n int, handed bool) {
	i.mu.Lock()
	if i.held -= n; handed {
		i.working--
	}
	i.mu.Unlock()
	i.changed.Wake()
}

// await returns when there is room, or after intakeLimit; then it does not wait again until there was room.
func (i *intake) await(ctx context.Context) {
	if room, patient := i.look(); room || !patient {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, intakeLimit)
	defer cancel()
	_, err := wake.Until(ctx, &i.changed, func() (none struct{}, ok bool, wait time.Duration) {
		ok, _ = i.look()
		return none, ok, 0
	})
	i.mu.Lock()
	defer i.mu.Unlock()
	i.patient = err == nil
}

func (i *intake) look() (room, patient bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	room = i.held <= intakeRoom || i.working == 0 // nobody would make any
	i.patient = i.patient || room
	return room, i.patient
}
