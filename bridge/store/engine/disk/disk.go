// Package disk is the embedded engine of the store, for one process: a [Disk] keeps records in one bbolt database and blobs as files, and in front
// of both a journal.
//
//	lock                      locked while a process has the folder open; holds its id
//	journal/                  the newest changes of records, and small blobs
//	records.db                the records, but for those
//	payloads/                 the other blobs, a file each
//	records-damaged-*.db      a database that could not be read, for a person
//	payloads/lost+found/      the blobs of such a database
package disk

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/sirupsen/logrus"
	"go.etcd.io/bbolt"

	"gphotos2mqtt/bridge/store/engine"
)

const (
	blobsFolder = "payloads"
	lostFolder  = blobsFolder + "/lost+found"
	draftSuffix = ".new" // marks a file that is not complete
)

// A Disk is open until Close. Its methods may be called from several goroutines.
type Disk struct {
	folder string
	lock   *os.File
	log    *logrus.Entry
	db     *bbolt.DB
	fail   chan error
	Damage string // in sentences for a person: what was set aside and still lies there, and what to do; "" = nothing does

	journal *journal
	turn    chan struct{} // full while somebody commits
	mu      sync.Mutex    // guards waiting
	waiting []*write      // not committed yet
	buffers sync.Pool     // of *bytes.Buffer, for small blobs

	down context.Context // ends, with the reason as its cause, when the Disk does
	end  context.CancelCauseFunc
}

// Open opens a folder, which is made with mode 0700 when it is not there, and checks all records. Its error is a sentence that a
// person can act on; errors.Is tells [engine.ErrInUse], [engine.ErrFull] and [engine.ErrReadOnly].
func Open(folder string, log *logrus.Entry) (*Disk, error) {
	if folder == "" {
		return nil, errors.New("set GPHOTOS_DATA_DIR to the directory where queued uploads are kept")
	}
	d := &Disk{folder: folder, log: log, fail: make(chan error, 1), turn: make(chan struct{}, 1)}
	d.buffers.New = func() any { return bytes.NewBuffer(make([]byte, 0, 32<<10)) }
	d.down, d.end = context.WithCancelCause(context.Background())
	err := d.acquire()
	if err == nil {
		err = d.openDatabase()
	}
	if err != nil {
		_ = d.release() // of what there is
		return nil, d.explain(err)
	}
	return d, nil
}

// Close ends the Disk, once. After a failure it returns that.
func (d *Disk) Close() error {
	d.end(engine.ErrClosed)
	d.turn <- struct{}{} // who comes later finds the Disk closed
	defer func() { <-d.turn }()
	cause := context.Cause(d.down)
	if errors.Is(cause, engine.ErrClosed) {
		// Both heads of the database then lead to the same records, so that one of them may be lost.
		d.mu.Lock()
		writes := d.waiting
		d.mu.Unlock()
		cause = cmp.Or(d.take(writes), d.takeOver(note{Oldest: d.journal.note.Oldest}),
			guarded(func() error { return d.db.Update(func(*bbolt.Tx) error { return nil }) }))
	}
	return errors.Join(cause, d.journal.close(), d.db.Close(), d.release())
}

// Failed delivers one error when the disk can be written no more: full, read-only or broken. What was last written may or may not be
// there, and only the disk knows: all fails until the Disk is opened again.
func (d *Disk) Failed() <-chan error { return d.fail }

// failed ends the Disk if there is a cause, and returns why it has ended: the first cause is the one that counts.
func (d *Disk) failed(cause error) error {
	if cause == nil {
		return nil
	}
	err := fmt.Errorf("%w: %w", engine.ErrEngine, d.explain(cause))
	d.end(err)
	select {
	case d.fail <- err:
	default:
	}
	return context.Cause(d.down)
}

func (d *Disk) usable(ctx context.Context) error {
	return cmp.Or(context.Cause(d.down), context.Cause(ctx))
}

func (d *Disk) path(names ...string) string { return filepath.Join(d.folder, filepath.Join(names...)) }

// acquire makes and locks the folder; the kernel drops the lock with the process. Writing its id tells at once a full or read-only disk.
func (d *Disk) acquire() (err error) {
	if err := os.MkdirAll(d.path(blobsFolder), 0o700); err != nil {
		return err
	}
	if d.lock, err = os.OpenFile(d.path("lock"), os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return err
	}
	if err = lockFile(d.lock); errors.Is(err, engine.ErrInUse) {
		id, other := 0, "gphotos2mqtt"
		if _, err := fmt.Fscan(io.LimitReader(d.lock, 32), &id); err == nil { // an id that cannot be read is left out
			other = fmt.Sprintf("gphotos2mqtt (process %d)", id)
		}
		return fmt.Errorf("%w: stop the other %s that uses %s, or give this one a GPHOTOS_DATA_DIR of its own", engine.ErrInUse, other, d.folder)
	}
	if err == nil {
		id := fmt.Sprintln(os.Getpid())
		_, err = d.lock.WriteAt([]byte(id+strings.Repeat("\n", 64<<10)), 0) // more than a start writes
		err = errors.Join(err, d.lock.Sync(), d.lock.Truncate(int64(len(id))))
	}
	return err
}

func (d *Disk) release() error { return errors.Join(unlockFile(d.lock), d.lock.Close()) }

