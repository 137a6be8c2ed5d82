package disk

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"gphotos2mqtt/bridge/store/engine"
)

// A write is what waits for a turn of the journal, and what became of it; all but what it wants is for who has the turn.
type write struct {
	changes  []engine.Change
	name     string        // of a blob
	blob     *bytes.Buffer // its entry: room for the heading, its name, its bytes; nil = none
	over     bool
	revision uint64 // of the last change
	err      error
}

// commit makes a write durable, in one turn with those of others that wait for it, and with blobs that were put before.
func (d *Disk) commit(w *write) {
	d.mu.Lock()
	d.waiting = append(d.waiting, w)
	d.mu.Unlock()
	d.turn <- struct{}{}
	defer func() { <-d.turn }()
	if w.over { // by somebody else
		return
	}
	d.mu.Lock()
	writes := d.waiting
	d.waiting = nil
	d.mu.Unlock()
	err := d.usable(context.Background())
	if err == nil {
		err = d.take(writes)
	}
	var again []*write // of blobs that were put, for the change that names them, when only room is missing
	for _, w := range writes {
		switch w.over, w.err = true, cmp.Or(err, w.err); {
		case w.blob == nil:
		case err != nil && context.Cause(d.down) == nil:
			again = append(again, &write{name: w.name, blob: w.blob})
		default:
			d.buffers.Put(w.blob)
		}
	}
	if again != nil {
		d.mu.Lock()
		d.waiting = append(again, d.waiting...)
		d.mu.Unlock()
	}
}

// settle writes a blob that waits for a turn, if it is of that name; "" is any.
func (d *Disk) settle(name string) error {
	d.mu.Lock()
	waits := slices.ContainsFunc(d.waiting, func(w *write) bool { return w.blob != nil && (name == "" || w.name == name) })
	d.mu.Unlock()
	if !waits {
		return nil
	}
	w := &write{}
	d.commit(w)
	return w.err
}

// take is one turn.
func (d *Disk) take(writes []*write) error {
	j := d.journal
	s, err := d.segment()
	if err != nil {
		return d.failed(err)
	}
	j.mu.Lock()
	j.turn++ // also when nothing comes of it, so that what is left of it on the disk belongs to no other
	removed := j.removed
	j.removed = nil
	j.mu.Unlock()
	made, err := d.resolve(writes, j.turn)
	if err != nil {
		return d.failed(err)
	}
	at, kind, blobs := nextPage(s.end), uint32(entryFirst), uint32(0)
	put := func(entry []byte, summed int, of uint32) {
		heading{Salt: s.salt, Generation: s.generation, Turn: j.turn, Kind: kind | of, Summed: uint32(summed)}.seal(entry) //nolint:gosec // far below 4 GiB
		if err == nil {
			_, err = s.file.WriteAt(entry, at)
		}
		kind, at = 0, at+int64(len(entry))
	}
	places := map[string]place{}
	for _, w := range writes {
		if w.blob != nil {
			data := w.blob.Bytes()[headingSize+len(w.name):]
			put(w.blob.Bytes(), len(w.name), entryBlob)
			places[w.name] = place{s, at - int64(len(data)), int64(len(data))}
			blobs = crc32.Update(blobs, castagnoli, data)
		}
	}
	changes := binary.LittleEndian.AppendUint32(make([]byte, headingSize, 4096), blobs)
	for _, name := range removed {
		if places[name].in == nil {
			changes = encode(changes, engine.Change{Key: blobKey + name})
		}
	}
	for _, c := range made {
		changes = encode(changes, c)
	}
	if kind == 0 || len(changes) > headingSize+4 {
		put(changes, len(changes)-headingSize, entryChanges)
	}
	if err == nil && kind == 0 {
		err = flush(s.file)
	}
	switch {
	case err != nil && len(made) == 0:
		return d.refused(err)
	case err != nil:
		return d.failed(err)
	}
	j.taken(s, at, places, made)
	return nil
}

// taken takes over what is durable now.
func (j *journal) taken(s *segment, end int64, places map[string]place, made recent) {
	j.mu.Lock()
	defer j.mu.Unlock()
	s.end = end
	for name, p := range places {
		j.place(name, p)
	}
	for _, c := range made {
		j.fresh.put(c)
	}
}

// segment returns the one that is written to, or begins another when that is full: then the database takes over what is in it.
func (d *Disk) segment() (*segment, error) {
	j := d.journal
	if n := len(j.segments); n > 0 && j.segments[n-1].end > 0 && j.segments[n-1].end < segmentSize {
		return j.segments[n-1], nil
	}
	err := d.takeOver()
	if err == nil {
		err = d.moveOut()
	}
	if err != nil {
		return nil, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	var next *segment
	generation, idle := uint64(1), 0
	kept := j.segments[:0:0]
	for _, s := range j.segments {
		generation = max(generation, s.generation+1)
		switch {
		case s.users > 0:
			kept = append(kept, s)
		case next == nil:
			next = s
		case idle < spareSegments:
			kept = append(kept, s)
			idle++
		default: // a stop before it is gone leaves it for later
			_, _ = s.file.Close(), os.Remove(s.file.Name())
		}
	}
	if next == nil {
		f, err := j.create(generation)
		if err != nil {
			return nil, err
		}
		next = &segment{file: f}
	}
	next.generation, next.salt, next.end = generation, rand.Uint64()|1, 0
	j.segments = append(kept, next)
	return next, nil
}

// create makes the file of a segment.
func (j *journal) create(generation uint64) (f *os.File, err error) {
	if err = os.MkdirAll(j.folder, 0o700); err == nil {
		f, err = os.OpenFile(filepath.Join(j.folder, fmt.Sprint(generation)), os.O_CREATE|os.O_RDWR, 0o600)
	}
	if err == nil {
		err = errors.Join(syncFolder(j.folder), syncFolder(filepath.Dir(j.folder)))
	}
	return f, err
}

// moveOut makes files of the blobs in the oldest segment that has any, when most of what the segments take is of no use any more.
func (d *Disk) moveOut() error {
	j := d.journal
	var used int64
	var names []string
	j.mu.Lock()
	oldest := slices.IndexFunc(j.segments, func(s *segment) bool { return s.users > 0 })
	for name, p := range j.blobs {
		if used += p.size; p.in == j.segments[oldest] {
			names = append(names, name)
		}
	}
	if len(j.segments) <= 4 || used > int64(len(j.segments))*segmentSize/2 {
		names = nil
	}
	j.mu.Unlock()
	for _, name := range names {
		if r, _ := j.open(name); r != nil {
			_, _, err := d.putFile(d.path(blobsFolder, name), name, r)
			if r.close(); errors.Is(err, engine.ErrFull) && context.Cause(d.down) == nil {
				return nil // what waits to be finished needs the room that is left
			} else if err != nil {
				return err
			}
		}
	}
	return nil
}
