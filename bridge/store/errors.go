package store

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// What a caller may want to tell apart.
var (
	// ErrEngine: the store itself failed. Stop, and start again.
	ErrEngine = errors.New("the store failed")
	// ErrClosed: the store was closed while, or before, it was asked.
	ErrClosed = errors.New("the store is closed")
	// ErrExists: the job is already there.
	ErrExists = errors.New("already in the store")
	// ErrConflict: somebody else, such as the new owner of the entry, has changed
	// or removed the record since it was read.
	ErrConflict = errors.New("changed by somebody else")
	// ErrNotFound: the payload is not there.
	ErrNotFound = errors.New("not in the store")
	// ErrFull: there is no room on the disk for another upload.
	ErrFull = errors.New("the disk is full")
	// ErrReadOnly: the disk or the directory cannot be written.
	ErrReadOnly = errors.New("the disk cannot be written")
	// ErrInUse: another process has the store open.
	ErrInUse = errors.New("in use by another process")
	// ErrDamaged: what was written is not what is there now.
	ErrDamaged = errors.New("the store is damaged")
	// ErrHeld: another process owns the entry.
	ErrHeld = errors.New("the entry belongs to another process")
	// ErrLost: the lease has gone to another process, or could not be renewed in
	// time.
	ErrLost = errors.New("the lease is lost")
	// ErrBadName: an entry, job, payload or state name that cannot be a key.
	ErrBadName = errors.New("not a name for the store")
)

// isAnswer reports whether err is an answer of the store rather than a failure.
func isAnswer(err error) bool {
	for _, answer := range []error{ErrExists, ErrConflict, ErrNotFound, ErrFull, ErrDamaged, ErrHeld, ErrLost, ErrBadName} {
		if errors.Is(err, answer) {
			return true
		}
	}
	return false
}

// explain turns an error of the file system into a sentence that a person can
// act on. Other errors come back as they are.
func explain(dir string, err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return fmt.Errorf("%w: free some space for %s (GPHOTOS_DATA_DIR) and start again; nothing that was accepted is lost: %w", ErrFull, dir, err)
	case errors.Is(err, syscall.EROFS), errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%w: give user %d write access to %s (GPHOTOS_DATA_DIR) and mount it writable: %w", ErrReadOnly, os.Geteuid(), dir, err)
	case errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%s (GPHOTOS_DATA_DIR) cannot be a directory, because a part of that path is a file: %w", dir, err)
	case errors.Is(err, syscall.EIO):
		return fmt.Errorf("the disk below %s (GPHOTOS_DATA_DIR) is broken: %w", dir, err)
	default:
		return err
	}
}

// isDiskError reports whether err means that the disk takes no more writes.
func isDiskError(err error) bool {
	for _, bad := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, syscall.EROFS, syscall.EIO, os.ErrPermission} {
		if errors.Is(err, bad) {
			return true
		}
	}
	return false
}
