package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// receiptTTL is for how long a command is recognised when it comes again, as the
// contract says. It begins anew when the receipt is saved again.
const receiptTTL = 24 * time.Hour

// A Receipt says that a command was accepted, and how it ended: what a second
// command of the same id, or a redelivery of the same publish, is answered with.
type Receipt struct {
	Job       string          `json:"job"`
	Entry     string          `json:"entry"`
	CommandID string          `json:"command_id,omitempty"`
	Delivery  Delivery        `json:"delivery"`
	At        time.Time       `json:"at"`
	Result    json.RawMessage `json:"result,omitempty"` // empty while the job goes on
}

// SaveReceipt saves a receipt in place of an earlier one for the same job.
func (s *Store) SaveReceipt(ctx context.Context, r Receipt) error {
	return s.call(ctx, "save receipt", func(ctx context.Context) error {
		k, err := key(r.Entry, r.Job)
		if err != nil {
			return err
		}
		return s.receipts.put(ctx, k, r)
	})
}

// Receipts returns the receipts of an entry, in no order. One that cannot be
// understood is left out: at worst a command is run twice.
func (s *Store) Receipts(ctx context.Context, entry string) ([]Receipt, error) {
	var receipts []Receipt
	err := s.call(ctx, "list receipts", func(ctx context.Context) error {
		prefix, err := key(entry)
		if err != nil {
			return err
		}
		return s.receipts.each(ctx, prefix, func(record jetstream.KeyValueEntry) {
			var r Receipt
			if json.Unmarshal(record.Value(), &r) == nil {
				receipts = append(receipts, r)
			}
		})
	})
	return receipts, err
}

// Receipt returns the receipt of one job, and whether there is one. One that
// cannot be understood counts as none.
func (s *Store) Receipt(ctx context.Context, entry, job string) (Receipt, bool, error) {
	var r Receipt
	var found bool
	err := s.call(ctx, "read receipt", func(ctx context.Context) error {
		k, err := key(entry, job)
		if err != nil {
			return err
		}
		record, err := s.receipts.kv.Get(ctx, k)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		found = json.Unmarshal(record.Value(), &r) == nil
		return nil
	})
	return r, found, err
}
