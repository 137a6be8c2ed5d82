package disk

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gphotos2mqtt/bridge/store/engine"
)

// readJournal reads a journal of one segment.
func readJournal(t *testing.T, content []byte) (*journal, error) {
	t.Helper()
	folder := t.TempDir()
	must(t, os.WriteFile(filepath.Join(folder, "1"), content, 0o600))
	j, err := openJournal(folder, 0, note{})
	if err != nil && !errors.Is(err, engine.ErrDamaged) {
		t.Error(err)
	}
	must(t, j.close())
	return j, err
}

// However a journal has changed, nothing is read of it that was not written; and what is missing is at the end, or it is told.
func FuzzChangedJournal(f *testing.F) {
	d, err := Open(f.TempDir(), quiet())
	if err != nil {
		f.Fatal(err)
	}
	written := map[string]string{}
	for _, id := range []string{"0", "1", "2", "3", "4"} {
		written["job."+id] = "value of " + id
		_, _, err := d.PutBlob(f.Context(), id, strings.NewReader(strings.Repeat(id, 700)))
		if err == nil {
			_, err = d.Change(f.Context(), engine.Change{Key: "job." + id, Value: []byte(written["job."+id])})
		}
		if err != nil {
			f.Fatal(err)
		}
	}
	whole, err := os.ReadFile(d.journal.segments[0].path)
	if err = errors.Join(err, d.Close()); err != nil {
		f.Fatal(err)
	}
	f.Add(uint16(0), []byte{1}, uint16(0))
	f.Add(uint16(4096+744), []byte{1, 2, 3}, uint16(0))
	f.Add(uint16(4096+800), whole[:44], uint16(3))
	f.Add(uint16(100), whole[4096:9000], uint16(4000))
	f.Fuzz(func(t *testing.T, at uint16, change []byte, cut uint16) {
		content := append([]byte{}, whole[:max(0, len(whole)-int(cut))]...)
		copy(content[min(int(at), len(content)):], change)
		j, err := readJournal(t, content)
		for _, c := range j.fresh {
			if written[c.Key] != string(c.Value) {
				t.Errorf("%s: %q was never written", c.Key, c.Value)
			}
		}
		for i, c := range j.fresh { // in the order of their turns
			if err == nil && c.Key != "job."+string(rune('0'+i)) {
				t.Errorf("record %d is %s", i, c.Key)
			}
		}
	})
}

// An entry with the right sums may hold anything: reading it ends, and without a panic.
func FuzzSealedEntry(f *testing.F) {
	f.Add(uint32(entryFirst), uint32(9), uint64(1), []byte("\x00\x00\x00\x00\x01\x01k\x02v"))
	f.Add(uint32(entryFirst), uint32(3), uint64(1), []byte("abc"))
	f.Add(uint32(entryFirst|entryBlob), uint32(4), uint64(7), []byte("nameblob"))
	f.Add(uint32(entryFirst), uint32(14), uint64(1), []byte("\x00\x00\x00\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, kind, summed uint32, turn uint64, body []byte) {
		entry := append(make([]byte, headingSize), body...)
		summed = min(summed, uint32(len(body)))
		heading{Salt: 1, Generation: 1, Turn: turn, Kind: kind, Summed: summed}.seal(entry)
		page := append(make([]byte, 0, 3*pageSize), entry...)
		page = append(page, make([]byte, int(nextPage(int64(len(page))))-len(page))...)
		_, _ = readJournal(t, append(page, entry...))
	})
}
