package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/bridge/store/engine"
)

// plant saves bytes as a record, as another version of the bridge might have.
func plant(t *testing.T, s *Store, key, value string) {
	t.Helper()
	_, err := s.engine.Change(t.Context(), engine.Change{Key: key, Value: []byte(value), Revision: engine.Any})
	must(t, err)
}

// left names all records and payloads.
func left(t *testing.T, s *Store) (left []string) {
	t.Helper()
	for _, kind := range []string{kindJobs, kindDamaged, kindReceipts, kindLinks, kindState} {
		must(t, s.engine.Each(t.Context(), kind+".", func(r engine.Record, _ error) bool {
			left = append(left, r.Key)
			return true
		}))
	}
	_, err := s.SweepPayloads(t.Context(), func(name string) bool {
		left = append(left, "payload "+name)
		return true
	})
	must(t, err)
	return left
}

func add(t *testing.T, s *Store, j *Job) {
	t.Helper()
	must(t, s.AddJob(t.Context(), j))
}

func list(t *testing.T, s *Store) []*Job {
	t.Helper()
	jobs, err := s.Jobs(t.Context(), "home")
	must(t, err)
	return jobs
}

func ids(jobs []*Job) (ids []string) {
	for _, j := range jobs {
		ids = append(ids, j.ID)
	}
	return ids
}

func TestJobsAreOldestFirstAndOfOneEntry(t *testing.T) {
	t.Parallel()
	s := opened(t, Config{Dir: t.TempDir()})
	other := job("01B")
	other.Entry = "home-2"
	for _, j := range []*Job{job("01C"), job("01A"), other, job("01B")} {
		add(t, s, j)
	}
	if diff := cmp.Diff([]string{"01A", "01B", "01C"}, ids(list(t, s))); diff != "" {
		t.Error(diff)
	}
}

func TestSaveJobComparesRevisions(t *testing.T) {
	t.Parallel()
	s := opened(t, Config{Dir: t.TempDir()})
	mine := job("01A")
	add(t, s, mine)
	if err := s.AddJob(t.Context(), job("01A")); !errors.Is(err, ErrExists) {
		t.Errorf("second add = %v", err)
	}
	theirs := list(t, s)[0]
	mine.Files[0].Status = FileDone
	must(t, s.SaveJob(t.Context(), mine))
	mine.Attempts++
	must(t, s.SaveJob(t.Context(), mine))
	if diff := cmp.Diff([]*Job{mine}, list(t, s), cmpopts.IgnoreUnexported(Job{})); diff != "" {
		t.Error(diff)
	}
	for name, err := range map[string]error{
		"save of a stale job":   s.SaveJob(t.Context(), theirs),
		"remove of a stale job": s.RemoveJob(t.Context(), theirs),
		"save of no job":        s.SaveJob(t.Context(), job("01B")),
	} {
		if !errors.Is(err, ErrConflict) || errors.Is(err, ErrEngine) {
			t.Errorf("%s = %v", name, err)
		}
	}
	must(t, s.RemoveJob(t.Context(), mine))
	must(t, s.RemoveJob(t.Context(), mine)) // gone already
	if err := s.SaveJob(t.Context(), mine); !errors.Is(err, ErrConflict) {
		t.Errorf("save of a removed job = %v", err)
	}
}

func TestRemoveJobLeavesNothing(t *testing.T) {
	t.Parallel()
	s := opened(t, Config{Dir: t.TempDir()})
	for _, name := range []string{"p1", "p2"} {
		put(t, s, name, strings.Repeat("x", 1<<20))
	}
	j := job("01A", "p1", "p2")
	add(t, s, j)
	must(t, s.SaveJob(t.Context(), j))
	must(t, s.RemoveJob(t.Context(), j))
	if left := left(t, s); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestRecordsOfOtherVersions(t *testing.T) {
	t.Parallel()
	s := opened(t, Config{Dir: t.TempDir()})
	add(t, s, job("01A"))
	for id, record := range map[string]string{
		"01B": `{"id":"01B","entry":"home","later":{"than":"this"},"files":[{"name":"x","status":"queued","new":1}]}`,
		"01C": `{"id":"01C","entry":`,
		"01D": `{"id":"01X","entry":"home","files":[{"name":"x"}]}`,
	} {
		plant(t, s, "jobs.home."+id, record)
	}
	for range 2 { // reported until it is set aside
		jobs, err := s.Jobs(t.Context(), "home")
		damaged, ok := errors.AsType[*DamagedError](err)
		if !ok || !errors.Is(err, ErrDamaged) || errors.Is(err, ErrEngine) {
			t.Fatalf("error = %v", err)
		}
		if diff := cmp.Diff([]string{"01A", "01B"}, ids(jobs)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"01C", "01D"}, damaged.IDs, cmpopts.SortSlices(strings.Compare)); diff != "" {
			t.Error(diff)
		}
	}
	for range 2 { // a stop in between repeats it
		must(t, s.SetAside(t.Context(), "home", "01C"))
		must(t, s.SetAside(t.Context(), "home", "01D"))
	}
	if diff := cmp.Diff([]string{"01A", "01B"}, ids(list(t, s))); diff != "" {
		t.Error(diff)
	}
	kept, err := s.engine.Get(t.Context(), "damaged.home.01C")
	if err != nil || string(kept.Value) != `{"id":"01C","entry":` {
		t.Errorf("set aside = %v, %v", kept, err)
	}
}

