package disk

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"gphotos2mqtt/bridge/store/engine"
)

const (
	journalFolder = "journal"
	smallBlob     = 256 << 10 // bytes; larger blobs are files of their own
)

// A journal keeps what is new: changes of records until the database has them, small blobs until they are removed. It is written at its end
// alone, in turns of whatever waits at that moment, each made durable by one flush of blocks that the disk mostly has already. So an
// upload that is over soon never costs more than that.
//
// It is a row of files, the segments. Each is written from its beginning, and again when nothing in it is needed any more. A turn begins at
// a multiple of pageSize, so that what was acknowledged is never written again, and consists of entries, a head and what follows: its blobs,
// and at last its changes, be there any or not. At the next start the turns are read in their order; one that was not finished was not
// acknowledged.
type journal struct {
	folder  string
	full    int64  // bytes, about, with which a segment is
	note    note   // as the database has it
	applied uint64 // the last turn of which the database has all changes

	segments []*segment // in the order of their generations; the last is written to, in turns

	mu      sync.Mutex // guards all below
	blobs   map[string]place
	removed []string // blobs, which the next turn notes
	turn    uint64   // the last
	fresh   recent
}

// A place is where a blob lies.
type place struct {
	in       *segment
	at, size int64
}

// A heading is how an entry begins.
type heading struct {
	Salt, Generation, Turn uint64
	Kind                   uint32
	Length, Summed         uint32 // bytes that follow, and how many of them are under Sum
	Sum, HeadSum           uint32
}

const headingSize = 3*8 + 5*4

