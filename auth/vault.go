package auth

import (
	"context"
	"slices"
	"sync"
)

// Vault keeps one sealed record an entry. What it is given is encrypted and authenticated already.
type Vault interface {
	// Load gives the entry's record, nil when there is none.
	Load(ctx context.Context, entry string) ([]byte, error)
	// Save replaces the entry's record; it is durable when Save returns nil.
	Save(ctx context.Context, entry string, sealed []byte) error
	// Delete removes the entry's record; it is no error when there is none.
	Delete(ctx context.Context, entry string) error
}

// MemoryVault is a Vault that forgets everything when the process ends: for tests and trials. The zero value
// is ready, and it may be used by many goroutines.
type MemoryVault struct {
	mu      sync.Mutex
	records map[string][]byte
}

// Load implements Vault.
func (v *MemoryVault) Load(_ context.Context, entry string) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.records[entry]), nil
}

// Save implements Vault.
func (v *MemoryVault) Save(_ context.Context, entry string, sealed []byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.records == nil {
		v.records = make(map[string][]byte)
	}
	v.records[entry] = slices.Clone(sealed)
	return nil
}

// Delete implements Vault.
func (v *MemoryVault) Delete(_ context.Context, entry string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.records, entry)
	return nil
}
