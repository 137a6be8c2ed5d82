package store

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go/jetstream"
)

// Links keeps the sealed OAuth token of each linked entry.
type Links struct{ store *Store }

// Links returns the part of the store that package auth takes as its vault.
func (s *Store) Links() *Links { return &Links{s} }

// Load returns what was saved for an entry, nil when that is nothing.
func (l *Links) Load(ctx context.Context, entry string) ([]byte, error) {
	var token []byte
	err := l.store.call(ctx, "load link", func(ctx context.Context) error {
		k, err := key(entry)
		if err != nil {
			return err
		}
		record, err := l.store.links.kv.Get(ctx, k)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			return nil
		}
		if err == nil {
			token = record.Value()
		}
		return err
	})
	return token, err
}

// Save replaces what was saved for an entry.
func (l *Links) Save(ctx context.Context, entry string, token []byte) error {
	return l.store.call(ctx, "save link", func(ctx context.Context) error {
		k, err := key(entry)
		if err != nil {
			return err
		}
		_, err = l.store.links.kv.Put(ctx, k, token)
		return err
	})
}

// Delete forgets what was saved for an entry; it is no error when that is
// nothing. A small mark stays behind, without which a crash could bring an older
// token back.
func (l *Links) Delete(ctx context.Context, entry string) error {
	return l.store.call(ctx, "delete link", func(ctx context.Context) error {
		k, err := key(entry)
		if err != nil {
			return err
		}
		return l.store.links.kv.Delete(ctx, k)
	})
}
