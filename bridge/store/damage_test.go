package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	queued = 60
	all    = queued + 3 // records: the state and the link of filled, and how long the store ran
)

// filled makes a store of some jobs, the first with a payload, and returns its database.
func filled(t *testing.T, dir string) (database string) {
	t.Helper()
	s := open(t, Config{Dir: dir})
	f := put(t, s, "p", "the bytes")
	for i := range queued {
		j := job(fmt.Sprintf("%02d", i))
		if i == 0 {
			j.Files = append(j.Files, f)
		}
		if i == 7 {
			j.Files = slices.Repeat(j.Files, 40) // more than a page
		}
		add(t, s, j)
	}
	must(t, s.SaveState(t.Context(), "home", "totals", 1))
	must(t, s.Links().Save(t.Context(), "home", []byte("token")))
	closeStore(t, s)
	return filepath.Join(dir, "records.db")
}

// Wherever a disk changes a byte of the database, or loses its end: either everything is
// there; or the records that are damaged say so, and all others are there; or the
// database is set aside, and the bridge goes on with an empty one.
func TestDamage(t *testing.T) {
	t.Parallel()
	whole, err := os.ReadFile(filled(t, t.TempDir()))
	must(t, err)
	outcomes := make(map[string]int)
	check := func(what string, change func([]byte) []byte) {
		dir := t.TempDir()
		must(t, os.WriteFile(filepath.Join(dir, "records.db"), change(slices.Clone(whole)), 0o600))
		must(t, os.Mkdir(filepath.Join(dir, "payloads"), 0o700))
		must(t, os.WriteFile(filepath.Join(dir, "payloads", "p"), []byte("the bytes"), 0o600))
		outcomes[damageOutcome(t, what, dir)]++
		must(t, os.RemoveAll(dir))
	}
	step := len(whole) / 150
	for at := 0; at < len(whole); at += 1 + rand.IntN(2*step) {
		bit := byte(1) << rand.IntN(8)
		check(fmt.Sprintf("bit %x of byte %d", bit, at), func(b []byte) []byte { b[at] ^= bit; return b })
	}
	for page := 0; page < len(whole); page += 4096 {
		for at := 0; at < 80; at += 1 + rand.IntN(8) { // heads of pages and their first elements
			check(fmt.Sprintf("byte %d of page %d", at, page/4096), func(b []byte) []byte { b[page+at] ^= byte(1 + rand.IntN(255)); return b })
		}
		check(fmt.Sprintf("zeros in page %d", page/4096), func(b []byte) []byte { clear(b[page : page+4096]); return b })
		check(fmt.Sprintf("cut at page %d", page/4096), func(b []byte) []byte { return b[:page] })
		check(fmt.Sprintf("cut in page %d", page/4096), func(b []byte) []byte { return b[:page+1000] })
	}
	t.Log(outcomes)
	for _, outcome := range []string{"whole", "some", "aside"} {
		if outcomes[outcome] == 0 {
			t.Errorf("never %s", outcome)
		}
	}
}

// damageOutcome opens a damaged store.
func damageOutcome(t *testing.T, what, dir string) string {
	t.Helper()
	s, err := Open(t.Context(), Config{Dir: dir, Log: quiet()})
	if err != nil {
		t.Fatalf("%s: open = %v", what, err)
	}
	defer closeStore(t, s)
	jobs, err := s.Jobs(t.Context(), "home")
	damaged, some := errors.AsType[*DamagedError](err)
	if err != nil && !some {
		t.Fatalf("%s: jobs = %v", what, err)
	}
	if s.Damage() != "" {
		aside, _ := filepath.Glob(filepath.Join(dir, "records-damaged-*.db"))
		saved, err := os.ReadFile(filepath.Join(dir, "payloads", "lost+found", "p"))
		if len(jobs) > 0 || len(aside) != 1 || string(saved) != "the bytes" || err != nil || !strings.Contains(s.Damage(), aside[0]) {
			t.Errorf("%s: set aside with %d jobs, %v, %q, %v, %s", what, len(jobs), aside, saved, err, s.Damage())
		}
		must(t, s.AddJob(t.Context(), job("new")))
		return "aside"
	}
	for _, j := range jobs { // none is changed in silence
		if j.Files[0].Session != "https://session.example/1" || j.CommandID != "mine" || j.Attempts != 0 {
			t.Errorf("%s: job %s is %v", what, j.ID, j)
		}
	}
	if some {
		if len(damaged.IDs) != 1 || len(jobs) != queued-1 {
			t.Errorf("%s: %d jobs, damaged are %v", what, len(jobs), damaged.IDs)
		}
		return "some"
	}
	if len(jobs) == queued-1 && len(otherRecords(t, s)) == all-1 { // the key itself is damaged
		return "some"
	}
	if len(jobs) != queued {
		t.Errorf("%s: %d jobs", what, len(jobs))
	}
	var n int
	found, err := s.LoadState(t.Context(), "home", "totals", &n)
	token, linkErr := s.Links().Load(t.Context(), "home")
	switch {
	case found && n == 1 && string(token) == "token":
		return "whole"
	case err == nil && linkErr == nil && len(otherRecords(t, s)) >= all-1: // one less: its key begins otherwise now
		return "some"
	}
	t.Errorf("%s: state is %v, %d, %v, link is %q, %v", what, found, n, err, token, linkErr)
	return ""
}