func TestJobIDsAreOfAllEntries(t *testing.T) {
	t.Parallel()
	s := opened(t, Config{Dir: t.TempDir()})
	other := job("01B")
	other.Entry = "away"
	for _, j := range []*Job{job("01A"), other, job("01C")} {
		add(t, s, j)
	}
	plant(t, s, "jobs.home.01C", "{")
	must(t, s.SetAside(t.Context(), "home", "01C"))
	got, err := s.JobIDs(t.Context())
	must(t, err)
	if diff := cmp.Diff(map[string]bool{"01A": true, "01B": true, "01C": true}, got); diff != "" {
		t.Error(diff)
	}
}

func TestNamesThatAreNoKeys(t *testing.T) {
	t.Parallel()
	s := opened(t, Config{Dir: t.TempDir()})
	for _, name := range []string{"", "a.b", "*", ">", "a b", "ä", strings.Repeat("x", 129)} {
		j := job(name)
		for what, err := range map[string]error{
			"add":   s.AddJob(t.Context(), j),
			"state": s.SaveState(t.Context(), "home", name, 1),
			"link":  s.Links().Save(t.Context(), name, nil),
		} {
			if !errors.Is(err, engine.ErrBadName) || errors.Is(err, ErrEngine) {
				t.Errorf("%s %q = %v", what, name, err)
			}
		}
	}
}

func TestSecretsAreSealed(t *testing.T) {
	t.Parallel()
	cfg := Config{Dir: t.TempDir(), Key: &secret.Key{1}}
	s := open(t, cfg)
	add(t, s, job("01A"))
	if got := list(t, s)[0].Files[0]; got.Session != "https://session.example/1" || got.Token != "upload-token" {
		t.Errorf("file = %v", got)
	}
	closeStore(t, s)
	err := filepath.WalkDir(cfg.Dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		for _, secret := range []string{"session.example", "upload-token"} {
			if strings.Contains(string(data), secret) {
				t.Errorf("%s holds %s", path, secret)
			}
		}
		return err
	})
	must(t, err)

	cfg.Key = &secret.Key{2}
	s = opened(t, cfg)
	if got := list(t, s)[0].Files[0]; got.Session != "" || got.Token != "" || got.Status != FileQueued {
		t.Errorf("with another key, file = %v", got)
	}
}

func TestSecretHidesItself(t *testing.T) {
	t.Parallel()
	f := File{Name: "x", Token: "upload-token"}
	if text, err := json.Marshal(f); err != nil || strings.Contains(string(text), "upload") {
		t.Errorf("JSON shows it: %s, %v", text, err)
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if text := fmt.Sprintf(format, f); strings.Contains(text, "upload") || strings.Contains(text, fmt.Sprintf("%x", "upload")) {
			t.Errorf("%s shows it: %s", format, text)
		}
	}
}

func FuzzDecodeJob(f *testing.F) {
	whole, err := json.Marshal((&Store{}).recordOf(job("01A", "p")))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte(`{"id":"01A","entry":"home","files":[{"token":"sealed:AAAA"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := &Store{}
		j := &Job{}
		if s.decode("home", "01A", data, j) != nil {
			return
		}
		// What was written comes back as it is; only the first writing may change the
		// spaces of a transaction.
		first, second := rewrite(t, s, j), rewrite(t, s, rewrite(t, s, j))
		if diff := cmp.Diff(first, second, cmpopts.IgnoreUnexported(Job{})); diff != "" {
			t.Error(diff)
		}
	})
}

func rewrite(t *testing.T, s *Store, j *Job) *Job {
	t.Helper()
	data, err := json.Marshal(s.recordOf(j))
	must(t, err)
	again := &Job{}
	must(t, s.decode(j.Entry, j.ID, data, again))
	return again
}
