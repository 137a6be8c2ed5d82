//go:build unix

package upload

import (
	"io/fs"
	"syscall"
)

// inode is the number of a file in its file system; 0 when that is not known.
func inode(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Ino
	}
	return 0
}
