package broker

import (
	"context"
	"sync"
	"time"

	"gphotos2mqtt/bridge/wake"
)

const (
	// intakeRoom is how many bytes of payloads may be in memory before the connection is read on: base64 of 15 MB. The broker's window alone is
	// 20 messages of any size.
	intakeRoom = 20 << 20
	// intakeLimit is the longest that reading waits for room in one piece: answers to pings and publishes are behind what is not read.
	intakeLimit = 5 * time.Second
)

// intake counts the payloads that handlers still need, so that reading waits while they are too many.
type intake struct {
	changed wake.Broadcast
	mu      sync.Mutex // guards all below
	held    int        // bytes
	patient bool       // the last wait was not in vain
}

func (i *intake) add(n int) {
	i.mu.Lock()
	i.held += n
	i.mu.Unlock()
	if n < 0 {
		i.changed.Wake()
	}
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
	room = i.held <= intakeRoom
	i.patient = i.patient || room
	return room, i.patient
}
