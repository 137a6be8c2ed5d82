package disk

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"gphotos2mqtt/bridge/store/engine"
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
// the call only, in which nothing else may be asked of the Disk. The error that do gets is nil or engine.ErrDamaged.
func (d *Disk) Each(ctx context.Context, prefix string, do func(engine.Record, error) bool) error {
	if err := d.usable(ctx); err != nil {
		return err
	}
	d.journal.mu.Lock()
	fresh := d.journal.fresh.below(prefix) // before the database is looked at, which may take them over meanwhile
	d.journal.mu.Unlock()
	return d.failed(guarded(func() error {
		return d.db.View(func(tx *bbolt.Tx) error {
			var k, v []byte
			read := 0
			next := func() ([]byte, []byte) { return nil, nil }
			if b := tx.Bucket(kindOf(prefix)); b != nil { // else it has nothing of that kind
				c := b.Cursor()
				k, v = c.Seek([]byte(prefix))
				next = c.Next
			}
			for {
				more := k != nil && bytes.HasPrefix(k, []byte(prefix))
				switch {
				case len(fresh) > 0 && (!more || fresh[0].Key <= string(k)):
					c := fresh[0]
					if fresh = fresh[1:]; more && c.Key == string(k) {
						k, v = next()
					}
					if c.Value != nil && !do(engine.Record(c), nil) {
						return nil
					}
				case !more || !do(open(k, v)):
					return nil
				default:
					if read += len(v); read > inMemory {
						forgetPages(tx)
						read = 0
					}
					k, v = next()
				}
			}
		})
	}))
}

// Change makes changes durable, in their order, and returns the new revision of the last. ErrExists and ErrConflict: a record is not at
// the revision that its change asks for, and stays as it is; so do those after it. It is no error to remove what is not there.
//
// All are in one turn of the journal, with those of others that wait for it: nobody waits for company, and there is no timer. What is
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
	d.commit(w)
	return w.revision, w.err
}

// resolve returns what becomes of the records that a turn's writes change, and tells each write its revision, or why it is refused.
func (d *Disk) resolve(writes []*write, turn uint64) (made recent, err error) {
	revision := turn << 20
	err = guarded(func() error {
		return d.db.View(func(tx *bbolt.Tx) error {
			for _, w := range writes {
				for i := 0; i < len(w.changes) && w.err == nil; i++ {
					revision++
					c := w.changes[i]
					was, isThere := d.current(tx, made, c.Key)
					switch asked := c.Revision; {
					case isThere && asked == engine.New:
						w.err = engine.ErrExists
					case (isThere || c.Value != nil) && asked != engine.New && asked != engine.Any && asked != was:
						w.err = engine.ErrConflict
					case isThere || c.Value != nil:
						c.Revision = revision
						made.put(c)
					}
					w.revision = revision
				}
			}
			return nil
		})
	})
	return made, err
}

// current returns the revision that a record is at, in what a turn has made of it so far, in the journal, or in the database.
func (d *Disk) current(tx *bbolt.Tx, made recent, key string) (revision uint64, isThere bool) {
	for _, in := range []recent{made, d.journal.fresh} { // which nobody else changes during a turn
		if at, found := in.find(key); found {
			return in[at].Revision, in[at].Value != nil
		}
	}
	if b := tx.Bucket(kindOf(key)); b != nil {
		if data := b.Get([]byte(key)); data != nil {
			r, _ := open([]byte(key), data) // also of one that is damaged
			return r.Revision, true
		}
	}
	return 0, false
}

// takeOver brings the changes of the journal into the database, in one transaction, which also says so. It is called in a turn.
func (d *Disk) takeOver(n note) error {
	j := d.journal
	if len(j.fresh) == 0 && n == j.note {
		return nil
	}
	err := guarded(func() error {
		return d.db.Update(func(tx *bbolt.Tx) error {
			for _, c := range j.fresh {
				if err := apply(tx, c); err != nil {
					return err
				}
			}
			value, err := json.Marshal(n)
			if err == nil {
				err = apply(tx, engine.Change{Key: noteKey, Value: value})
			}
			return cmp.Or(err, tx.Bucket(turns).SetSequence(j.turn))
		})
	})
	if err != nil {
		return err
	}
	// A stop right here makes the same changes once more, but for those that the database says it has.
	j.mu.Lock()
	defer j.mu.Unlock()
	j.applied, j.fresh, j.note = j.turn, nil, n
	return nil
}

// applied returns the last turn of the journal of which the database has all changes, and its note. A new one comes after all revisions
// that it has.
func (d *Disk) applied() (turn uint64, n note, err error) {
	err = guarded(func() error {
		return d.db.View(func(tx *bbolt.Tx) error {
			turn = uint64(tx.ID()) //nolint:gosec // it is not negative
			if b := tx.Bucket(turns); b != nil {
				turn = b.Sequence()
				if data := b.Get([]byte(noteKey)); data != nil {
					_ = json.Unmarshal(data[headSize:], &n) // one that is damaged says nothing
				}
			}
			return nil
		})
	})
	return turn, n, err
}

// apply makes a change in a transaction.
func apply(tx *bbolt.Tx, c engine.Change) error {
	b, err := tx.CreateBucketIfNotExists(kindOf(c.Key))
	all, tallyErr := tx.CreateBucketIfNotExists(tally)
	if err = cmp.Or(err, tallyErr); err != nil {
		return err
	}
	key, sum := []byte(c.Key), all.Sequence()
	if old := b.Get(key); old != nil {
		if _, err = open(key, old); err != nil { // what it added is unknown
			sum = 0
			_ = tx.ForEach(func(_ []byte, b *bbolt.Bucket) error {
				return b.ForEach(func(_, data []byte) error { sum ^= sumIn(data); return nil })
			})
		}
		sum ^= sumIn(old)
	}
	if c.Value == nil {
		return cmp.Or(b.Delete(key), all.SetSequence(sum))
	}
	data := make([]byte, sumSize, headSize+len(c.Value))
	data = append(binary.BigEndian.AppendUint64(data, c.Revision), c.Value...)
	binary.BigEndian.PutUint64(data, sumOf(key, data))
	return cmp.Or(b.Put(key, data), all.SetSequence(sum^sumIn(data)))
}

// kindOf names the bucket of a record, so that a change of what are few does not write a path through what are many.
func kindOf(key string) []byte { return []byte(key[:strings.IndexByte(key, '.')]) }

// A record lies in the database as a sum of its key and all that follows, its revision and its value: bbolt has no sums of its pages.
// The sequence number of the bucket tally, on a page that is written with every change anyway, is the sums of all records in one by
// exclusive or: when a page is lost, or an old one is back, it does not fit.
const sumSize, headSize = 8, 8 + 8 // bytes

var tally = []byte("tally")

// The sequence number of this bucket is the last turn of the journal of which the database has all changes; in it is its note of that.
var turns = []byte("turns")

const noteKey = "turns.note"

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

// inMemory is after how many bytes of records, read one after another, their pages are given back: with each page that is touched the kernel
// maps 16. Source: https://github.com/torvalds/linux/blob/v6.12/mm/memory.c (fault_around_bytes).
const inMemory = 256 << 10

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
		if db, err = bbolt.Open(path, 0o600, options); err != nil {
			return err
		}
		return db.View(func(tx *bbolt.Tx) error { // of all pages, to find those that are free
			forgetPages(tx)
			return nil
		})
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
