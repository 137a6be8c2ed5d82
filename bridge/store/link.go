package store

import (
	"context"
)

// Links keeps the sealed OAuth token of each linked entry; package auth takes it as its vault.
type Links struct{ store *Store }

// Links returns the links in the store.
func (s *Store) Links() *Links { return &Links{s} }

// Load returns what was saved for an entry, nil when that is nothing.
func (l *Links) Load(ctx context.Context, entry string) (token []byte, err error) {
	_, err = l.store.load(ctx, &token, kindLinks, entry)
	return token, err
}

// Save replaces what was saved for an entry.
func (l *Links) Save(ctx context.Context, entry string, token []byte) error {
	return l.store.save(ctx, token, kindLinks, entry)
}

// Delete forgets what was saved for an entry; it is no error when that is nothing.
func (l *Links) Delete(ctx context.Context, entry string) error {
	return l.store.save(ctx, nil, kindLinks, entry)
}
