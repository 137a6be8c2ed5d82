//go:build unix

package disk

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"gphotos2mqtt/bridge/store/engine"
)

// What the file system says: no room, not to be written, a part of a path is a file, broken.
var (
	errsFull     = []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG}
	errsReadOnly = []error{syscall.EROFS, os.ErrPermission}
	errsNoFolder = []error{syscall.ENOTDIR}
	errsBroken   = []error{syscall.EIO}
)

// user is who the process is to the file system, for a person.
func user() string { return fmt.Sprint("user ", os.Geteuid()) }

// lockFile locks an open file for this process, or returns ErrInUse at once.
func lockFile(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return engine.ErrInUse
	}
	return err
}

// unlockFile also frees a lock that a process which is just being started has a copy of.
func unlockFile(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_UN) }

// space returns how many bytes the file system of a folder has for this process, and how many it has in all.
func space(folder string) (free, all uint64, err error) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(folder, &fs); err != nil {
		return 0, 0, err
	}
	unit := uint64(fs.Bsize)                               //nolint:gosec,unconvert,nolintlint // positive, and of another type elsewhere
	return uint64(fs.Bavail) * unit, fs.Blocks * unit, nil //nolint:gosec,unconvert,nolintlint // signed on FreeBSD
}

// mapFile shows the first size bytes of a file as memory, until release.
func mapFile(f *os.File, size int) (content []byte, release func(), err error) {
	content, err = unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
	return content, func() { _ = unix.Munmap(content) }, err // it was mapped
}

// syncFolder makes the names within a folder durable.
func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
