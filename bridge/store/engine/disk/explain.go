package disk

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gphotos2mqtt/bridge/store/engine"
)

// room returns ErrFull when the disk has only its reserve, an eighth but at most 64 MiB: for finishing what is queued, and for others.
func (d *Disk) room() error {
	free, all, err := space(d.folder)
	if err != nil {
		return fmt.Errorf("free space of %s: %w", d.folder, err)
	}
	if reserve := min(all/8, 64<<20); free < reserve {
		return fmt.Errorf("%w: %d bytes are free for %s (GPHOTOS_DATA_DIR), and %d are kept for what is queued already",
			engine.ErrFull, free, d.folder, reserve)
	}
	return nil
}

// refused ends the Disk, unless only room is missing: nothing that was acknowledged needs a draft.
func (d *Disk) refused(err error) error {
	if err != nil && isFull(err) {
		return d.explain(err)
	}
	return d.failed(err)
}

// explain turns an error of the file system into a sentence that a person can act on. Other errors come back as they are.
func (d *Disk) explain(err error) error {
	switch {
	case isFull(err):
		return fmt.Errorf("%w: free some space for %s (GPHOTOS_DATA_DIR) and start again; nothing that was accepted is lost: %w",
			engine.ErrFull, d.folder, err)
	case isOneOf(err, errsReadOnly):
		return fmt.Errorf("%w: give %s write access to %s (GPHOTOS_DATA_DIR) and mount it writable: %w", engine.ErrReadOnly, user(), d.folder, err)
	case isOneOf(err, errsNoFolder):
		return fmt.Errorf("%s (GPHOTOS_DATA_DIR) cannot be a directory, because a part of that path is a file: %w", d.folder, err)
	case isOneOf(err, errsBroken):
		return fmt.Errorf("the disk below %s (GPHOTOS_DATA_DIR) is broken: %w", d.folder, err)
	}
	return err
}

// isFull reports whether err means that only room is missing. While its file grows, bbolt keeps only the text of an error.
// https://github.com/etcd-io/bbolt/blob/v1.5.0/db.go#L1244
func isFull(err error) bool {
	return slices.ContainsFunc(errsFull, func(full error) bool {
		return errors.Is(err, full) || strings.HasPrefix(err.Error(), "file ") && strings.HasSuffix(err.Error(), full.Error())
	})
}

func isOneOf(err error, of []error) bool {
	return slices.ContainsFunc(of, func(one error) bool { return errors.Is(err, one) })
}
