package store

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"gphotos2mqtt/bridge/store/engine"
)

// A Record is a record as it lies in the store: what is secret in it is sealed.
type Record = engine.Record

// ErrUnfinished is a store that an import was cut off in: it holds a part of another, so that what is missing would be lost unnoticed.
var ErrUnfinished = errors.New("an import was cut off, so that only a part of the bridge is there: run gphotos2mqtt import again")

// importRecord of [Bridge] is there from [Whole.BeginImport] to [Whole.EndImport].
const importRecord = "import"

// Kinds are what keys begin with, in the order in which a store is carried to another: first what can be refused, and receipts after the
// jobs that they are of, so that a job that ends meanwhile is not missed by both.
func Kinds() []string {
	return []string{kindLinks, kindEntries, kindJobs, kindDamaged, kindReceipts, kindState}
}

// IsJob tells a job's key from others.
func IsJob(key string) bool { return strings.HasPrefix(key, kindJobs+".") }

// IsLink tells the key of an entry's link from others.
func IsLink(key string) bool { return strings.HasPrefix(key, kindLinks+".") }

// IsReceipt tells a receipt's key from others.
func IsReceipt(key string) bool { return strings.HasPrefix(key, kindReceipts+".") }

// Sealed returns what is sealed in a record, and for which purpose; nil when nothing is, or the record is damaged.
func Sealed(r Record) (sealed []byte, purpose string) {
	names := strings.Split(r.Key, ".")
	name := names[len(names)-1]
	switch names[0] {
	case kindLinks:
		_ = json.Unmarshal(r.Value, &sealed)
		return sealed, name
	case kindJobs:
		var j struct {
			Secrets []byte `json:"secrets"`
		}
		_ = json.Unmarshal(r.Value, &j)
		return j.Secrets, jobPurpose + name
	case kindEntries:
		var e struct {
			Secret []byte `json:"secret"`
		}
		_ = json.Unmarshal(r.Value, &e)
		return e.Secret, entryPurpose + name
	}
	return nil, ""
}

// Whole is a store as what an export holds of it and an import brings into it: records as they lie there, whatever they are.
type Whole struct{ store *Store }

// Whole returns the store as a whole.
func (s *Store) Whole() *Whole { return &Whole{s} }

// Keys returns the keys of all records of a kind in their order, but for those by which the store knows of itself.
func (w *Whole) Keys(ctx context.Context, kind string) (keys []string, err error) {
	err = w.store.each(ctx, func(_ string, r engine.Record, _ error) bool {
		if r.Key != ownKey(ranRecord) && r.Key != ownKey(importRecord) && r.Key != ownKey(keyRecord) {
			keys = append(keys, r.Key)
		}
		return true
	}, kind)
	return keys, err
}

func ownKey(name string) string { return strings.Join([]string{kindState, Bridge, name}, ".") }

// Raw returns a record's value. ErrNotFound, or ErrDamaged with what is there.
func (w *Whole) Raw(ctx context.Context, key string) ([]byte, error) {
	r, err := w.store.get(ctx, strings.Split(key, ".")...)
	return r.Value, err
}

// RawPayload returns the bytes of a payload as they are now, unchecked, and how many there are. ErrNotFound.
func (w *Whole) RawPayload(ctx context.Context, name string) (io.ReadCloser, int64, error) {
	blob, size, err := w.store.engine.OpenBlob(ctx, name)
	return blob, size, during("open payload "+name, err)
}

// Restore saves records of another store, with what is secret in them sealed as it was. ErrExists: one of them is here already; ErrBadName.
// An error may leave some of them.
func (w *Whole) Restore(ctx context.Context, records ...Record) error {
	var changes []engine.Change
	for _, r := range records {
		names := strings.Split(r.Key, ".")
		if _, err := keyOf(names...); err != nil || !slices.Contains(Kinds(), names[0]) || len(names) < 2 {
			return during("restore record "+r.Key, engine.ErrBadName)
		}
		changes = append(changes, engine.Change{Key: r.Key, Value: r.Value, Revision: engine.New})
	}
	if changes == nil {
		return nil
	}
	_, err := w.store.change(ctx, changes...)
	return err
}

// Remove removes records, whatever they are at.
func (w *Whole) Remove(ctx context.Context, keys ...string) error {
	var changes []engine.Change
	for _, key := range keys {
		changes = append(changes, engine.Change{Key: key, Revision: engine.Any})
	}
	if changes == nil {
		return nil
	}
	_, err := w.store.change(ctx, changes...)
	return err
}

// BeginImport marks the store as one that holds a part of another, which no bridge may run on: see [ErrUnfinished].
func (w *Whole) BeginImport(ctx context.Context) error {
	return w.store.SaveState(ctx, Bridge, importRecord, true)
}

// EndImport takes the mark off. What was restored is as old as it was when its store had run for so long: see [Store.Ran].
func (w *Whole) EndImport(ctx context.Context, ran time.Duration) error {
	if err := w.store.setRan(ctx, ran); err != nil {
		return err
	}
	// A stop right here leaves the mark, and the next import begins anew.
	return w.store.DeleteState(ctx, Bridge, importRecord)
}

// Unfinished reports whether the mark is there.
func (w *Whole) Unfinished(ctx context.Context) (bool, error) {
	return w.store.LoadState(ctx, Bridge, importRecord, new(bool))
}

// Clear removes payloads, which belong to no record any more, and then the mark. Before it the records are removed.
func (w *Whole) Clear(ctx context.Context) error {
	_, err := w.store.SweepPayloads(ctx, func(string) bool { return false })
	if err == nil {
		err = w.store.DeleteState(ctx, Bridge, importRecord)
	}
	return err
}