// PutBlob keeps the bytes of r under a name, in place of what was there, and returns how many there are and their SHA-256 in hex. They
// are durable no later than any change that is made after it. ErrFull means that the disk has no room; an error of r comes back as it
// is. After an error there is what was there.
func (d *Disk) PutBlob(ctx context.Context, name string, r io.Reader) (size int64, sum string, err error) {
	path, err := d.blob(ctx, name)
	if err == nil {
		err = d.room()
	}
	if err != nil {
		return 0, "", err
	}
	if err = d.settle(name); err != nil {
		return 0, "", err
	}
	buf := d.buffers.Get().(*bytes.Buffer)
	buf.Reset()
	buf.Write(make([]byte, headingSize))
	buf.WriteString(name)
	head := buf.Len()
	most := smallBlob + 1 // more tells that it is a large one
	first := min(most, buf.Available()-bytes.MinRead)
	n, err := buf.ReadFrom(io.LimitReader(r, int64(first)))
	if left := most - first; err == nil && int(n) == first && left > 0 { // there may be more: it grows once
		buf.Grow(left + bytes.MinRead)
		_, err = buf.ReadFrom(io.LimitReader(r, int64(left)))
	}
	if err != nil {
		d.buffers.Put(buf)
		return 0, "", err
	}
	data := buf.Bytes()[head:]
	if len(data) > smallBlob || d.isThere(path, name) { // a file replaces at once what was there
		defer d.buffers.Put(buf)
		if size, sum, err = d.putFile(path, io.MultiReader(bytes.NewReader(data), r)); err == nil {
			d.journal.remove(name)
		}
		return size, sum, err
	}
	hash := sha256.Sum256(data)
	d.mu.Lock()
	d.waiting = append(d.waiting, &write{name: name, blob: buf}) // whoever makes the next change makes it durable too
	d.mu.Unlock()
	return int64(len(data)), hex.EncodeToString(hash[:]), nil
}

func (d *Disk) isThere(path, name string) bool {
	_, err := os.Stat(path)
	d.journal.mu.Lock()
	defer d.journal.mu.Unlock()
	return err == nil || d.journal.blobs[name].in != nil
}

// putFile makes a blob a file. When it is in the journal too, the file counts.
func (d *Disk) putFile(path string, r io.Reader) (size int64, sum string, err error) {
	// A stop before the rename leaves a draft, which is swept; so is one that cannot be removed.
	if size, sum, err = d.writeDraft(path+draftSuffix, r); err != nil {
		_ = os.Remove(path + draftSuffix)
		return 0, "", err
	}
	return size, sum, d.failed(cmp.Or(os.Rename(path+draftSuffix, path), syncFolder(d.path(blobsFolder))))
}

// writeDraft writes a file to the disk, and a hash of it on the way.
func (d *Disk) writeDraft(path string, r io.Reader) (size int64, sum string, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, "", d.refused(err)
	}
	defer f.Close() //nolint:errcheck // what counts is Sync
	hash := sha256.New()
	if size, err = io.Copy(io.MultiWriter(draft{d, f}, hash), r); err == nil {
		err = d.refused(f.Sync())
	}
	return size, hex.EncodeToString(hash.Sum(nil)), err
}

// A draft is a file that is being written while there is room for it.
type draft struct {
	disk *Disk
	file *os.File
}

func (w draft) Write(p []byte) (n int, err error) {
	if err = w.disk.room(); err == nil {
		n, err = w.file.Write(p)
		err = w.disk.refused(err)
	}
	return n, err
}

// OpenBlob returns the bytes of a blob as they are now, and how many there are.
func (d *Disk) OpenBlob(ctx context.Context, name string) (io.ReadCloser, int64, error) {
	path, err := d.blob(ctx, name)
	if err != nil {
		return nil, 0, err
	}
	if err := d.settle(name); err != nil {
		return nil, 0, err
	}
	r, size, err := d.journal.open(name)
	if err != nil {
		return nil, 0, d.failed(err)
	} else if r != nil {
		return r, size, nil
	}
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, 0, engine.ErrNotFound
	}
	if err != nil {
		return nil, 0, d.failed(err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(d.failed(err), f.Close())
	}
	return f, info.Size(), nil
}

// RemoveBlob removes a blob, if there is one. A power cut soon after may bring it back.
func (d *Disk) RemoveBlob(ctx context.Context, name string) error {
	path, err := d.blob(ctx, name)
	if err != nil {
		return err
	}
	if err := d.settle(name); err != nil || d.journal.remove(name) {
		return err
	}
	if err = os.Remove(path); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return d.failed(err)
}

// SweepBlobs removes all blobs that keep does not want, and those that are not complete, and returns how many. None may be on its way.
func (d *Disk) SweepBlobs(ctx context.Context, keep func(name string) bool) (n int, err error) {
	if err := cmp.Or(d.usable(ctx), d.settle("")); err != nil {
		return 0, err
	}
	blobs, err := readBlobs(d.path(blobsFolder))
	for _, b := range blobs {
		if strings.HasSuffix(b.Name(), draftSuffix) || !keep(b.Name()) {
			err = errors.Join(err, os.Remove(d.path(blobsFolder, b.Name())))
			n++
		}
	}
	for _, name := range d.journal.names() {
		if !keep(name) && d.journal.remove(name) {
			n++
		}
	}
	return n, d.failed(err)
}

// readBlobs lists blobs and drafts in the order of their names, but not lostFolder.
func readBlobs(folder string) ([]os.DirEntry, error) {
	all, err := os.ReadDir(folder)
	return slices.DeleteFunc(all, os.DirEntry.IsDir), err
}

func (d *Disk) blob(ctx context.Context, name string) (string, error) {
	if name == "" || name[0] == '.' || strings.ContainsAny(name, "/\x00") || strings.HasSuffix(name, draftSuffix) || len(name) > 200 ||
		name == filepath.Base(lostFolder) {
		return "", fmt.Errorf("%w: %q", engine.ErrBadName, name)
	}
	return d.path(blobsFolder, name), d.usable(ctx)
}