func otherRecords(t *testing.T, s *Store) []string {
	t.Helper()
	return slices.DeleteFunc(left(t, s), func(name string) bool { return strings.HasPrefix(name, "payload ") })
}

// A damaged record can be set aside like one that was never right, and the others still
// add up at the next start.
func TestDamagedRecordIsSetAside(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	database := filled(t, dir)
	must(t, edit(database, func(b []byte) {
		at := strings.LastIndex(string(b), `"id":"21"`)
		b[at+1] = 'x'
	}))
	for range 2 {
		s := open(t, Config{Dir: dir})
		jobs, err := s.Jobs(t.Context(), "home")
		damaged, ok := errors.AsType[*DamagedError](err)
		if !ok || len(jobs) != queued-1 || damaged.IDs[0] != "21" || s.Damage() != "" {
			t.Fatalf("%d jobs, %v, %s", len(jobs), err, s.Damage())
		}
		closeStore(t, s)
	}
	s := open(t, Config{Dir: dir})
	must(t, s.SetAside(t.Context(), "home", "21"))
	closeStore(t, s)
	s = opened(t, Config{Dir: dir})
	kept, err := s.engine.Get(t.Context(), "damaged.home.21")
	if got := list(t, s); len(got) != queued-1 || s.Damage() != "" || err != nil || !strings.Contains(string(kept.Value), `"xd":"21"`) {
		t.Errorf("%d jobs, %s, %s, %v", len(got), s.Damage(), kept.Value, err)
	}
}

// What a person does about damage, as the sentence says, works; until then each start
// says it again.
func TestGoingOnAfterDamage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, os.Truncate(filled(t, dir), 9000))
	for _, id := range []string{"01", "02"} {
		s := open(t, Config{Dir: dir})
		for _, word := range []string{"records-damaged-", "1 files", "lost+found", "Link the accounts again", "delete"} {
			if !strings.Contains(s.Damage(), word) {
				t.Errorf("%q is not in %s", word, s.Damage())
			}
		}
		add(t, s, job(id))
		closeStore(t, s)
	}
	aside, err := filepath.Glob(filepath.Join(dir, "records-damaged-*.db"))
	must(t, err)
	must(t, os.Remove(aside[0]))
	must(t, os.RemoveAll(filepath.Join(dir, "payloads", "lost+found")))
	s := opened(t, Config{Dir: dir})
	if diff := cmp.Diff([]string{"01", "02"}, ids(list(t, s))); diff != "" || s.Damage() != "" {
		t.Error(diff, s.Damage())
	}
}

// A folder that lost its database keeps the bytes of its uploads.
func TestNoDatabase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, os.Remove(filled(t, dir)))
	s := opened(t, Config{Dir: dir})
	if got := left(t, s); len(got) > 0 {
		t.Errorf("left: %v", got)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "payloads", "lost+found", "p")); string(data) != "the bytes" || err != nil {
		t.Errorf("payload = %q, %v", data, err)
	}
}

// An old page that comes back, as from a card that forgets a write, is not taken for
// what was there last.
func TestForgottenWrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	database := filled(t, dir)
	before, err := os.ReadFile(database)
	must(t, err)
	s := open(t, Config{Dir: dir})
	for range 40 { // until pages are used again
		for _, j := range list(t, s)[:3] {
			must(t, s.SaveJob(t.Context(), j))
		}
	}
	closeStore(t, s)
	after, err := os.ReadFile(database)
	must(t, err)
	aside := 0
	for at := 2 * 4096; at < len(before); at += 4096 {
		mixed := slices.Clone(after)
		copy(mixed[at:at+4096], before[at:])
		other := t.TempDir()
		must(t, os.WriteFile(filepath.Join(other, "records.db"), mixed, 0o600))
		s := open(t, Config{Dir: other})
		if s.Damage() != "" {
			aside++
		} else if got := list(t, s); len(got) != queued || got[0].revision == 0 {
			t.Errorf("page %d: %d jobs", at/4096, len(got))
		}
		closeStore(t, s)
	}
	if aside == 0 {
		t.Error("nothing was noticed")
	}
}
