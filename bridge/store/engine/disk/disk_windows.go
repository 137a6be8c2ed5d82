package disk

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/windows"

	"gphotos2mqtt/bridge/store/engine"
)

// What the file system says: no room, not to be written, a part of a path is a file, broken.
// https://learn.microsoft.com/en-us/windows/win32/debug/system-error-codes
var (
	errsFull     = []error{windows.ERROR_DISK_FULL, windows.ERROR_HANDLE_DISK_FULL, windows.ERROR_DISK_QUOTA_EXCEEDED}
	errsReadOnly = []error{windows.ERROR_WRITE_PROTECT, os.ErrPermission}
	errsNoFolder = []error{windows.ERROR_DIRECTORY}
	errsBroken   = []error{windows.ERROR_CRC, windows.ERROR_IO_DEVICE}
)

func user() string { return "the user of the bridge" } // who has no number

// lockAt is a byte that no file reaches: what is locked here cannot even be read by others, and they read the id in the file.
var lockAt = windows.Overlapped{OffsetHigh: 1 << 30}

// lockFile locks an open file for this process, or returns ErrInUse at once.
func lockFile(f *os.File) error {
	at := lockAt
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return engine.ErrInUse
	}
	return err
}

func unlockFile(f *os.File) error {
	at := lockAt
	return windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, &at)
}

// space returns how many bytes the file system of a folder has for this process, and how many it has in all.
func space(folder string) (free, all uint64, err error) {
	path, err := windows.UTF16PtrFromString(folder)
	if err == nil {
		err = windows.GetDiskFreeSpaceEx(path, &free, &all, nil)
	}
	return free, all, err
}

// mapFile shows the first size bytes of a file as memory, until release. It is a copy: the database is checked once, at the start.
func mapFile(f *os.File, size int) (content []byte, release func(), err error) {
	content, err = io.ReadAll(io.NewSectionReader(f, 0, int64(size)))
	return content, func() {}, err
}

// syncFolder does nothing: a folder cannot be flushed here, and NTFS writes the names in its journal.
func syncFolder(string) error { return nil }
