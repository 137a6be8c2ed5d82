package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// leaseTTL is how long an entry stays with a process that says nothing more.
	leaseTTL = 15 * time.Second
	// leaseRenewal leaves room for two renewals that fail.
	leaseRenewal = 5 * time.Second
)

// A Lease says that an entry belongs to this process and no other.
type Lease struct {
	store    *Store
	key      string
	value    []byte // the owner, a space, and a word that tells this lease from its others
	revision uint64
	renewed  time.Time
}

// Lease takes an entry for owner: when nobody has it, when its owner has not been
// heard of for 15 s, or when the owner is the same one, as after a restart. Else
// it returns ErrHeld and names the other.
func (s *Store) Lease(ctx context.Context, entry, owner string) (*Lease, error) {
	l := &Lease{store: s, value: []byte(owner + " " + rand.Text())}
	err := s.call(ctx, "take lease", func(ctx context.Context) error {
		var err error
		if l.key, err = key(entry); err != nil {
			return err
		}
		for again := true; again; {
			if again, err = l.take(ctx, owner); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return l, nil
}

// take tries once; again means that the lease changed while it looked.
func (l *Lease) take(ctx context.Context, owner string) (again bool, err error) {
	l.renewed = time.Now()
	l.revision, err = l.store.leases.kv.Create(ctx, l.key, l.value)
	if !errors.Is(err, jetstream.ErrKeyExists) {
		return false, err
	}
	held, err := l.store.leases.kv.Get(ctx, l.key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	other, _, _ := strings.Cut(string(held.Value()), " ")
	if other != owner {
		return false, fmt.Errorf("%w: %s", ErrHeld, other)
	}
	l.revision, err = l.store.leases.kv.Update(ctx, l.key, l.value, held.Revision())
	if errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return true, nil
	}
	return false, err
}

// Hold renews the lease until ctx ends, and then returns nil; the lease stays
// until Release or its time is over. It returns ErrLost as soon as another process
// has the entry, or when no renewal has succeeded for 15 s.
func (l *Lease) Hold(ctx context.Context) error {
	ticker := time.NewTicker(leaseRenewal)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		err := l.renew(ctx)
		switch {
		case err == nil || ctx.Err() != nil:
		case errors.Is(err, ErrLost) || l.store.down.Err() != nil:
			return err
		case time.Since(l.renewed) > leaseTTL-leaseRenewal: // it ends before the next try
			return fmt.Errorf("%w: %w", ErrLost, err)
		}
	}
}

// Release lets another process take the entry at once. Call it when Hold has
// returned and nothing is written for the entry any more.
func (l *Lease) Release(ctx context.Context) error {
	return l.store.call(ctx, "release lease", func(ctx context.Context) error {
		held, err := l.store.leases.kv.Get(ctx, l.key)
		if errors.Is(err, jetstream.ErrKeyNotFound) || err == nil && !bytes.Equal(held.Value(), l.value) {
			return nil // it is over, or somebody else's
		}
		if err != nil {
			return err
		}
		return l.store.leases.remove(ctx, l.key, held.Revision())
	})
}

func (l *Lease) renew(ctx context.Context) error {
	return l.store.call(ctx, "renew lease", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, leaseRenewal)
		defer cancel()
		now := time.Now()
		revision, err := l.store.leases.kv.Update(ctx, l.key, l.value, l.revision)
		if errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
			revision, err = l.recover(ctx)
		}
		if err == nil {
			l.revision, l.renewed = revision, now
		}
		return err
	})
}

// recover finds out why the lease is not what it was: it ran out while this
// machine slept, the answer to a renewal was lost, or it is somebody else's.
func (l *Lease) recover(ctx context.Context) (uint64, error) {
	held, err := l.store.leases.kv.Get(ctx, l.key)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		revision, err := l.store.leases.kv.Create(ctx, l.key, l.value)
		if errors.Is(err, jetstream.ErrKeyExists) {
			return 0, ErrLost
		}
		return revision, err
	case err != nil:
		return 0, err
	case !bytes.Equal(held.Value(), l.value):
		return 0, ErrLost
	}
	return held.Revision(), nil
}
