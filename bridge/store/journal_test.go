package store

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gphotos2mqtt/bridge/store/engine"
)

// crashed copies a store's folder as it lies on the disk, which is what a kill leaves.
func crashed(t *testing.T, dir string) string {
	t.Helper()
	other := t.TempDir()
	must(t, os.CopyFS(other, os.DirFS(dir)))
	must(t, os.Remove(filepath.Join(other, "lock")))
	return other
}

// segments are the files of the journal, by what they hold.
func segments(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "journal", "*"))
	must(t, err)
	return names
}

// What was acknowledged is in the journal alone. Wherever it ends, a whole number of turns is there and nothing is damaged: what is behind
// the end was never acknowledged.
func TestJournalIsCut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, Config{Dir: dir})
	defer closeStore(t, s)
	const turns = 12
	for i := range turns {
		j := job(fmt.Sprintf("%02d", i))
		j.Files = append(j.Files, put(t, s, fmt.Sprintf("p%02d", i), strings.Repeat("x", 100+1000*i)))
		add(t, s, j)
	}
	whole, err := os.ReadFile(segments(t, dir)[0])
	must(t, err)
	seen := map[int]bool{}
	for range 60 {
		at := rand.IntN(len(whole) + 1)
		other := crashed(t, dir)
		torn := append(whole[:at:at], make([]byte, rand.IntN(9000))...) // what a disk has in place of the end
		must(t, os.WriteFile(segments(t, other)[0], torn, 0o600))
		s := open(t, Config{Dir: other})
		jobs := list(t, s)
		for i, j := range jobs {
			if j.ID != fmt.Sprintf("%02d", i) {
				t.Errorf("cut at %d: job %d is %s", at, i, j.ID)
			}
			wantBytes(t, s, j.Files[1], 100+1000*i)
		}
		if s.Damage() != "" || at == len(whole) && len(jobs) != turns {
			t.Errorf("cut at %d: %d jobs, %s", at, len(jobs), s.Damage())
		}
		seen[len(jobs)] = true
		add(t, s, job("new"))
		closeStore(t, s)
		s = open(t, Config{Dir: other})
		if got := len(list(t, s)); got != len(jobs)+1 {
			t.Errorf("cut at %d: %d jobs after another, want %d", at, got, len(jobs)+1)
		}
		closeStore(t, s)
	}
	if len(seen) < 4 {
		t.Errorf("always as many jobs: %v", seen)
	}
}

func wantBytes(t *testing.T, s *Store, f File, size int) {
	t.Helper()
	r, err := s.OpenPayload(t.Context(), f, 0)
	if err != nil {
		t.Error(err)
		return
	}
	data, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil || len(data) != size {
		t.Errorf("%s has %d bytes, want %d, %v", f.Payload, len(data), size, err)
	}
}

// Wherever a disk changes a byte of the journal after a kill: everything is there; or the last turn alone is not; or one payload says that
// it is damaged; or the database is set aside with what belongs to it, and says so.
func TestJournalIsDamaged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, Config{Dir: dir})
	defer closeStore(t, s)
	add(t, s, job("before"))
	const jobs = 20
	for i := range jobs {
		j := job(fmt.Sprintf("%02d", i))
		j.Files[0] = put(t, s, fmt.Sprintf("p%02d", i), strings.Repeat("y", 3000))
		add(t, s, j)
	}
	whole, err := os.ReadFile(segments(t, dir)[0])
	must(t, err)
	outcomes := map[string]int{}
	places := rand.Perm(len(whole))[:160]
	for at := range 50 { // how the first turn begins, and where another's changes do, behind its blob
		places = append(places, at, len(whole)/2/4096*4096+3000+at*4)
	}
	for _, at := range places {
		other, changed := crashed(t, dir), append([]byte{}, whole...)
		changed[at] ^= byte(1 + rand.IntN(255))
		must(t, os.WriteFile(segments(t, other)[0], changed, 0o600))
		s := open(t, Config{Dir: other})
		got, bad := list(t, s), 0
		for _, j := range got {
			if j.ID == "before" {
				continue
			}
			r, err := s.OpenPayload(t.Context(), j.Files[0], 0)
			if err == nil {
				_, err = io.ReadAll(r)
				must(t, r.Close())
			}
			if errors.Is(err, ErrDamaged) || errors.Is(err, ErrNotFound) {
				bad++
			} else if err != nil {
				t.Errorf("byte %d: %v", at, err)
			}
		}
		switch {
		case s.Damage() != "" && len(got) == 0:
			outcomes["aside"]++
		case s.Damage() == "" && len(got) == jobs+1 && bad == 0:
			outcomes["whole"]++
		case s.Damage() == "" && len(got) == jobs+1 && bad == 1:
			outcomes["a payload"]++
		case s.Damage() == "" && len(got) == jobs && bad == 0 && got[jobs-2].ID == fmt.Sprintf("%02d", jobs-2):
			outcomes["the last turn"]++
		default:
			t.Errorf("byte %d: %d jobs, %d payloads damaged, %q", at, len(got), bad, s.Damage())
		}
		closeStore(t, s)
	}
	t.Log(outcomes)
	for _, outcome := range []string{"whole", "a payload", "aside"} {
		if outcomes[outcome] == 0 {
			t.Errorf("never %s", outcome)
		}
	}
}

// Segments are written again and again: what takes part in no upload any more takes no room, and what still does is there after each kill.
func TestJournalIsWrittenAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, Config{Dir: dir})
	size := 200 << 10
	var kept []*Job
	for i := range 800 { // 160 MB
		j := job(fmt.Sprintf("%04d", i))
		j.Files[0] = put(t, s, fmt.Sprintf("p%04d", i), fmt.Sprint(i, strings.Repeat("z", size)))
		add(t, s, j)
		if i%40 == 0 { // it stays
			kept = append(kept, j)
		} else {
			must(t, s.RemoveJob(t.Context(), j))
		}
		if i%300 == 299 {
			crash := crashed(t, dir)
			after := open(t, Config{Dir: crash})
			if got := list(t, after); len(got) != len(kept) {
				t.Errorf("%d jobs after %d, want %d", len(got), i, len(kept))
			}
			for _, j := range kept {
				wantBytes(t, after, j.Files[0], int(j.Files[0].Size))
			}
			closeStore(t, after)
		}
	}
	if n := len(segments(t, dir)); n > 10 {
		t.Errorf("%d segments", n)
	}
	for _, j := range kept {
		wantBytes(t, s, j.Files[0], int(j.Files[0].Size))
		must(t, s.RemoveJob(t.Context(), j))
	}
	closeStore(t, s)
	s = opened(t, Config{Dir: dir})
	if n, err := s.SweepPayloads(t.Context(), func(string) bool { return false }); n > 1 || err != nil {
		t.Errorf("%d payloads are left, %v", n, err)
	}
}

// A payload that is put once more counts as it was put last, whether it is small or a file, also after a kill.
func TestPayloadChangesItsSize(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, Config{Dir: dir})
	defer closeStore(t, s)
	for n, size := range []int{10, 1 << 20, 20, 2 << 20, 1 << 20, 30, 40} {
		f := put(t, s, "p", strings.Repeat("s", size))
		wantBytes(t, s, f, size)
		after := open(t, Config{Dir: crashed(t, dir)})
		wantBytes(t, after, f, size)
		closeStore(t, after)
		if n == 6 {
			must(t, s.RemovePayload(t.Context(), "p"))
			if _, err := s.OpenPayload(t.Context(), f, 0); !errors.Is(err, engine.ErrNotFound) {
				t.Errorf("after its removal: %v", err)
			}
		}
	}
}
