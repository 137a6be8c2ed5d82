package disk

import (
	"os"

	"golang.org/x/sys/unix"
)

// flush makes what a file holds durable, and of what the file system says of it only what that needs.
func flush(f *os.File) error {
	for {
		if err := unix.Fdatasync(int(f.Fd())); err != unix.EINTR {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}
