//go:build unix

package embedded

import (
	"os"
	"syscall"
)

// What the system says: of an address that somebody has, and of a disk that cannot be written.
var (
	errInUse = error(syscall.EADDRINUSE)
	errsDisk = []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, syscall.EROFS, syscall.EIO, os.ErrPermission}
)
