package disk

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	"go.etcd.io/bbolt"

	"gphotos2mqtt/bridge/store/engine"
)

// openDatabase opens the database after a check, and the journal, or new ones when there are none that are well.
func (d *Disk) openDatabase() error {
	path := d.path("records.db")
	err := d.openChecked(path)
	if errors.Is(err, engine.ErrDamaged) {
		d.log.WithError(err).Error("database is damaged and is set aside")
		// A stop right here leaves none. The name is durable with the new database.
		err = cmp.Or(os.Rename(path, d.path("records-damaged-"+time.Now().UTC().Format("20060102T150405.000Z")+".db")), os.ErrNotExist)
	}
	if errors.Is(err, os.ErrNotExist) {
		if err = d.createDatabase(path); err == nil {
			err = d.openChecked(path)
		}
	}
	if d.Damage = d.describeDamage(); d.Damage != "" {
		d.log.WithField("advice", d.Damage).Error("a damaged database lies aside")
	}
	return err
}

// openChecked opens the database and the journal. ErrDamaged: one of them must not be used. When that is the journal, which has a gap or
// lost its end, the database is whole, but older than what was acknowledged: a job of it may be over since, have another album or be
// cancelled, and a link may be to another account by now. None of them may go on.
func (d *Disk) openChecked(path string) (err error) {
	if err = d.check(path); err != nil {
		return err
	}
	if d.db, err = openBolt(path); err != nil {
		return err
	}
	applied, n, err := d.applied()
	if err == nil {
		d.journal, err = openJournal(d.path(journalFolder), applied, n)
	}
	if err == nil {
		var files []os.DirEntry
		files, err = readBlobs(d.path(blobsFolder))
		for _, f := range files { // which took the place of a small blob
			d.journal.remove(f.Name())
		}
	}
	if err != nil && d.journal != nil {
		err = errors.Join(err, d.journal.close())
	}
	if err != nil {
		err = errors.Join(err, d.db.Close())
	}
	return err
}

// createDatabase makes an empty database. A stop before the rename leaves none.
func (d *Disk) createDatabase(path string) (err error) {
	draft := path + draftSuffix
	_ = os.Remove(draft) // there is none but after a stop
	if err = d.rescueSmallBlobs(); err == nil {
		err = d.rescueBlobs()
	}
	var db *bbolt.DB
	if err == nil {
		db, err = openBolt(draft)
	}
	if err == nil {
		err = errors.Join(db.Close(), os.Rename(draft, path), syncFolder(d.folder))
	}
	return err
}

// rescueSmallBlobs makes files of the blobs in a journal whose database is lost. A stop in the middle leaves some for the next start.
func (d *Disk) rescueSmallBlobs() error {
	j, err := openJournal(d.path(journalFolder), math.MaxUint64>>1, note{})
	for name := range j.blobs {
		var data []byte
		r, _, readErr := j.open(name)
		if r != nil {
			data, readErr = io.ReadAll(r)
			_ = r.Close()
		}
		if readErr != nil { // the others may be well
			d.log.WithError(readErr).WithField("blob", name).Error("blob cannot be read")
		} else if err == nil {
			_, _, err = d.writeDraft(d.path(blobsFolder, name), bytes.NewReader(data)) // no draft: one that is not complete is written again
		}
	}
	if err = errors.Join(err, syncFolder(d.path(blobsFolder)), j.close()); err == nil {
		err = os.RemoveAll(d.path(journalFolder))
	}
	return err
}

// rescueBlobs moves all blobs to lostFolder, when no record names them any more: the last first, up to 1 GiB; the others it removes.
func (d *Disk) rescueBlobs() error {
	from, to := d.path(blobsFolder), d.path(lostFolder)
	blobs, err := readBlobs(from)
	if err != nil || len(blobs) == 0 {
		return err
	}
	err = os.MkdirAll(to, 0o700)
	moved, room := 0, int64(1<<30)
	for _, b := range slices.Backward(blobs) { // their names begin with the time
		info, infoErr := b.Info()
		if err = errors.Join(err, infoErr); err != nil {
			return err
		}
		path := filepath.Join(from, b.Name())
		if room -= info.Size(); room < 0 || strings.HasSuffix(path, draftSuffix) {
			err = os.Remove(path)
		} else {
			err = os.Rename(path, filepath.Join(to, b.Name()))
			moved++
		}
	}
	d.log.WithFields(logrus.Fields{"folder": to, "moved": moved, "removed": len(blobs) - moved}).
		Error("files of unfinished uploads belong to no record any more")
	return errors.Join(err, syncFolder(to), syncFolder(from))
}

func (d *Disk) describeDamage() string {
	aside, _ := filepath.Glob(d.path("records-damaged-*.db")) // the pattern is a good one
	if len(aside) == 0 {
		return ""
	}
	text := fmt.Sprintf("The database of the bridge was damaged and is set aside as %s: uploads that waited then, "+
		"and links to Google accounts, are forgotten.", strings.Join(aside, ", "))
	if lost, _ := os.ReadDir(d.path(lostFolder)); len(lost) > 0 {
		text += fmt.Sprintf(" %d files that waited are in %s.", len(lost), d.path(lostFolder))
		aside = append(aside, d.path(lostFolder))
	}
	return text + fmt.Sprintf(" Check the disk or replace the memory card. Link the accounts again, send again what did not arrive, "+
		"then delete %s and restart the bridge.", strings.Join(aside, " and "))
}

