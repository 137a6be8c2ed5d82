package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func job(id string, payloads ...string) *Job {
	j := &Job{
		ID: id, Entry: "home", Received: time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC),
		CommandID: "mine", Transaction: json.RawMessage(`{"a":[1,null]}`), Delivery: Delivery{42, "abc"},
		Album: Album{Title: "Front door"}, Files: []File{{
			Path: "/media/door.mp4", Name: "door.mp4", MIMEType: "video/mp4", Size: 9, Status: FileSent,
			Source:  &Source{Path: "/media/door.mp4", Size: 9, ModTime: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Inode: 7},
			Session: "https://session.example/1", Granularity: 256 << 10,
			Token: "upload-token", TokenAt: time.Date(2026, 11, 22, 20, 0, 1, 0, time.UTC),
		}},
	}
	for _, name := range payloads {
		j.Files = append(j.Files, File{Name: "p.jpg", MIMEType: "image/jpeg", Size: 9, Payload: name, Status: FileQueued})
	}
	return j
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
		put(t, s, name, strings.Repeat("x", chunkSize+1))
	}
	j := job("01A", "p1", "p2")
	add(t, s, j)
	must(t, s.SaveJob(t.Context(), j))
	must(t, s.RemoveJob(t.Context(), j))
	count, err := s.census(t.Context())
	must(t, err)
	if count["KV_jobs"].Records != 0 || count["OBJ_payloads"].Records != 0 {
		t.Errorf("records left: %v", count)
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
		_, err := s.jobs.kv.Put(t.Context(), "home."+id, []byte(record))
		must(t, err)
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
	kept, err := s.jobs.kv.Get(t.Context(), "damaged.home.01C")
	if err != nil || string(kept.Value()) != `{"id":"01C","entry":` {
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
	_, err := s.jobs.kv.Put(t.Context(), "home.01C", []byte("{"))
	must(t, err)
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
			if !errors.Is(err, ErrBadName) || errors.Is(err, ErrEngine) {
				t.Errorf("%s %q = %v", what, name, err)
			}
		}
	}
}

func TestSecretsAreSealed(t *testing.T) {
	t.Parallel()
	cfg := Config{Dir: t.TempDir(), Key: make([]byte, 32)}
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

	cfg.Key = []byte("another key of thirty-two bytes!")
	s = opened(t, cfg)
	if got := list(t, s)[0].Files[0]; got.Session != "" || got.Token != "" || got.Status != FileQueued {
		t.Errorf("with another key, file = %v", got)
	}
}

func TestSecretHidesItself(t *testing.T) {
	t.Parallel()
	f := File{Name: "x", Token: "upload-token"}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if text := fmt.Sprintf(format, f); strings.Contains(text, "upload") || strings.Contains(text, fmt.Sprintf("%x", "upload")) {
			t.Errorf("%s shows it: %s", format, text)
		}
	}
}

func FuzzDecodeJob(f *testing.F) {
	whole, err := json.Marshal(job("01A", "p"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte(`{"id":"01A","entry":"home","files":[{"token":"sealed:AAAA"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := &Store{}
		j, err := s.decode("home", "01A", data)
		if err != nil {
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
	_, data, err := s.encode(j)
	must(t, err)
	again, err := s.decode(j.Entry, j.ID, data)
	must(t, err)
	return again
}
