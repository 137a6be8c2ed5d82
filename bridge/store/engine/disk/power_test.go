package disk

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gphotos2mqtt/bridge/store/engine"
)

// kept copies a folder as a kill leaves it.
func kept(t *testing.T, folder string) string {
	t.Helper()
	to := t.TempDir()
	must(t, os.CopyFS(to, os.DirFS(folder)))
	return to
}

// A power cut in the middle of a turn leaves any of its blocks on the disk, in any order: all that was acknowledged before is there, what was
// in the turn is there as a whole or not at all, and what comes after it is not mixed with what is left of it; three cuts in a row.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	for n := range 24 {
		block := []int{512, 4096}[n%2]
		folder := t.TempDir()
		d := opened(t, folder)
		acknowledged, next := map[string]string{}, 0
		write := func() {
			id := fmt.Sprintf("%03d", next)
			next++
			blob := fmt.Sprint(id, strings.Repeat("b", rand.IntN(9000)))
			if next%3 > 0 { // so that what is left of one turn has the form of the next
				blob = id + strings.Repeat("b", 5000)
			}
			_, _, err := d.PutBlob(t.Context(), "blob-"+id, strings.NewReader(blob))
			must(t, err)
			change(t, d, "job."+id, blob)
			acknowledged[id] = blob
		}
		for range 1 + n%3 {
			write()
		}
		for range 3 {
			before := kept(t, folder)
			write() // cut in the middle
			cut := fmt.Sprintf("%03d", next-1)
			tear(t, before, folder, block)
			blob := acknowledged[cut]
			delete(acknowledged, cut)
			_ = d.Close()
			folder = before
			d = opened(t, folder)
			wantAll(t, d, acknowledged, cut, blob)
			if _, err := d.Get(t.Context(), "job."+cut); err == nil {
				acknowledged[cut] = blob
			}
		}
		write()
		must(t, d.Close())
		d = opened(t, folder)
		wantAll(t, d, acknowledged, "", "")
		must(t, d.Close())
		if t.Failed() {
			t.Fatalf("round %d, blocks of %d bytes", n, block)
		}
	}
}

// tear brings some of the blocks in which two folders' journals differ from one to the other.
func tear(t *testing.T, to, from string, block int) {
	t.Helper()
	database, err := os.ReadFile(filepath.Join(from, "records.db")) // which a turn that begins a segment has changed before, durably
	must(t, err)
	must(t, os.WriteFile(filepath.Join(to, "records.db"), database, 0o600))
	names, err := filepath.Glob(filepath.Join(from, journalFolder, "*"))
	must(t, err)
	for _, name := range names {
		after, err := os.ReadFile(name)
		must(t, err)
		path := filepath.Join(to, journalFolder, filepath.Base(name))
		torn, err := os.ReadFile(path)
		if !errors.Is(err, os.ErrNotExist) { // it begins with this turn
			must(t, err)
		}
		torn = append(torn, make([]byte, max(0, len(after)-len(torn)))...)
		for at := 0; at < len(after); at += block {
			if end := min(at+block, len(after)); rand.IntN(4) > 0 {
				copy(torn[at:end], after[at:end])
			}
		}
		must(t, os.WriteFile(path, torn, 0o600))
	}
}

func wantAll(t *testing.T, d *Disk, acknowledged map[string]string, cut, cutBlob string) {
	t.Helper()
	if d.Damage != "" {
		t.Error(d.Damage)
	}
	found := 0
	must(t, d.Each(t.Context(), "job.", func(r engine.Record, err error) bool {
		id := strings.TrimPrefix(r.Key, "job.")
		want, ok := acknowledged[id]
		if id == cut {
			want, ok = cutBlob, true
			found--
		}
		if found++; err != nil || !ok || string(r.Value) != want {
			t.Errorf("%s: %d bytes, want %d; %v", r.Key, len(r.Value), len(want), err)
		}
		return true
	}))
	if found != len(acknowledged) {
		t.Errorf("%d records, want %d", found, len(acknowledged))
	}
	for id, want := range acknowledged {
		wantBlob(t, d, "blob-"+id, want)
	}
	if _, err := d.Get(t.Context(), "job."+cut); err == nil {
		wantBlob(t, d, "blob-"+cut, cutBlob)
	}
}
