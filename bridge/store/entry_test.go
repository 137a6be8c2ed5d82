package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/bridge/store/engine"
)

func TestEntriesAddedAtRunTime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open := func(key byte) *Store {
		t.Helper()
		s, err := Open(t.Context(), Config{Dir: dir, Key: &secret.Key{key}, Log: quiet()})
		must(t, err)
		return s
	}
	s := open(1)
	garden := &Entry{Name: "garden", Settings: map[string]string{"album": "Beds"}, ClientSecret: "client-words"}
	must(t, s.Entries().Save(t.Context(), garden))
	must(t, s.Entries().Save(t.Context(), &Entry{Name: "attic"}))
	if err := s.Entries().Save(t.Context(), &Entry{Name: "garden"}); !errors.Is(err, ErrExists) {
		t.Errorf("another of the same name: %v", err)
	}
	garden.Removal = &Removal{Revoke: true}
	must(t, s.Entries().Save(t.Context(), garden))
	check := func(s *Store, want ...*Entry) {
		t.Helper()
		got, err := s.Entries().All(t.Context())
		if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Entry{})); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
	}
	check(s, &Entry{Name: "attic"}, garden)
	must(t, s.Close())
	if records, err := os.ReadFile(filepath.Join(dir, "records.db")); err != nil || bytes.Contains(records, []byte("client-words")) {
		t.Errorf("the client secret lies there as it is; %v", err)
	}

	other := open(2)
	locked := *garden
	locked.ClientSecret, locked.Unreadable = "", true
	check(other, &Entry{Name: "attic"}, &locked)
	must(t, other.Close())

	s = open(1)
	all, err := s.Entries().All(t.Context())
	must(t, err)
	must(t, s.Entries().Delete(t.Context(), all[0]))
	if err := s.Entries().Save(t.Context(), all[0]); !errors.Is(err, ErrConflict) {
		t.Errorf("a removed one comes back: %v", err)
	}
	must(t, s.Entries().Save(t.Context(), all[1]))
	stale := *garden
	if err := s.Entries().Delete(t.Context(), &stale); !errors.Is(err, ErrConflict) {
		t.Errorf("one that was changed is removed: %v", err)
	}
	check(s, garden)
	must(t, s.Close())
}

// Of an entry that is forgotten nothing is left, and of others everything.
func TestForget(t *testing.T) {
	t.Parallel()
	s := opened(t, Config{Dir: t.TempDir()})
	count := func(of string) (n int) {
		for _, kind := range []string{kindJobs, kindDamaged, kindReceipts, kindLinks, kindState} {
			must(t, s.engine.Each(t.Context(), kind+".", func(r engine.Record, _ error) bool {
				if strings.Split(r.Key, ".")[1] == of {
					n++
				}
				return true
			}))
		}
		return n
	}
	for _, entry := range []string{"home", "garden"} {
		for n := range 100 {
			id := entry + strings.Repeat("x", n)
			_, _, err := s.PutPayload(t.Context(), id+".0", strings.NewReader("bytes"))
			must(t, err)
			must(t, s.AddJob(t.Context(), &Job{ID: id, Entry: entry, Files: []File{{Payload: id + ".0", Size: 5}}}))
			must(t, s.SaveReceipt(t.Context(), Receipt{Job: id, Entry: entry, Ran: s.Ran()}))
			must(t, s.SaveState(t.Context(), entry, "s"+strings.Repeat("x", n), n))
		}
		must(t, s.Links().Save(t.Context(), entry, []byte{1}))
	}
	must(t, s.save(t.Context(), "no job", kindJobs, "garden", "damaged"))
	must(t, s.SetAside(t.Context(), "garden", "gardenx"))
	must(t, s.Forget(t.Context(), "garden"))
	must(t, s.Forget(t.Context(), "garden"))
	if home, garden := count("home"), count("garden"); home != 301 || garden != 0 {
		t.Errorf("%d records of home, %d of garden", home, garden)
	}
	left := 0
	_, err := s.SweepPayloads(t.Context(), func(name string) bool {
		if left++; strings.HasPrefix(name, "garden") && name != "gardenx.0" {
			t.Errorf("payload %s is left", name)
		}
		return true
	})
	if must(t, err); left != 101 {
		t.Errorf("%d payloads are left", left)
	}
}
