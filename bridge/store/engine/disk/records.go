package disk

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"gphotos2mqtt/bridge/store/engine"

	"go.etcd.io/bbolt"
)

// Get reads one record. ErrDamaged comes with what is there.
func (d *Disk) Get(ctx context.Context, key string) (engine.Record, error) {
	found, err := engine.Record{}, engine.ErrNotFound
	failure := d.Each(ctx, key, func(r engine.Record, damage error) bool {
		if r.Key == key { // of all that begin like it, it is the first
			found, err = engine.Record{Key: key, Value: bytes.Clone(r.Value), Revision: r.Revision}, damage
		}
		return false
	})
	return found, cmp.Or(failure, err)
}

// Each calls do for the records of a kind whose keys begin with prefix, in their order, until it returns false. A value is valid during
// the call only, in which nothing else may be asked of the Disk. The error that do gets is nil or ErrDamaged.
func (d *Disk) Each(ctx context.Context, prefix string, do func(engine.Record, error) bool) error {
	if err := d.usable(ctx); err != nil {
		return err
	}
	return d.failed(guarded(func() error {
		return d.db.View(func(tx *bbolt.Tx) error {
			if b := tx.Bucket(kindOf(prefix)); b != nil { // else nothing of that kind was ever saved
				c := b.Cursor()
				for k, v := c.Seek([]byte(prefix)); bytes.HasPrefix(k, []byte(prefix)) && do(open(k, v)); k, v = c.Next() {
				}
			}
			return nil
		})
	}))
}

// Change makes changes durable, in their order, and returns the new revision of the last. ErrExists and ErrConflict: a record is not at
// the revision that its change asks for, and stays as it is; so do those after it. It is no error to remove what is not there.
//
// All are in one commit, with those of others that wait for the same turn: nobody waits for company, and there is no timer. What is
// promised is no more than a cluster can: a stop may leave only the first of them.
func (d *Disk) Change(ctx context.Context, changes ...engine.Change) (uint64, error) {
	if err := d.usable(ctx); err != nil {
		return 0, err
	}
	if slices.ContainsFunc(changes, func(c engine.Change) bool { return c.Revision == engine.New }) {
		if err := d.room(); err != nil {
			return 0, err
		}
	}
	w := &write{changes: changes}
	d.mu.Lock()
	d.waiting = append(d.waiting, w)
	d.mu.Unlock()
	d.turn <- struct{}{}
	defer func() { <-d.turn }()
	if !w.over { // by somebody else
		d.mu.Lock()
		writes := d.waiting
		d.waiting = nil
		d.mu.Unlock()
		d.commit(writes)
	}
	return w.revision, w.err
}

// A write is some changes on their way, and what became of them; all but the changes is for who has the turn.
type write struct {
	changes  []engine.Change
	over     bool
	revision uint64 // of the last
	err      error
}

// commit makes all changes durable in one transaction.
func (d *Disk) commit(writes []*write) {
	err := d.usable(context.Background())
	if err == nil {
		err = d.failed(guarded(func() error {
			return d.db.Update(func(tx *bbolt.Tx) (err error) {
				revision := uint64(tx.ID()) << 20 //nolint:gosec // it is not negative
				for _, w := range writes {
					for i := 0; i < len(w.changes) && err == nil && w.err == nil; i++ {
						revision++
						w.revision = revision
						w.err, err = apply(tx, w.changes[i], revision)
					}
				}
				return err
			})
		}))
	}
	for _, w := range writes {
		w.over, w.err = true, cmp.Or(err, w.err)
	}
}

// apply makes the change in a transaction, unless it is refused.
func apply(tx *bbolt.Tx, c engine.Change, revision uint64) (refused, err error) {
	b, err := tx.CreateBucketIfNotExists(kindOf(c.Key))
	all, tallyErr := tx.CreateBucketIfNotExists(tally)
	if err = cmp.Or(err, tallyErr); err != nil {
		return nil, err
	}
	key, sum := []byte(c.Key), all.Sequence()
	var r engine.Record
	if old := b.Get(key); old != nil {
		if r, err = open(key, old); err != nil { // what it added is unknown
			sum = 0
			_ = tx.ForEach(func(_ []byte, b *bbolt.Bucket) error {
				return b.ForEach(func(_, data []byte) error { sum ^= sumIn(data); return nil })
			})
		}
		sum ^= sumIn(old)
	}
	switch isThere := r.Key != ""; {
	case !isThere && c.Value == nil:
		return nil, nil
	case isThere && c.Revision == engine.New:
		return engine.ErrExists, nil
	case c.Revision != engine.New && c.Revision != engine.Any && c.Revision != r.Revision:
		return engine.ErrConflict, nil
	case c.Value == nil:
		return nil, cmp.Or(b.Delete(key), all.SetSequence(sum))
	}
	data := make([]byte, sumSize, headSize+len(c.Value))
	data = append(binary.BigEndian.AppendUint64(data, revision), c.Value...)
	binary.BigEndian.PutUint64(data, sumOf(key, data))
	return nil, cmp.Or(b.Put(key, data), all.SetSequence(sum^sumIn(data)))
}

// kindOf names the bucket of a record, so that a change of what are few does not write a path through what are many.
func kindOf(key string) []byte { return []byte(key[:strings.IndexByte(key, '.')]) }

// A record lies in the database as a sum of its key and all that follows, its revision and its value: bbolt has no sums of its pages.
// The sequence number of the bucket tally, on a page that is written with every change anyway, is the sums of all records in one by
// exclusive or: when a page is lost, or an old one is back, it does not fit.
const sumSize, headSize = 8, 8 + 8 // bytes

var tally = []byte("tally")

func open(key, data []byte) (engine.Record, error) {
	r := engine.Record{Key: string(key), Value: data[headSize:], Revision: binary.BigEndian.Uint64(data[sumSize:])}
	if sumIn(data) != sumOf(key, data) {
		return r, fmt.Errorf("%w: the bytes of a record have changed", engine.ErrDamaged)
	}
	return r, nil
}

// sumOf is that of FNV-1a: unlike those of a CRC, the same change of two records does not cancel out in a tally.
func sumOf(key, data []byte) uint64 {
	sum := fnv.New64a()
	_, _ = sum.Write(key) // never fails
	_, _ = sum.Write(data[sumSize:])
	return sum.Sum64()
}

func sumIn(data []byte) uint64 { return binary.BigEndian.Uint64(data) }

// pageSize is that of the database on every machine: the block of most file systems.
const pageSize = 4096

// openBolt opens a database, or makes one. Without NoFreelistSync each commit would write the list of all free pages too, which is
// found again here.
func openBolt(path string) (db *bbolt.DB, err error) {
	options := &bbolt.Options{
		Timeout: time.Second, PageSize: pageSize, NoStatistics: true, NoFreelistSync: true, FreelistType: bbolt.FreelistMapType,
		OpenFile: func(path string, flag int, mode os.FileMode) (*os.File, error) {
			f, err := os.OpenFile(path, flag, mode)
			if err == nil {
				readPages(f)
			}
			return f, err
		},
	}
	err = guarded(func() error {
		db, err = bbolt.Open(path, 0o600, options)
		return err
	})
	return db, err
}

// guarded makes an error of a page that cannot be read, which is a fault of the memory that it is mapped to, or is not what it should be.
func guarded(do func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("a page of the database cannot be read: %v", r)
		}
	}()
	return do()
}
