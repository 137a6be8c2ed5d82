package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/bridge/store/engine"
)

// An Entry is one that was added at run time, as it was asked for. Unknown fields are skipped.
type Entry struct {
	Name     string            `json:"name"`
	Settings map[string]string `json:"settings"` // as in an entry's variables, without the client secret
	Removal  *Removal          `json:"removal,omitempty"`
	Refusal  *Refusal          `json:"refusal,omitempty"` // of the last removal that was asked for

	ClientSecret secret.Text `json:"-"`
	Unreadable   bool        `json:"-"` // the client secret was sealed with another key

	revision uint64 // of the record that this was read from or saved as; 0 = it is in the store nowhere
}

// Removal says that an entry is to be removed: from then on that is gone on with until nothing of it is left.
type Removal struct {
	Force  bool `json:"force,omitempty"`
	Keep   bool `json:"keep,omitempty"`
	Revoke bool `json:"revoke,omitempty"`
}

// Refusal says why an entry was not removed.
type Refusal struct {
	Uploads int `json:"uploads"` // so many are waiting
}

const entryPurpose = "entry " // of its secret's seal, with its name

// An entryRecord is how an entry lies in the store: its secret in an explicit form, since a secret.Text marshals as a hash.
type entryRecord struct {
	*Entry

	Secret []byte `json:"secret,omitempty"` // sealed when there is a key
}

// Entries are the entries that were added at run time.
type Entries struct{ store *Store }

// Entries returns those in the store.
func (s *Store) Entries() *Entries { return &Entries{s} }

// All returns the entries, in the order of their names. One whose record is damaged is left out, and logged.
func (a *Entries) All(ctx context.Context) (entries []*Entry, err error) {
	err = a.store.each(ctx, func(name string, r engine.Record, err error) bool {
		if e := a.read(name, r, err); e != nil {
			entries = append(entries, e)
		}
		return true
	}, kindEntries, Bridge)
	return entries, err
}

// Get returns one of them; nil = there is none of that name.
func (a *Entries) Get(ctx context.Context, name string) (*Entry, error) {
	r, err := a.store.get(ctx, kindEntries, Bridge, name)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, nil //nolint:nilnil // as documented
	case err != nil && !errors.Is(err, ErrDamaged):
		return nil, err
	}
	return a.read(name, r, err), nil
}

// Watch calls changed with the name of each entry that another process adds, changes or removes, and the revision of that, until ctx
// ends. It must return soon.
func (a *Entries) Watch(ctx context.Context, changed func(name string, revision uint64)) error {
	shared, ok := a.store.engine.(Watched)
	if !ok {
		<-ctx.Done()
		return nil
	}
	prefix := kindEntries + "." + Bridge + "."
	return shared.Watch(ctx, prefix, func(key string, revision uint64) { changed(strings.TrimPrefix(key, prefix), revision) })
}

// Revision tells one state of an entry in the store from others; 0 for nil.
func (e *Entry) Revision() uint64 {
	if e == nil {
		return 0
	}
	return e.revision
}

func (a *Entries) read(name string, r engine.Record, err error) *Entry {
	e := &Entry{}
	record := entryRecord{Entry: e}
	if err == nil {
		err = json.Unmarshal(r.Value, &record)
	}
	if err == nil && e.Name != name {
		err = errors.New("the record is of another entry")
	}
	if err != nil {
		a.store.log.WithError(fmt.Errorf("read record %s: %w: %w", r.Key, ErrDamaged, err)).WithField("entry", name).
			Error("entry that was added is damaged and left out")
		return nil
	}
	if e.revision = r.Revision; a.store.key != nil && record.Secret != nil {
		record.Secret, err = a.store.key.Open(record.Secret, entryPurpose+name)
		e.Unreadable = err != nil
	}
	e.ClientSecret = secret.Text(record.Secret)
	return e
}

// Save saves an entry as it was read, or a new one. ErrConflict, ErrExists: somebody else has changed it since, and it stays as it is.
func (a *Entries) Save(ctx context.Context, e *Entry) error {
	record := entryRecord{e, []byte(e.ClientSecret)}
	if a.store.key != nil && len(record.Secret) > 0 {
		record.Secret = a.store.key.Seal(record.Secret, entryPurpose+e.Name)
	}
	c, err := changeTo(record, kindEntries, Bridge, e.Name)
	if err == nil {
		c.Revision = e.revision // 0 is engine.New
		e.revision, err = a.store.change(ctx, c)
	}
	return err
}

// Delete removes the record of an entry as it was read; what else there is of the entry stays.
func (a *Entries) Delete(ctx context.Context, e *Entry) error {
	c, err := changeTo(nil, kindEntries, Bridge, e.Name)
	if err == nil {
		c.Revision = e.revision
		_, err = a.store.change(ctx, c)
	}
	return err
}

// forgetAtOnce is how many records Forget removes in one change.
const forgetAtOnce = 64

// Forget removes all that there is of an entry, which nobody may be using: jobs with their payloads, receipts, link, and what it knew.
// A stop in the middle leaves some for the next call.
func (s *Store) Forget(ctx context.Context, entry string) error {
	jobs, err := s.Jobs(ctx, entry)
	if errors.Is(err, ErrDamaged) { // their payloads go with the next SweepPayloads
		err = nil
	}
	for _, j := range jobs {
		if err == nil {
			err = s.RemoveJob(ctx, j)
		}
	}
	if err == nil {
		err = s.Links().Delete(ctx, entry)
	}
	for _, kind := range []string{kindJobs, kindDamaged, kindReceipts, kindState} {
		for more := true; more && err == nil; {
			var changes []engine.Change
			err = s.each(ctx, func(_ string, r engine.Record, _ error) bool {
				changes = append(changes, engine.Change{Key: r.Key, Revision: engine.Any})
				return len(changes) < forgetAtOnce
			}, kind, entry)
			if more = len(changes) > 0; more && err == nil {
				_, err = s.change(ctx, changes...)
			}
		}
	}
	return err
}
