package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/sirupsen/logrus"
)

// A directory is Config.Dir with what the store itself keeps there:
//
//	lock       locked while a process has the store open; holds its id
//	closed     the census taken when the store was last closed; absent while
//	           it is open and after a crash
//	jetstream/ the engine's files
type directory struct {
	path string
	lock *os.File
}

// probeSize is about what the engine writes when it starts.
const probeSize = 64 << 10

// A census counts the records of the streams that lose none by themselves.
type census map[string]count

type count struct {
	Records uint64 `json:"records"`
	Last    uint64 `json:"last"` // sequence number of the newest
}

// openDirectory makes the directory where needed and locks it.
func openDirectory(path string) (*directory, error) {
	if path == "" {
		return nil, errors.New("set GPHOTOS_DATA_DIR to the directory where queued uploads are kept")
	}
	d := &directory{path: path}
	if err := d.open(); err != nil {
		return nil, explain(path, err)
	}
	return d, nil
}

func (d *directory) open() error {
	if err := os.MkdirAll(d.engine(), 0o700); err != nil {
		return err
	}
	lock, err := os.OpenFile(filepath.Join(d.path, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	// The kernel drops the lock with the process, however that ends.
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return errors.Join(d.inUse(lock, err), lock.Close())
	}
	d.lock = lock
	return d.probe()
}

// probe finds out that the disk is full or read-only before the engine, which
// could not say so.
func (d *directory) probe() error {
	path := filepath.Join(d.path, "probe")
	err := writeSynced(path, make([]byte, probeSize))
	if err == nil {
		err = os.Remove(path)
	}
	if err == nil {
		err = d.lock.Truncate(0)
	}
	if err == nil {
		_, err = d.lock.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		return errors.Join(err, d.unlock())
	}
	return nil
}

func (d *directory) inUse(lock *os.File, err error) error {
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		return err
	}
	owner, _ := io.ReadAll(io.LimitReader(lock, 32)) // an id that cannot be read is left out
	var pid int
	if _, err := fmt.Sscan(string(owner), &pid); err != nil {
		return fmt.Errorf("%w: stop the other gphotos2mqtt that uses %s, or give this one a GPHOTOS_DATA_DIR of its own", ErrInUse, d.path)
	}
	return fmt.Errorf("%w: stop the other gphotos2mqtt (process %d) that uses %s, or give this one a GPHOTOS_DATA_DIR of its own", ErrInUse, pid, d.path)
}

// unlock also frees a lock that a process which is just being started has a copy
// of.
func (d *directory) unlock() error {
	return errors.Join(syscall.Flock(int(d.lock.Fd()), syscall.LOCK_UN), d.lock.Close())
}

func (d *directory) engine() string { return filepath.Join(d.path, "jetstream") }

func (d *directory) closed() string { return filepath.Join(d.path, "closed") }

// check looks for damage before the engine sees the files: it would cut off
// a block of records at the first one that it cannot read, and go on.
func (d *directory) check(log *logrus.Entry) error {
	_, err := d.census()
	clean := err == nil
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	blocks, err := filepath.Glob(filepath.Join(d.engine(), "*", "streams", "*", "msgs", "*.blk"))
	if err != nil {
		return err
	}
	return checkBlocks(blocks, clean, log)
}

// settle compares what the engine found with the census of the last close, and
// from then on counts the store as open.
func (d *directory) settle(now func() (census, error)) error {
	then, err := d.census()
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	found, err := now()
	if err != nil {
		return err
	}
	for stream, want := range then {
		if got := found[stream]; got != want {
			return fmt.Errorf("%w: %s had %d records (up to number %d) when it was closed, and now has %d (up to %d); restore %s from a backup, or delete %s to go on with what is left",
				ErrDamaged, stream, want.Records, want.Last, got.Records, got.Last, d.path, d.closed())
		}
	}
	// A stop from here on is a crash: the next open expects an unfinished write.
	if err := os.Remove(d.closed()); err != nil {
		return explain(d.path, err)
	}
	return d.sync()
}

// leave writes the census: the next open may rely on it. A stop before the rename
// is a crash as well.
func (d *directory) leave(c census) error {
	data, err := json.Marshal(c)
	if err != nil {
		return err
	}
	draft := d.closed() + ".new"
	if err := writeSynced(draft, data); err != nil {
		return errors.Join(explain(d.path, err), os.Remove(draft))
	}
	if err := os.Rename(draft, d.closed()); err != nil {
		return explain(d.path, err)
	}
	return d.sync()
}

func (d *directory) census() (census, error) {
	data, err := os.ReadFile(d.closed())
	if err != nil {
		return nil, err
	}
	var c census
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, fmt.Errorf("%w: %s cannot be read; restore %s from a backup, or delete that file to go on: %w", ErrDamaged, d.closed(), d.path, err)
	}
	return c, nil
}

// sync makes the names within the directory durable.
func (d *directory) sync() error {
	f, err := os.Open(d.path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func writeSynced(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
