package disk

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"hash/crc32"
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
