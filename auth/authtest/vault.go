// Package authtest is for tests of what uses auth.
package authtest

import (
	"context"
	"slices"
	"sync"
)

// Vault is an auth.Vault that forgets everything when the process ends. The zero value is ready, and it may be used by many goroutines.
type Vault struct{ records sync.Map }

// Load gives the entry's record, nil when there is none.
func (v *Vault) Load(_ context.Context, entry string) ([]byte, error) {
	sealed, _ := v.records.Load(entry)
	record, _ := sealed.([]byte)
	return slices.Clone(record), nil
}

// Save replaces the entry's record.
func (v *Vault) Save(_ context.Context, entry string, sealed []byte) error {
	v.records.Store(entry, slices.Clone(sealed))
	return nil
}

// Delete removes the entry's record.
func (v *Vault) Delete(_ context.Context, entry string) error {
	v.records.Delete(entry)
	return nil
}
