package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func jobBlocks(t *testing.T, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "jetstream", "STORE", "streams", "KV_jobs", "msgs", "*.blk"))
	must(t, err)
	return paths
}

// edit changes a file.
func edit(path string, change func([]byte) []byte) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, change(data), 0o600)
}

// filled makes a store with ten jobs and ends it.
func filled(t *testing.T, end func(*testing.T, *Store)) (dir, block string) {
	t.Helper()
	dir = t.TempDir()
	s := open(t, Config{Dir: dir})
	for _, id := range []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"} {
		add(t, s, job(id))
	}
	must(t, s.SaveState(t.Context(), "home", "totals", 1))
	end(t, s)
	return dir, jobBlocks(t, dir)[0]
}

func flip(at func(n int) int) func([]byte) []byte {
	return func(b []byte) []byte {
		b[at(len(b))] ^= 0x10
		return b
	}
}

// Damage is refused, again and again, before anything is thrown away.
func TestDamage(t *testing.T) {
	t.Parallel()
	begin, middle, tail := func(int) int { return 0 }, func(n int) int { return n / 2 }, func(n int) int { return n - 1 }
	half := func(b []byte) []byte { return b[:len(b)/2] }
	zeros := func(b []byte) []byte { return make([]byte, len(b)) }
	shift := func(b []byte) []byte { return append([]byte("x"), b...) }
	for name, test := range map[string]struct {
		end   func(*testing.T, *Store)
		spoil func(dir, block string) error
	}{
		"a bit, after a close":             {closeStore, func(_, block string) error { return edit(block, flip(middle)) }},
		"a bit of the last, after a close": {closeStore, func(_, block string) error { return edit(block, flip(tail)) }},
		"a bit, after a crash":             {crash, func(_, block string) error { return edit(block, flip(middle)) }},
		"a bit of a length, after a crash": {crash, func(_, block string) error { return edit(block, flip(begin)) }},
		"a byte too many, after a crash":   {crash, func(_, block string) error { return edit(block, shift) }},
		"half a block, after a close":      {closeStore, func(_, block string) error { return edit(block, half) }},
		"zeros, after a close":             {closeStore, func(_, block string) error { return edit(block, zeros) }},
		"no block, after a close":          {closeStore, func(_, block string) error { return os.Remove(block) }},
		"the block of another bucket":      {closeStore, func(_, block string) error { return os.Rename(other(block), block) }},
		"no description of a bucket":       {crash, func(_, block string) error { return os.Remove(meta(block)) }},
		"another description of a bucket":  {closeStore, func(_, block string) error { return edit(meta(block), flip(middle)) }},
		"no bucket at all, after a close":  {closeStore, func(_, block string) error { return os.RemoveAll(bucketDir(block)) }},
		"a census that cannot be read":     {closeStore, func(dir, _ string) error { return edit(filepath.Join(dir, "closed"), half) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, block := filled(t, test.end)
			must(t, test.spoil(dir, block))
			before, _ := os.ReadFile(block) // none when it is the block that is missing
			for range 2 {
				if _, err := Open(t.Context(), Config{Dir: dir, Log: quiet()}); !errors.Is(err, ErrDamaged) {
					t.Fatalf("error = %v", err)
				}
			}
			if after, _ := os.ReadFile(block); before != nil && !bytes.Equal(before, after) {
				t.Error("the block was changed")
			}
		})
	}
}

func bucketDir(block string) string { return filepath.Dir(filepath.Dir(block)) }
func meta(block string) string      { return filepath.Join(bucketDir(block), "meta.inf") }
func other(block string) string     { return strings.Replace(block, "KV_jobs", "KV_state", 1) }

// What a person does about damage, as the error says, works.
func TestGoingOnAfterDamage(t *testing.T) {
	t.Parallel()
	dir, block := filled(t, closeStore)
	must(t, edit(block, flip(func(n int) int { return n / 2 })))
	must(t, os.Rename(block, filepath.Join(t.TempDir(), "1.blk")))
	must(t, os.Remove(filepath.Join(dir, "closed")))
	s := opened(t, Config{Dir: dir})
	add(t, s, job("new"))
	if diff := cmp.Diff([]string{"new"}, ids(list(t, s))); diff != "" {
		t.Error(diff)
	}
}

// A write that a power cut has torn was acknowledged to nobody.
func TestTornWrite(t *testing.T) {
	t.Parallel()
	for name, tear := range map[string]func(last []byte) []byte{
		"cut":         func(last []byte) []byte { return last[:len(last)/2] },
		"head only":   func(last []byte) []byte { return last[:10] },
		"zeros":       func(last []byte) []byte { return make([]byte, len(last)) },
		"page not in": func(last []byte) []byte { return slices.Concat(last[:30], make([]byte, len(last)-30)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, block := filled(t, crash)
			must(t, edit(block, func(b []byte) []byte {
				n := len(b) / 10 // the records are alike
				return append(b, tear(bytes.Clone(b[len(b)-n:]))...)
			}))
			s := opened(t, Config{Dir: dir})
			if got := ids(list(t, s)); len(got) != 10 {
				t.Errorf("jobs = %v", got)
			}
			add(t, s, job("new"))
		})
	}
}

func FuzzCheckBlock(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, 64))
	f.Add(bytes.Repeat([]byte{30, 0, 0, 0, 1, 0, 0, 0, 0, 0}, 9))
	f.Fuzz(func(t *testing.T, data []byte) {
		const path = "/d/jetstream/STORE/streams/KV_jobs/msgs/1.blk"
		good, err := checkBlock(path, data)
		if good < 0 || good > len(data) || err != nil {
			t.Errorf("%d good bytes of %d, %v", good, len(data), err)
		}
		if again, _ := checkBlock(path, data[:good]); again != good {
			t.Errorf("%d good bytes, then %d of them", good, again)
		}
		holdsRecord(path, data)
	})
}
