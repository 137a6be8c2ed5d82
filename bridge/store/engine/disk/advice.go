//go:build linux || freebsd

package disk

import (
	"os"

	"golang.org/x/sys/unix"
)

// readPages has the kernel cache single pages of a file: a changed page would count as all those that were read with it. Where one of
// these fails, nothing is lost.
func readPages(f *os.File) {
	_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_RANDOM)
	_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
}
