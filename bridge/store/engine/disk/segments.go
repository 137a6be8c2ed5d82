package disk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"gphotos2mqtt/bridge/store/engine"
)

const (
	segmentSize   = 8 << 20 // bytes, about
	spareSegments = 2       // segments that are kept to be written again: that takes no new blocks of the disk
	fewSegments   = 4       // as many may be kept for a single blob
)

// A segment is one file of a journal.
type segment struct {
	path       string
	file       *os.File // nil = it is not written to
	generation uint64   // grows from each time that a segment is begun to the next; 0 = never begun
	salt       uint64   // new each time, so that nothing that was there before, and no blob, is taken for an entry
	end        int64    // of what is written

	blobs, readers int // in it, and of it; guarded by the journal's mu
}

// segment returns the one that is written to, or begins another when that is full: then the database takes over what is in it.
func (d *Disk) segment() (*segment, error) {
	j := d.journal
	last := &segment{}
	if n := len(j.segments); n > 0 {
		last = j.segments[n-1]
	}
	if last.end > 0 && last.end < segmentSize {
		return last, last.open()
	}
	err := cmp.Or(last.close(), d.takeOver())
	if err == nil {
		err = d.moveOut()
	}
	if err != nil {
		return nil, err
	}
	generation := uint64(1)
	for _, s := range j.segments {
		generation = max(generation, s.generation+1)
	}
	next, err := d.unused()
	if err == nil && next == nil {
		next, err = j.create(generation)
	}
	if err == nil {
		err = next.open()
	}
	if err != nil {
		return nil, err
	}
	next.generation, next.salt, next.end = generation, rand.Uint64()|1, 0
	j.segments = append(j.segments, next)
	return next, nil
}

// moveOut makes files of the blobs in the oldest segment that has any, when most of what the segments take is of no use any more.
func (d *Disk) moveOut() error {
	j := d.journal
	var used int64
	var names []string
	j.mu.Lock()
	oldest := slices.IndexFunc(j.segments, func(s *segment) bool { return s.blobs > 0 })
	for name, p := range j.blobs {
		if used += p.size; p.in == j.segments[oldest] {
			names = append(names, name)
		}
	}
	if len(j.segments) <= fewSegments || used > int64(len(j.segments))*segmentSize/2 {
		names = nil
	}
	j.mu.Unlock()
	for _, name := range names {
		r, _, err := j.open(name)
		if r != nil {
			_, _, err = d.putFile(d.path(blobsFolder, name), name, r)
			err = errors.Join(err, r.Close())
		}
		if errors.Is(err, engine.ErrFull) && context.Cause(d.down) == nil {
			return nil // what waits to be finished needs the room that is left
		} else if err != nil {
			return err
		}
	}
	return nil
}

// unused takes a segment that is not needed any more out of the row, nil when there is none, and removes what is more than spare. It is one
// before which no other has blobs in use: it may tell which blobs of those are removed, and they would be back with the next start.
func (d *Disk) unused() (next *segment, err error) {
	j := d.journal
	if n := len(j.segments); n > 0 && j.segments[n-1].end == 0 { // it was begun, and could not be written to
		return j.pull(n - 1), nil
	}
	j.mu.Lock()
	old := slices.IndexFunc(j.segments, func(s *segment) bool { return s.blobs > 0 })
	if old < 0 {
		old = len(j.segments)
	}
	first := max(0, old-1-spareSegments)
	for first < old && j.segments[first].readers > 0 {
		first++
	}
	other := slices.IndexFunc(j.segments, func(s *segment) bool { return s.blobs+s.readers == 0 })
	j.mu.Unlock()
	switch {
	case first < old:
		next = j.pull(first)
	case other >= 0 && d.room() != nil: // what comes back is swept, and needs less than a file more
		return j.pull(other), nil
	}
	for range first {
		// A stop here leaves those that tell what is removed from the others. Where a file that is read cannot be removed, the next start does.
		_ = os.Remove(j.pull(0).path)
	}
	if first > 0 {
		err = errors.Join(err, syncFolder(j.folder))
	}
	return next, err
}

// pull takes a segment out of the row.
func (j *journal) pull(at int) *segment {
	s := j.segments[at]
	j.segments = slices.Delete(j.segments, at, at+1)
	return s
}

// create makes the file of a segment.
func (j *journal) create(generation uint64) (*segment, error) {
	s := &segment{path: filepath.Join(j.folder, fmt.Sprint(generation))}
	err := os.MkdirAll(j.folder, 0o700)
	if err == nil {
		s.file, err = os.OpenFile(s.path, os.O_CREATE|os.O_RDWR, 0o600)
	}
	if err == nil {
		err = errors.Join(syncFolder(j.folder), syncFolder(filepath.Dir(j.folder)))
	}
	return s, err
}

// opened does something with the open file.
func (s *segment) opened(do func() error) error {
	if err := s.open(); err != nil {
		return err
	}
	return errors.Join(do(), s.close())
}

func (s *segment) open() (err error) {
	if s.file == nil {
		s.file, err = os.OpenFile(s.path, os.O_RDWR, 0)
	}
	return err
}

func (s *segment) close() (err error) {
	if s.file != nil {
		err, s.file = s.file.Close(), nil
	}
	return err
}
