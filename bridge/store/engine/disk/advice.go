//go:build linux || freebsd

package disk

import (
	"os"
	"syscall"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
)

// readPages has the kernel cache single pages of a file: a changed page would count as all those that were read with it. Where one of
// these fails, nothing is lost.
func readPages(f *os.File) {
	_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_RANDOM)
	_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
}

// forgetPages takes what was read of a database out of the memory of this process. What is read again comes from the kernel's cache, also
// what the transaction still points to. https://man7.org/linux/man-pages/man2/madvise.2.html
func forgetPages(tx *bbolt.Tx) {
	_, _, _ = syscall.Syscall(unix.SYS_MADVISE, tx.DB().Info().Data, uintptr(tx.Size()), unix.MADV_DONTNEED) //nolint:gosec // a size
}
