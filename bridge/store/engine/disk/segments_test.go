package disk

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gphotos2mqtt/bridge/store/engine"
)

// fillSegments changes one record until a journal has begun n more segments.
func fillSegments(t *testing.T, d *Disk, n int) {
	t.Helper()
	change(t, d, "state.big", "")
	last := func() uint64 { return d.journal.segments[len(d.journal.segments)-1].generation }
	for want := last() + uint64(n); last() < want; {
		change(t, d, "state.big", strings.Repeat("x", 1<<20))
	}
}

func putBlob(t *testing.T, d *Disk, name, content string) {
	t.Helper()
	_, _, err := d.PutBlob(t.Context(), name, strings.NewReader(content))
	must(t, err)
}

func wantNoBlob(t *testing.T, d *Disk, name string) {
	t.Helper()
	if r, _, err := d.OpenBlob(t.Context(), name); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("%s: %v", name, err)
		if err == nil {
			must(t, r.Close())
		}
	}
}

// However often segments are written again: a blob that was removed does not come back while another in its segment is in use.
func TestRemovedBlobStaysRemoved(t *testing.T) {
	t.Parallel()
	d := opened(t, t.TempDir())
	for i := range 12 {
		removed, used := fmt.Sprint("removed", i), fmt.Sprint("used", i)
		putBlob(t, d, removed, "bytes")
		putBlob(t, d, used, "others")
		fillSegments(t, d, 1)
		must(t, d.RemoveBlob(t.Context(), removed))
		if i >= 2 { // one is in use for long
			must(t, d.RemoveBlob(t.Context(), fmt.Sprint("used", i-1)))
		}
		change(t, d, "job.1", "which notes it")
		killed := opened(t, kept(t, d.folder))
		for n := range i + 1 {
			wantNoBlob(t, killed, fmt.Sprint("removed", n))
			if 0 < n && n < i {
				wantNoBlob(t, killed, fmt.Sprint("used", n))
			}
		}
		wantBlob(t, killed, "used0", "others")
		wantBlob(t, killed, used, "others")
		must(t, killed.Close())
	}
	must(t, d.Close())
}

// What is in use for long, be it a blob or what somebody reads, keeps few segments, and so do kills, after each of which another is begun.
func TestFewSegments(t *testing.T) {
	t.Parallel()
	d := opened(t, t.TempDir())
	wantFew := func(what string) {
		t.Helper()
		if n := len(d.journal.segments); n > 4+1+spareSegments {
			t.Errorf("%s: %d segments", what, n)
		}
	}
	putBlob(t, d, "stuck", "bytes")
	putBlob(t, d, "read", "of which somebody reads")
	putBlob(t, d, "removed", "meanwhile")
	var readers []io.ReadCloser
	for _, name := range []string{"read", "removed"} {
		r, _, err := d.OpenBlob(t.Context(), name)
		must(t, err)
		readers = append(readers, r)
	}
	must(t, d.RemoveBlob(t.Context(), "removed"))
	for range 12 {
		fillSegments(t, d, 1)
		wantFew("something is in use")
	}
	for i, want := range []string{"of which somebody reads", "meanwhile"} {
		data, err := io.ReadAll(readers[i])
		if err = errors.Join(err, readers[i].Close()); string(data) != want || err != nil {
			t.Errorf("read %q, want %q, %v", data, want, err)
		}
	}
	must(t, d.Close())
	d = opened(t, t.TempDir())
	putBlob(t, d, "stuck", "bytes")
	putBlob(t, d, "removed", "bytes")
	change(t, d, "job.0", "")
	must(t, d.RemoveBlob(t.Context(), "removed"))
	change(t, d, "job.1", "")
	for range 30 {
		before := d
		d = opened(t, kept(t, d.folder))
		must(t, before.Close())
		change(t, d, "job.1", "")
		wantFew("kills")
		wantNoBlob(t, d, "removed")
		wantBlob(t, d, "stuck", "bytes")
	}
	must(t, d.Close())
}

// A long queue of small blobs needs no open file for each segment.
func TestFewOpenFiles(t *testing.T) {
	t.Parallel()
	d := opened(t, t.TempDir())
	blob := strings.Repeat("x", smallBlob)
	for i := range 8 * segmentSize / smallBlob {
		putBlob(t, d, fmt.Sprint(i), blob)
		change(t, d, "job.1", "")
	}
	wantFew := func() {
		t.Helper()
		wantBlob(t, d, "0", blob)
		files, err := filepath.Glob("/proc/self/fd/*")
		must(t, err)
		open := 0
		for _, file := range files {
			if to, err := os.Readlink(file); err == nil && strings.HasPrefix(to, filepath.Join(d.folder, journalFolder)) {
				open++
			}
		}
		if n := len(d.journal.segments); n < 8 || open > 1 {
			t.Errorf("%d files of %d segments are open", open, n)
		}
	}
	wantFew()
	must(t, d.Close())
	d = opened(t, d.folder)
	wantFew()
	must(t, d.Close())
}

// A segment that somebody has deleted is noticed when records were in it alone.
func TestDeletedSegment(t *testing.T) {
	t.Parallel()
	d := opened(t, t.TempDir())
	change(t, d, "job.0", "in the database")
	must(t, d.Close())
	must(t, os.RemoveAll(filepath.Join(d.folder, journalFolder)))
	d = opened(t, d.folder)
	if _, err := d.Get(t.Context(), "job.0"); err != nil || d.Damage != "" {
		t.Errorf("deleted when the database has all: %v, %s", err, d.Damage)
	}
	fillSegments(t, d, 1)
	killed := kept(t, d.folder)
	must(t, os.Remove(filepath.Join(killed, journalFolder, d.journal.note.Newest)))
	k := opened(t, killed)
	if _, err := k.Get(t.Context(), "job.0"); !errors.Is(err, engine.ErrNotFound) || k.Damage == "" {
		t.Errorf("deleted after a kill: %v, %s", err, k.Damage)
	}
	must(t, k.Close())
	must(t, d.Close())
}
