//go:build linux

package disk

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"gphotos2mqtt/bridge/store/engine"
)

// resident is how many bytes of the database are in the memory of this process.
func resident(t *testing.T, d *Disk) (bytes int) {
	t.Helper()
	maps, err := os.Open("/proc/self/smaps") // https://man7.org/linux/man-pages/man5/proc_pid_smaps.5.html
	must(t, err)
	defer maps.Close()
	lines, found := bufio.NewScanner(maps), false
	for lines.Scan() {
		if strings.HasSuffix(lines.Text(), " "+d.db.Path()) {
			found = true
		} else if size := 0; found {
			if n, _ := fmt.Sscanf(lines.Text(), "Rss: %d kB", &size); n == 1 {
				return size << 10
			}
		}
	}
	t.Fatal("the database is nowhere in the memory")
	return 0
}

// A start reads all records, which are many when an upload has waited for days: they are not in the memory twice.
func TestDatabaseIsNotKeptInMemory(t *testing.T) {
	const records, size = 4096, 4 << 10
	d := opened(t, t.TempDir())
	value := bytes.Repeat([]byte("x"), size)
	var changes []engine.Change
	for n := range records {
		changes = append(changes, engine.Change{Key: fmt.Sprintf("jobs.home.%06d", n), Value: value, Revision: engine.New})
	}
	_, err := d.Change(t.Context(), changes...)
	must(t, err)
	must(t, d.Close())
	d = opened(t, d.folder)
	defer func() { must(t, d.Close()) }()
	if now := resident(t, d); now > 2<<20 {
		t.Errorf("%d bytes of the database after it was opened", now)
	}
	seen, most := 0, 0
	must(t, d.Each(t.Context(), "jobs.home.", func(r engine.Record, err error) bool {
		if seen++; err != nil || !bytes.Equal(r.Value, value) {
			t.Fatalf("%s: %d bytes, %v", r.Key, len(r.Value), err)
		}
		if seen%64 == 0 {
			most = max(most, resident(t, d))
		}
		return true
	}))
	if most = max(most, resident(t, d)); seen != records || most > 4<<20 {
		t.Errorf("%d records were read, with %d bytes of the database in memory", seen, most)
	}
}