// A checker reads all pages of a closed database that its newest commit leads to. bbolt cannot be asked: of a page that is damaged it
// may read for ever, or end the process from a goroutine of its own, and it has no sums. The form of the file is that of 2013. A bound
// that is broken is an error of guarded. What it cannot notice or tell apart:
//   - an older database that is back as a whole;
//   - after a kill, one head of two that is spoilt: its change then counts as never saved;
//   - two records that are damaged differently: the tally does not say which, and the whole database is set aside;
//   - a page that goes bad later: a fault inside a write transaction can end the process, and the next start finds it.
//
// https://github.com/etcd-io/bbolt/tree/v1.5.0/internal/common (meta.go, page.go, bucket.go)
type checker struct {
	file []byte
	seen []bool   // by number of page
	bad  []string // keys of records of which the sum does not fit

	tally, stored, computed uint64 // as it was saved, and as it follows from the sums that there are, or from those that there should be
}

// A tree is the root, which has a bucket of each kind of records, or such a bucket.
type tree struct {
	*checker
	prefix      []byte // of all keys; nil in the root
	last, least []byte // key of a record, and that which the next may have
}

const head, metaSize = 16, 64 // bytes: of a page, of an element of it, and of a bucket; of what a head of the database says

var native, errTree = binary.NativeEndian, errors.New("the tree of records is broken")

// check reads a database before it is used. ErrDamaged: it must not be. A damaged record is for who asks for it; but all must be there.
func (d *Disk) check(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read from
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	content, release, err := mapFile(f, int(max(size, 1)))
	if err != nil {
		return err
	}
	defer release()
	c := &checker{file: content}
	if err := guarded(c.run); err != nil {
		return fmt.Errorf("%w: %w", engine.ErrDamaged, err)
	}
	for _, key := range c.bad {
		d.log.WithField("record", key).Error("record is damaged")
	}
	return nil
}

func (c *checker) run() error {
	var newest, root, pages uint64
	for _, m := range [][]byte{c.file[head:][:metaSize], c.file[pageSize+head:][:metaSize]} {
		sum := fnv.New64a()
		_, _ = sum.Write(m[:metaSize-8]) // never fails
		tx := native.Uint64(m[48:])
		if sum.Sum64() == native.Uint64(m[metaSize-8:]) && native.Uint32(m[8:]) == pageSize && tx >= newest {
			newest, root, pages = tx, native.Uint64(m[16:]), native.Uint64(m[40:])
		}
	}
	if pages == 0 || uint64(len(c.file)) < pages*pageSize {
		return errors.New("it has no head, or the end is missing")
	}
	c.seen = make([]bool, pages)
	err := (&tree{checker: c}).page(root)
	// Of a damaged record it is either the sum or what that is of.
	if err == nil && c.tally != c.stored && c.tally != c.computed {
		err = errors.New("records are missing, or are of another time")
	}
	return err
}

// page checks a page, which may be as long as several, and those below it.
func (t *tree) page(id uint64) error {
	p := t.file[id*pageSize:]
	end := id + 1 + uint64(native.Uint32(p[12:]))
	for n := id; n < end; n++ {
		if n < 2 || t.seen[n] {
			return errTree
		}
		t.seen[n] = true
	}
	if native.Uint64(p) != id {
		return errTree
	}
	return t.elements(slices.Clip(p[:(end-id)*pageSize]))
}

// elements checks what is on a page; all keys are in order.
func (t *tree) elements(p []byte) error {
	const branch, leaf = 1, 2
	flags, count := native.Uint16(p[8:]), int(native.Uint16(p[10:]))
	if flags != leaf && (flags != branch || count == 0) {
		return errTree
	}
	for i := range count {
		at := p[head+i*head:]
		var key, value []byte
		if flags == branch {
			key = at[native.Uint32(at):][:native.Uint32(at[4:])]
		} else {
			data := at[native.Uint32(at[4:]):]
			key, value = data[:native.Uint32(at[8:])], slices.Clip(data[native.Uint32(at[8:]):][:native.Uint32(at[12:])])
		}
		err := errTree
		switch isBucket := native.Uint32(at); {
		case bytes.Compare(key, t.last) <= 0 || bytes.Compare(key, t.least) < 0:
		case flags == branch:
			t.least = key
			err = t.page(native.Uint64(at[8:]))
		case t.prefix == nil && isBucket == 1:
			t.last = key
			err = t.bucket(key, value)
		case t.prefix != nil && isBucket == 0:
			t.last = key
			err = t.record(key, value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *tree) record(key, value []byte) error {
	if _, err := open(key, value); err != nil {
		t.bad = append(t.bad, string(key))
	} else if !bytes.HasPrefix(key, t.prefix) {
		return errTree
	}
	t.stored ^= sumIn(value)
	t.computed ^= sumOf(key, value)
	return nil
}

// bucket checks all records of a kind. A small bucket lies within its parent.
func (c *checker) bucket(name, value []byte) error {
	if bytes.Equal(name, tally) {
		c.tally = native.Uint64(value[8:])
	}
	t := &tree{checker: c, prefix: fmt.Appendf(nil, "%s.", name)}
	if root := native.Uint64(value); root > 0 {
		return t.page(root)
	}
	return t.elements(value[head:])
}
