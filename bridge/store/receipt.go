package store

import (
	"context"
	"encoding/json"
	"math"
	"time"

	"gphotos2mqtt/bridge/store/engine"
)

// A Receipt says that a command was accepted, and how it ended: the answer to another of the same id, or to a redelivery of its publish.
type Receipt struct {
	Job       string          `json:"job"`
	Entry     string          `json:"entry"`
	CommandID string          `json:"command_id,omitempty"`
	Delivery  Delivery        `json:"delivery"`
	Ran       time.Duration   `json:"ran"`              // Store.Ran when it ended
	Result    json.RawMessage `json:"result,omitempty"` // empty while the job goes on
}

// oldReceipts is how many of the oldest receipts are looked at per save: more than come. Without a timer, idle writes nothing to a card.
const oldReceipts = 4

// SaveReceipt saves a receipt, for a day of running from its Ran on, in place of an earlier one for the same job.
func (s *Store) SaveReceipt(ctx context.Context, r Receipt) error {
	err := s.save(ctx, r, kindReceipts, r.Entry, r.Job)
	if err == nil {
		_, err = s.receipts(ctx, r.Entry, oldReceipts)
	}
	return err
}

// Receipts returns the receipts of an entry, in the order of their jobs. Without one that cannot be understood a command may run twice.
func (s *Store) Receipts(ctx context.Context, entry string) ([]Receipt, error) {
	return s.receipts(ctx, entry, math.MaxInt)
}

// Receipt returns the receipt of one job, and whether there is one. One that cannot be understood counts as none.
func (s *Store) Receipt(ctx context.Context, entry, job string) (r Receipt, found bool, err error) {
	found, err = s.load(ctx, &r, kindReceipts, entry, job)
	return r, found && !s.isOver(r), err
}

// isOver is true after the day for which the contract says that a command is recognised.
func (s *Store) isOver(r Receipt) bool { return s.Ran()-r.Ran > 24*time.Hour }

// receipts returns the receipts of an entry's oldest jobs, up to limit, and removes those that are over or cannot be understood.
func (s *Store) receipts(ctx context.Context, entry string, limit int) (receipts []Receipt, err error) {
	var over []engine.Change
	err = s.each(ctx, func(_ string, record engine.Record, err error) bool {
		var r Receipt
		if err != nil || json.Unmarshal(record.Value, &r) != nil || s.isOver(r) {
			over = append(over, engine.Change{Key: record.Key, Revision: engine.Any})
		} else {
			receipts = append(receipts, r)
		}
		limit--
		return limit > 0
	}, kindReceipts, entry)
	if err == nil && over != nil {
		_, err = s.change(ctx, over...) // a stop in the middle leaves some for later
	}
	return receipts, err
}
