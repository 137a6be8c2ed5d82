// Package dedupe recognises commands that come again: by their id, or by the packet of a redelivery.
package dedupe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/wake"
)

const dedupeFor = 24 * time.Hour // of running, after a command ended

// An Index knows the accepted commands of an entry; jobs and receipts are in the store.
type Index struct {
	store    *store.Store
	ran      func() time.Duration // Store.Ran
	entry    string
	unlocked wake.Broadcast

	mu     sync.Mutex               // guards all below
	known  map[string]store.Receipt // by each of their keys, without results
	ended  []store.Receipt          // oldest first, to be forgotten
	locked map[string]bool          // keys
}

func keysOf(id string, delivery store.Delivery) (keys []string) {
	if id != "" {
		keys = append(keys, "id "+id)
	}
	if delivery.PacketID != 0 {
		keys = append(keys, fmt.Sprintf("packet %d", delivery.PacketID))
	}
	return keys
}

// Open returns the index of an entry with these jobs.
func Open(ctx context.Context, s *store.Store, entry string, jobs []*store.Job) (*Index, error) {
	d := &Index{store: s, ran: s.Ran, entry: entry, known: map[string]store.Receipt{}, locked: map[string]bool{}}
	receipts, err := s.Receipts(ctx, entry)
	for _, r := range receipts {
		d.remember(r, true)
	}
	for _, j := range jobs {
		d.Accept(j)
	}
	return d, err
}

// Lock waits until no other delivery of the same command is looked at, and keeps others waiting until unlock. The error is ctx's.
func (d *Index) Lock(ctx context.Context, id string, delivery store.Delivery) (unlock func(), err error) {
	keys := keysOf(id, delivery)
	unlock = func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		for _, key := range keys {
			delete(d.locked, key)
		}
		d.unlocked.Wake()
	}
	return wake.Until(ctx, &d.unlocked, func() (func(), bool, time.Duration) {
		d.mu.Lock()
		defer d.mu.Unlock()
		if slices.ContainsFunc(keys, func(key string) bool { return d.locked[key] }) {
			return nil, false, 0
		}
		for _, key := range keys {
			d.locked[key] = true
		}
		return unlock, true, 0
	})
}

// Request returns what the request of that id was answered with, if it was carried out.
func (d *Index) Request(ctx context.Context, id string) (answer []byte, ok bool, err error) {
	first, ok := d.Find(id, store.Delivery{})
	if !ok {
		return nil, false, nil
	}
	answer, err = d.Result(ctx, first.Job)
	if errors.Is(err, store.ErrNotFound) { // its day is over, in the store a moment earlier
		return nil, false, nil
	}
	return answer, true, err
}

// SaveRequest notes that the request of that id was carried out.
func (d *Index) SaveRequest(ctx context.Context, id string, answer []byte) error {
	return d.Save(ctx, store.Receipt{Job: ulid.Make().String(), Entry: d.entry, CommandID: id, Ran: d.ran(), Result: answer})
}

// Save saves the receipt of a command that is over.
func (d *Index) Save(ctx context.Context, r store.Receipt) error {
	err := d.store.SaveReceipt(ctx, r)
	if err == nil {
		d.remember(r, true)
	}
	return err
}

// Finish is save, and removes the job in the same change.
func (d *Index) Finish(ctx context.Context, j *store.Job, r store.Receipt) error {
	err := d.store.FinishJob(ctx, j, r)
	if err == nil {
		d.remember(r, true)
	}
	return err
}

// Result is the answer to a command whose job is over; store.ErrNotFound when its day is.
func (d *Index) Result(ctx context.Context, job string) ([]byte, error) {
	receipt, ok, err := d.store.Receipt(ctx, d.entry, job)
	if err == nil && !ok {
		err = fmt.Errorf("receipt of job %s: %w", job, store.ErrNotFound)
	}
	return receipt.Result, err
}

// Find looks for a command by its id or, without one, by the number and bytes of the packet that it came in.
func (d *Index) Find(id string, delivery store.Delivery) (r store.Receipt, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for ; len(d.ended) > 0 && d.ran()-d.ended[0].Ran > dedupeFor; d.ended = d.ended[1:] {
		old := d.ended[0]
		for _, key := range keysOf(old.CommandID, old.Delivery) {
			if d.known[key].Job == old.Job {
				delete(d.known, key)
			}
		}
	}
	for _, key := range keysOf(id, delivery) {
		r, ok = d.known[key]
	}
	return r, ok && (id != "" || r.Delivery.Hash == delivery.Hash)
}

// ForgetDelivery is for a job whose packet cannot be delivered again.
func (d *Index) ForgetDelivery(ctx context.Context, job string) error {
	receipt, found, err := d.store.Receipt(ctx, d.entry, job)
	if err != nil || !found {
		return err
	}
	receipt.Delivery = store.Delivery{}
	return d.store.SaveReceipt(ctx, receipt)
}

// Accept recognises a command that became a job, for as long as the job lives.
func (d *Index) Accept(j *store.Job) {
	d.remember(store.Receipt{Job: j.ID, CommandID: j.CommandID, Delivery: j.Delivery}, false)
}

func (d *Index) remember(r store.Receipt, ended bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r.Result = nil
	for _, key := range keysOf(r.CommandID, r.Delivery) {
		d.known[key] = r
	}
	if ended {
		d.ended = append(d.ended, r)
	}
}
