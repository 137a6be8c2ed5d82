//go:build unix

package daemon

import (
	"math"
	"syscall"
)

// openFiles is how many files may be open at a time. Go raises the soft limit to the hard one at the start of a program.
// https://pkg.go.dev/os#pkg-overview, https://man7.org/linux/man-pages/man2/getrlimit.2.html
func openFiles() uint64 {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return math.MaxUint64
	}
	return uint64(limit.Cur) //nolint:unconvert // FreeBSD's has a sign
}
