package disk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"gphotos2mqtt/bridge/store/engine"
)

const (
	segmentSize   = 8 << 20 // bytes, about, of each that is written whole
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

// A note is what the database knows of a journal's segments since the last was begun.
type note struct {
	Oldest uint64 // generation of the first that has blobs; what is in others before it is of no use any more, be it still there or not
	Newest string // file of the last, which must be there; "" after Close, when the database has all records
}

// segment returns the one that is written to, or begins another when that is full: then the database takes over what is in it.
func (d *Disk) segment() (*segment, error) {
	j := d.journal
	last := &segment{}
	if n := len(j.segments); n > 0 {
		last = j.segments[n-1]
	}
	if last.end > 0 && last.end < j.full {
		n := note{j.note.Oldest, filepath.Base(last.path)}
		if n == j.note {
			return last, last.open()
		}
		return last, cmp.Or(last.open(), d.takeOver(n))
	}
	if err := cmp.Or(last.close(), d.moveOut()); err != nil {
		return nil, err
	}
	n, generation := note{}, uint64(1)
	for _, s := range j.segments {
		generation = max(generation, s.generation+1)
	}
	idle, oldest := d.idle()
	n.Oldest = min(oldest, generation)
	if len(idle) == 0 {
		s, err := j.create(generation)
		if err != nil {
			return nil, err
		}
		idle = append(idle, s)
	}
	next, more := idle[0], idle[min(len(idle), 1+spareSegments):]
	n.Newest = filepath.Base(next.path)
	if err := cmp.Or(next.open(), d.takeOver(n)); err != nil {
		return nil, err
	}
	for _, s := range more { // a stop before leaves it for the next time
		_ = os.Remove(s.path)
	}
	next.generation, next.salt, next.end = generation, rand.Uint64()|1, 0
	more = append(more, next)
	j.segments = append(slices.DeleteFunc(j.segments, func(s *segment) bool { return slices.Contains(more, s) }), next)
	return next, nil
}

// idle returns the segments that may be written again, and the generation of the oldest that has blobs in use. They are those before that:
// a later one may tell which blobs of those are removed, and they would be back with the next start. But when the disk has no room for
// another it is any that has no blobs in use: what is back is swept.
func (d *Disk) idle() (idle []*segment, oldest uint64) {
	j := d.journal
	isFull := d.room() != nil
	j.mu.Lock()
	defer j.mu.Unlock()
	oldest = math.MaxUint64
	for _, s := range j.segments {
		switch {
		case s.blobs > 0:
			oldest = min(oldest, s.generation)
		case s.readers == 0 && (oldest == math.MaxUint64 || s.end == 0 || isFull && idle == nil): // or it could not be written to
			idle = append(idle, s)
		}
	}
	return idle, oldest
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
	if len(j.segments) <= fewSegments || used > int64(len(j.segments))*j.full/2 {
		names = nil
	}
	j.mu.Unlock()
	for _, name := range names {
		r, _, err := j.open(name)
		if r != nil {
			path := d.path(blobsFolder, name)
			_, _, err = d.putFile(path, r)
			if err = errors.Join(err, r.Close()); err == nil && !j.remove(name) { // somebody else has, meanwhile
				err = os.Remove(path)
			}
		}
		if errors.Is(err, engine.ErrFull) && context.Cause(d.down) == nil {
			return nil // what waits to be finished needs the room that is left
		} else if err != nil {
			return err
		}
	}
	return nil
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
