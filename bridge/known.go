package bridge

import (
	"context"
	"fmt"
	"sync"
	"time"

	"gphotos2mqtt/bridge/store"
)

// knownFor is how long a command is recognised after it ended.
const knownFor = 24 * time.Hour

// known recognises commands that were accepted before: by the id that their
// sender gave, and by the packet of a delivery that the broker repeats. It is
// an index; the jobs and receipts themselves are in the store.
type known struct {
	mu       sync.Mutex // guards all below
	ids      map[string]string
	packets  map[uint16]store.Receipt
	recent   []store.Receipt // oldest first, for forgetting
	claims   map[string]bool
	released chan struct{}
}

func openKnown(ctx context.Context, s *store.Store, entry string, jobs []*store.Job) (*known, error) {
	k := &known{
		ids: map[string]string{}, packets: map[uint16]store.Receipt{},
		claims: map[string]bool{}, released: make(chan struct{}),
	}
	receipts, err := s.Receipts(ctx, entry)
	if err != nil {
		return nil, fmt.Errorf("load receipts: %w", err)
	}
	for _, r := range receipts {
		k.remember(r)
	}
	for _, j := range jobs {
		k.accept(j)
	}
	return k, nil
}

// claim waits until no other delivery of the same command is being looked at,
// and keeps others waiting until release is called.
func (k *known) claim(ctx context.Context, id string, d store.Delivery) (release func(), err error) {
	keys := claimKeys(id, d)
	for {
		k.mu.Lock()
		free := true
		for _, key := range keys {
			free = free && !k.claims[key]
		}
		if free {
			for _, key := range keys {
				k.claims[key] = true
			}
			k.mu.Unlock()
			return func() { k.release(keys) }, nil
		}
		released := k.released
		k.mu.Unlock()
		if err := sleep(ctx, released, 0); err != nil {
			return nil, err
		}
	}
}

// job returns the job that a command with that id became, if any.
func (k *known) job(id string) (string, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.forget(time.Now())
	job, ok := k.ids[id]
	return job, ok && id != ""
}

// packet returns the command that came in the same packet with the same bytes.
func (k *known) packet(d store.Delivery) (store.Receipt, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.forget(time.Now())
	r, ok := k.packets[d.PacketID]
	return r, ok && d.PacketID != 0 && r.Delivery.Hash == d.Hash
}

// accept remembers a command that became a job, for as long as the job lives.
func (k *known) accept(j *store.Job) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.index(store.Receipt{Job: j.ID, Entry: j.Entry, CommandID: j.CommandID, Delivery: j.Delivery, At: j.Received})
}

// remember keeps a command whose job is over for another day.
func (k *known) remember(r store.Receipt) {
	k.mu.Lock()
	defer k.mu.Unlock()
	r.Result = nil
	k.index(r)
	k.recent = append(k.recent, r)
}

// index is called with mu held.
func (k *known) index(r store.Receipt) {
	if r.CommandID != "" {
		k.ids[r.CommandID] = r.Job
	}
	if r.Delivery.PacketID != 0 {
		k.packets[r.Delivery.PacketID] = r
	}
}

// forget is called with mu held.
func (k *known) forget(now time.Time) {
	n := 0
	for n < len(k.recent) && now.Sub(k.recent[n].At) > knownFor {
		old := k.recent[n]
		if k.ids[old.CommandID] == old.Job {
			delete(k.ids, old.CommandID)
		}
		if k.packets[old.Delivery.PacketID].Job == old.Job {
			delete(k.packets, old.Delivery.PacketID)
		}
		n++
	}
	k.recent = k.recent[n:]
}

func (k *known) release(keys []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, key := range keys {
		delete(k.claims, key)
	}
	close(k.released)
	k.released = make(chan struct{})
}

func claimKeys(id string, d store.Delivery) []string {
	var keys []string
	if id != "" {
		keys = append(keys, "id "+id)
	}
	if d.PacketID != 0 {
		keys = append(keys, fmt.Sprintf("packet %d", d.PacketID))
	}
	return keys
}
