package store

import (
	"fmt"
	"syscall"
)

// maxReserve bounds the room that new uploads leave on the disk: an eighth of it,
// but no more than this. It is for the small writes that finish what is queued, and
// for everybody else on that disk.
const maxReserve = 64 << 20

// room returns ErrFull when the disk has only its reserve left.
func (d *directory) room() error {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(d.path, &fs); err != nil {
		return fmt.Errorf("free space of %s: %w", d.path, err)
	}
	unit := uint64(fs.Bsize) //nolint:gosec // a block size is positive
	free, reserve := fs.Bavail*unit, min(fs.Blocks*unit/8, maxReserve)
	if free < reserve {
		return fmt.Errorf("%w: %d bytes are free for %s (GPHOTOS_DATA_DIR), and %d are kept for what is queued already", ErrFull, free, d.path, reserve)
	}
	return nil
}
