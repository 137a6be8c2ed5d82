package upload

import "io/fs"

// inode is 0: what is known of a file here does not have its number.
func inode(fs.FileInfo) uint64 { return 0 }