// The kinds of entries, and the mark of the first of a turn.
const (
	entryChanges = iota // changes of records
	entryBlob           // the name of a blob and, not under the sum, its bytes, for which the record of its job has a sum
	entryFirst   = 1 << 8
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal writes the heading of an entry before its body.
func (h heading) seal(entry []byte) {
	body := entry[headingSize:]
	h.Length, h.Sum = uint32(len(body)), crc32.Checksum(body[:h.Summed], castagnoli) //nolint:gosec // far below 4 GiB
	_, _ = binary.Encode(entry, binary.LittleEndian, h)                              // it has room
	binary.LittleEndian.PutUint32(entry[headingSize-4:], crc32.Checksum(entry[:headingSize-4], castagnoli))
}

// openJournal reads a journal, after the turns that the database has.
func openJournal(folder string, applied uint64, n note) (*journal, error) {
	j := &journal{folder: folder, full: segmentSize, note: n, applied: applied, turn: applied, blobs: map[string]place{}}
	names, err := filepath.Glob(filepath.Join(folder, "[0-9]*"))
	for _, name := range names {
		s := &segment{path: name}
		j.segments = append(j.segments, s)
		err = errors.Join(err, s.opened(func() error {
			first, err := s.later(0, 0) // also when its first turn is damaged
			s.generation, s.salt = first.Generation, first.Salt
			return err
		}))
	}
	isThere := slices.ContainsFunc(j.segments, func(s *segment) bool { return filepath.Base(s.path) == n.Newest })
	if err == nil && n.Newest != "" && !isThere {
		err = fmt.Errorf("%w: %s of the journal is missing", engine.ErrDamaged, n.Newest)
	}
	slices.SortFunc(j.segments, func(a, b *segment) int { return cmp.Compare(a.generation, b.generation) })
	for _, s := range j.segments {
		if err == nil && s.generation >= n.Oldest {
			err = s.opened(func() error { return j.read(s) })
		}
	}
	if err != nil {
		return j, err
	}
	// What is left of turns that were not finished, in this run or those before it, must not be taken for a part of the next ones.
	j.turn += 1<<20 + rand.Uint64N(1<<20)
	return j, nil
}

// heading reads the head of an entry; io.EOF: there is none.
func (s *segment) heading(at int64) (h heading, err error) {
	var head [headingSize]byte
	if n, err := s.file.ReadAt(head[:], at); n < headingSize {
		return h, cmp.Or(err, io.EOF)
	}
	_, _ = binary.Decode(head[:], binary.LittleEndian, &h) // it is long enough
	if s.salt != 0 && h.Salt != s.salt || h.HeadSum != crc32.Checksum(head[:headingSize-4], castagnoli) || h.Summed > h.Length {
		return heading{}, io.EOF
	}
	return h, nil
}

// A turnRead is what has been read of a turn so far.
type turnRead struct {
	number uint64
	at     int64            // where it begins
	over   bool             // its changes, which come last, have been read
	blobs  map[string]place // new ones, which count once it is over
	sum    uint32           // of their bytes, one after another
}

// read takes over what a segment holds. The error is engine.ErrDamaged, or the disk's.
func (j *journal) read(s *segment) error {
	t := turnRead{over: true}
	for at, whole := int64(0), j.applied; s.generation > 0; {
		h, err := s.heading(at)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		seen := t.number
		if err == nil && h.follows(t, at) {
			seen = h.Turn
			if body := s.body(h, at); body != nil && j.readEntry(s, at, h, body, &t) {
				at += headingSize + int64(h.Length)
				if s.end = at; t.over {
					whole = max(whole, t.number)
				}
				continue
			} else if body != nil {
				// The record of a job is there, and the blob that was written with it is not. If the turn was acknowledged, it is
				// damaged, which fails alone.
				if next, err := s.later(nextPage(at+1), seen); err != nil {
					return err
				} else if next.Turn == 0 {
					return s.drop(t.at)
				}
				t.sum = binary.LittleEndian.Uint32(body)
				continue
			}
		} else if t.over && at%pageSize > 0 {
			at = nextPage(at)
			continue
		}
		// The end, and a turn that is not over was not acknowledged; or, when there is a later turn, what was acknowledged is damaged.
		next, err := s.later(nextPage(at), seen)
		switch {
		case err != nil:
			return err
		case next.Turn > 0:
		case !t.over && seen > j.applied:
			return s.drop(t.at)
		case !t.over: // its blobs count
			s.end = segmentSize
			return nil
		case seen > max(t.number, j.applied):
			return s.drop(at)
		default:
			return nil
		}
		if next.Turn > whole+1 {
			return fmt.Errorf("%w: the journal has a gap", engine.ErrDamaged)
		}
		at, t.over = next.at, true
	}
	return nil
}

// drop makes what is left of a turn that was not finished, the last, no turn: it must not become whole with blocks of the next one there,
// nor count with the turns before it once the database has those.
func (s *segment) drop(at int64) error {
	s.end = at
	_, err := s.file.WriteAt(make([]byte, headingSize), at)
	return cmp.Or(err, flush(s.file))
}

// follows reports whether an entry belongs to a turn, or is the first of a later one; else it is left of a turn that was not finished.
func (h heading) follows(t turnRead, at int64) bool {
	if !t.over {
		return h.Turn == t.number && h.Kind&entryFirst == 0
	}
	return h.Turn > t.number && h.Kind&entryFirst > 0 && at%pageSize == 0
}

// readEntry takes over an entry, but for changes whose blobs are not those that were written with them.
func (j *journal) readEntry(s *segment, at int64, h heading, body []byte, t *turnRead) bool {
	if h.Turn > t.number {
		*t = turnRead{number: h.Turn, at: at, blobs: map[string]place{}}
	}
	isNew := h.Turn > j.applied
	switch p := (place{s, at + headingSize + int64(h.Summed), int64(h.Length - h.Summed)}); {
	case h.Kind&entryBlob > 0 && isNew:
		data := make([]byte, p.size)
		n, _ := s.file.ReadAt(data, p.at) // what cannot be read has another sum
		t.blobs[string(body)], t.sum = p, crc32.Update(t.sum, castagnoli, data[:n])
	case h.Kind&entryBlob > 0:
		j.place(string(body), p)
	case isNew && t.sum != binary.LittleEndian.Uint32(body):
		return false
	default:
		for name, p := range t.blobs {
			j.place(name, p)
		}
		j.decode(body[4:], isNew)
		t.over = true
	}
	j.turn = max(j.turn, h.Turn)
	return true
}

// body reads what is under the sum of an entry, nil when that is not what was written.
func (s *segment) body(h heading, at int64) []byte {
	body := make([]byte, h.Summed)
	n, _ := s.file.ReadAt(body, at+headingSize)
	isSame := n == len(body) && crc32.Checksum(body, castagnoli) == h.Sum
	if !isSame || h.Kind&entryBlob == 0 && (n < 4 || int64(h.Length) > int64(n) || !decode(body[4:], func(engine.Change) {})) {
		return nil
	}
	return body
}

// later finds the first entry of a later turn from a page on; none is zero.
func (s *segment) later(at int64, turn uint64) (next struct {
	heading
	at int64
}, err error,
) {
	info, err := s.file.Stat()
	if err != nil {
		return next, err
	}
	for ; at < info.Size(); at += pageSize {
		if h, err := s.heading(at); err == nil && h.Kind&entryFirst > 0 && h.Turn > turn {
			next.heading, next.at = h, at
			break
		}
	}
	return next, nil
}

func nextPage(at int64) int64 { return (at + pageSize - 1) / pageSize * pageSize }

// place says where a blob is now; in nil = nowhere. It is called with mu held, or before others know the journal.
func (j *journal) place(name string, p place) {
	if old := j.blobs[name]; old.in != nil {
		old.in.blobs--
		delete(j.blobs, name)
	}
	if p.in != nil {
		p.in.blobs++
		j.blobs[name] = p
	}
}

// open returns a blob's bytes, nil when it is not in the journal.
func (j *journal) open(name string) (r *reader, size int64, err error) {
	j.mu.Lock()
	p := j.blobs[name]
	if p.in != nil {
		p.in.readers++
	}
	j.mu.Unlock()
	if p.in == nil {
		return nil, 0, nil
	}
	leave := func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		p.in.readers--
	}
	f, err := os.Open(p.in.path)
	if err == nil {
		return &reader{io.NewSectionReader(f, p.at, p.size), f, sync.OnceFunc(leave)}, p.size, nil
	}
	if leave(); errors.Is(err, os.ErrNotExist) { // it was removed, or became a file, right now
		err = nil
	}
	return nil, 0, err
}

// A reader keeps a segment from being written again.
type reader struct {
	*io.SectionReader

	file  *os.File
	leave func()
}

func (r *reader) Close() error {
	defer r.leave()
	return r.file.Close()
}

// remove forgets a blob, and reports whether it was there. A stop before the next turn brings it back.
func (j *journal) remove(name string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	_, found := j.blobs[name]
	if found {
		j.place(name, place{})
		j.removed = append(j.removed, name)
	}
	return found
}

func (j *journal) names() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	names := make([]string, 0, len(j.blobs))
	for name := range j.blobs {
		names = append(names, name)
	}
	return names
}

// close ends the journal.
func (j *journal) close() error {
	if n := len(j.segments); n > 0 {
		return j.segments[n-1].close()
	}
	return nil
}
