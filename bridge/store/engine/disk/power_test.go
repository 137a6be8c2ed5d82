package disk

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gphotos2mqtt/bridge/store/engine"
)

// kept copies a folder as a kill leaves it.
func kept(t *testing.T, folder string) string {
	t.Helper()
	to := t.TempDir()
	must(t, os.CopyFS(to, os.DirFS(folder)))
	return to
}

// A run is a Disk on which all is done by chance, and what must be there.
type run struct {
	*testing.T

	disk    *Disk
	is, was map[string]string // records and blobs by name, now and before the last step
	file    string            // the blob that the last step changed, which a file does at once
	next    int               // a number that had no record and no blob yet
	readers []io.ReadCloser
}

// open makes a run go on in a folder, with segments that are soon full.
func (r *run) open(folder string) {
	r.Helper()
	r.disk = opened(r.T, folder)
	r.disk.journal.full = 64 << 10
	if r.disk.Damage != "" {
		r.Error(r.disk.Damage)
	}
}

// step changes something, in one turn of the journal.
func (r *run) step() {
	r.Helper()
	r.was, r.file = maps.Clone(r.is), ""
	if r.next++; len(r.readers) > 3 {
		must(r.T, r.readers[0].Close())
		r.readers = r.readers[1:]
	}
	id := fmt.Sprintf("%03d", r.next)
	if rand.IntN(3) == 0 && r.next > 1 { // one of before, be it there or not
		id = fmt.Sprintf("%03d", 1+rand.IntN(r.next-1))
	}
	switch rand.IntN(8) {
	case 0, 1, 2: // a job is over, mostly the oldest
		if first := slices.Min(slices.Collect(maps.Keys(r.is))); strings.HasPrefix(first, "blob-") {
			id = first[len("blob-"):]
		}
		must(r.T, r.disk.RemoveBlob(r.Context(), "blob-"+id))
		delete(r.is, "blob-"+id)
		r.file = "blob-" + id
		r.set("job."+id, "")
	case 4: // what fills a segment
		r.set("job."+id, id+strings.Repeat("r", rand.IntN(40_000)))
	default:
		content := id + strings.Repeat("b", 5000) // so that what is left of one turn has the form of the next
		if rand.IntN(3) == 0 {
			content = id + strings.Repeat("b", rand.IntN(9000))
		}
		if r.is["blob-"+id] != "" {
			r.file = "blob-" + id
		}
		putBlob(r.T, r.disk, "blob-"+id, content)
		r.is["blob-"+id] = content
		r.set("job."+id, content)
	}
}

// set saves a record, or removes it.
func (r *run) set(key, value string) {
	r.Helper()
	c := engine.Change{Key: key, Value: []byte(value), Revision: engine.Any}
	if r.is[key] = value; value == "" {
		c.Value = nil
		delete(r.is, key)
	}
	_, err := r.disk.Change(r.Context(), c)
	must(r.T, err)
}

// found is all that is there.
func (r *run) found() map[string]string {
	r.Helper()
	found := map[string]string{}
	for n := range r.next + 1 {
		name := fmt.Sprintf("blob-%03d", n)
		b, _, err := r.disk.OpenBlob(r.Context(), name)
		if errors.Is(err, engine.ErrNotFound) {
			continue
		}
		must(r.T, err)
		content, err := io.ReadAll(b)
		must(r.T, err)
		if found[name] = string(content); rand.IntN(8) > 0 {
			must(r.T, b.Close())
		} else {
			r.readers = append(r.readers, b)
		}
	}
	must(r.T, r.disk.Each(r.Context(), "job.", func(record engine.Record, err error) bool {
		must(r.T, err)
		found[record.Key] = string(record.Value)
		return true
	}))
	return found
}

// leave ends what is left of a Disk whose folder goes on as another.
func (r *run) leave() {
	for _, b := range r.readers {
		_ = b.Close()
	}
	r.readers = nil
	_ = r.disk.Close()
}

// Whatever is done, and however it is ended: all that was acknowledged is there, and what was removed and acknowledged stays so. A power cut
// in the middle of a turn leaves any of its blocks on the disk, in any order: what was in the turn is there as a whole or not at all, and what
// comes after it is not mixed with what is left of it.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	for n := range 12 {
		block := []int{512, 4096}[n%2]
		r := &run{T: t, is: map[string]string{}}
		r.open(t.TempDir())
		r.set("job.000", "stays")
		for range 12 {
			for range rand.IntN(40) {
				r.step()
			}
			r.was = r.is
			after, how := r.disk.folder, "stopped or killed"
			switch rand.IntN(3) {
			case 0: // it is stopped
				must(t, r.disk.Close())
			case 1: // killed
				after = kept(t, after)
			default: // cut off in the middle
				after, how = kept(t, after), "cut off"
				r.step()
				tear(t, after, r.disk.folder, block)
			}
			r.leave()
			r.open(after)
			found := r.found()
			if !maps.Equal(found, r.is) {
				if now, ok := found[r.file]; ok {
					r.was[r.file] = now
				} else {
					delete(r.was, r.file)
				}
				if diff := cmp.Diff(r.was, found); diff != "" {
					t.Fatalf("round %d, blocks of %d bytes, %s:%s", n, block, how, diff)
				}
				r.is = r.was
			}
		}
		if n := len(r.disk.journal.segments); n > 12 {
			t.Errorf("%d segments", n)
		}
		r.leave()
	}
}

// tear brings some of the blocks in which two folders' journals differ from one to the other, and all else, which is durable before.
func tear(t *testing.T, to, from string, block int) {
	t.Helper()
	before := kept(t, to)
	must(t, os.RemoveAll(to))
	must(t, os.CopyFS(to, os.DirFS(from)))
	names, err := filepath.Glob(filepath.Join(from, journalFolder, "*"))
	must(t, err)
	for _, name := range names {
		after, err := os.ReadFile(name)
		must(t, err)
		torn, err := os.ReadFile(filepath.Join(before, journalFolder, filepath.Base(name)))
		if !errors.Is(err, os.ErrNotExist) { // it begins with this turn
			must(t, err)
		}
		torn = append(torn, make([]byte, max(0, len(after)-len(torn)))...)
		for at := 0; at < len(after); at += block {
			if end := min(at+block, len(after)); rand.IntN(4) > 0 {
				copy(torn[at:end], after[at:end])
			}
		}
		must(t, os.WriteFile(filepath.Join(to, journalFolder, filepath.Base(name)), torn, 0o600))
	}
}
