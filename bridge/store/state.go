package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// LoadState reads a ledger of an entry into v, and reports whether there is one.
// A ledger that cannot be understood is ErrDamaged.
func (s *Store) LoadState(ctx context.Context, entry, name string, v any) (bool, error) {
	var found bool
	err := s.call(ctx, "load state "+name, func(ctx context.Context) error {
		k, err := key(entry, name)
		if err != nil {
			return err
		}
		record, err := s.state.kv.Get(ctx, k)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := json.Unmarshal(record.Value(), v); err != nil {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		found = true
		return nil
	})
	return found, err
}

// SaveState saves v, as JSON, as a ledger of an entry.
func (s *Store) SaveState(ctx context.Context, entry, name string, v any) error {
	return s.call(ctx, "save state "+name, func(ctx context.Context) error {
		k, err := key(entry, name)
		if err != nil {
			return err
		}
		return s.state.put(ctx, k, v)
	})
}

// DeleteState removes a ledger; it is no error when there is none. A small mark
// stays behind, without which a crash could bring an older one back.
func (s *Store) DeleteState(ctx context.Context, entry, name string) error {
	return s.call(ctx, "delete state "+name, func(ctx context.Context) error {
		k, err := key(entry, name)
		if err != nil {
			return err
		}
		return s.state.kv.Delete(ctx, k)
	})
}
