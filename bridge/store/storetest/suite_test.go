// Package storetest is what a store must do whatever engine is below it: another engine is a row in engines.
//
// A store in virtual time (testing/synctest) belongs to the bubble that opened it.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"gphotos2mqtt/bridge/store"
)

// An Opener opens the store of a folder; it is called again for the same folder after
// the store was closed or its process killed.
type Opener func(ctx context.Context, dir string) (*store.Store, error)

var engines = map[string]Opener{"embedded": openEmbedded, "jetstream-1": openCluster(1), "jetstream-3": openCluster(3)}

func openEmbedded(ctx context.Context, dir string) (*store.Store, error) {
	return store.Open(ctx, store.Config{Dir: dir, Log: quiet()})
}

// TestContract is what every engine promises; what a disk or a cluster promises beside it is tested on its own.
func TestContract(t *testing.T) {
	for engine, open := range engines {
		t.Run(engine, func(t *testing.T) {
			startServers(t, engine)
			for name, test := range map[string]func(*testing.T, Opener){
				"kill": testKill, "stale revision": testRevisions, "finish": testFinish, "order": testOrder, "many records": testMany,
				"at the same time": testTogether, "merge": testMerge, "values": testValues, "payloads": testPayloads,
			} {
				t.Run(name, func(t *testing.T) { test(t, open) })
			}
		})
	}
}

func TestDisk(t *testing.T) {
	t.Run("full", func(t *testing.T) { testFullDisk(t, openEmbedded) })
	t.Run("read-only", func(t *testing.T) { testReadOnlyDisk(t, openEmbedded) })
}

func testRevisions(t *testing.T, open Opener) {
	t.Helper()
	s := opened(t, open, t.TempDir())
	mine := newJob("01A")
	must(t, s.AddJob(t.Context(), mine))
	if err := s.AddJob(t.Context(), newJob("01A")); !errors.Is(err, store.ErrExists) {
		t.Errorf("second add = %v", err)
	}
	theirs := jobs(t, s)[0]
	must(t, s.SaveJob(t.Context(), mine))
	for name, err := range map[string]error{
		"save of a stale job":   s.SaveJob(t.Context(), theirs),
		"remove of a stale job": s.RemoveJob(t.Context(), theirs),
		"save of no job":        s.SaveJob(t.Context(), newJob("01B")),
	} {
		if !errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrEngine) {
			t.Errorf("%s = %v", name, err)
		}
	}
	must(t, s.RemoveJob(t.Context(), mine))
	must(t, s.RemoveJob(t.Context(), mine))
	must(t, s.AddJob(t.Context(), newJob("01A")))
	if err := s.SaveJob(t.Context(), mine); !errors.Is(err, store.ErrConflict) {
		t.Errorf("save over a job that came after = %v", err)
	}
}

// testFinish: the receipt is there before the job goes, and stays when the job does not go.
func testFinish(t *testing.T, open Opener) {
	t.Helper()
	s := opened(t, open, t.TempDir())
	mine := newJob("01A")
	must(t, payload(t.Context(), s, mine))
	must(t, s.AddJob(t.Context(), mine))
	theirs := jobs(t, s)[0]
	must(t, s.SaveJob(t.Context(), mine))
	receipt := store.Receipt{Job: "01A", Entry: "home", CommandID: "theirs", Ran: s.Ran()}
	if err := s.FinishJob(t.Context(), theirs, receipt); !errors.Is(err, store.ErrConflict) || len(jobs(t, s)) != 1 {
		t.Errorf("finish of a stale job = %v", err)
	}
	wantPayload(t, s, mine)
	for _, id := range []string{"mine", "again"} { // gone already
		if got, found, err := s.Receipt(t.Context(), "home", "01A"); !found || err != nil || got.CommandID != receipt.CommandID {
			t.Errorf("receipt = %v, %v, %v", got, found, err)
		}
		receipt.CommandID = id
		must(t, s.FinishJob(t.Context(), mine, receipt))
	}
	if _, err := s.OpenPayload(t.Context(), mine.Files[0], 0); len(jobs(t, s)) > 0 || !errors.Is(err, store.ErrNotFound) {
		t.Errorf("payload = %v, jobs = %v", err, jobs(t, s))
	}
}

func testOrder(t *testing.T, open Opener) {
	t.Helper()
	s := opened(t, open, t.TempDir())
	for _, key := range []string{"home 01C", "home-2 01A", "home 01A", "home2 01C", "hom 01C", "home 01B"} {
		j := newJob("")
		j.Entry, j.ID, _ = strings.Cut(key, " ")
		must(t, s.AddJob(t.Context(), j))
	}
	if got := ids(jobs(t, s)); !slices.Equal(got, []string{"01A", "01B", "01C"}) {
		t.Errorf("jobs = %v", got)
	}
}

// testMany saves as many records as a long night without a network leaves; in a cluster fewer, for the sake of time.
func testMany(t *testing.T, open Opener) {
	t.Helper()
	many := 10_000
	if isCluster(t) {
		many = 1_500
	}
	if testing.Short() {
		many /= 3
	}
	dir := t.TempDir()
	s, err := open(t.Context(), dir)
	must(t, err)
	together(t, 64, many, func(i int) error {
		return s.AddJob(t.Context(), newJob(fmt.Sprintf("%05d", i)))
	})
	must(t, s.Close())
	began := time.Now()
	s = opened(t, open, dir)
	got := jobs(t, s)
	t.Logf("opened and listed in %v", time.Since(began))
	if len(got) != many || !slices.IsSorted(ids(got)) {
		t.Fatalf("%d jobs", len(got))
	}
	together(t, 64, many, func(i int) error { return s.RemoveJob(t.Context(), got[i]) })
	if got := jobs(t, s); len(got) > 0 {
		t.Errorf("%d jobs are left", len(got))
	}
}

// testTogether changes one record from many sides: each revision is built upon once.
func testTogether(t *testing.T, open Opener) {
	t.Helper()
	s := opened(t, open, t.TempDir())
	must(t, s.AddJob(t.Context(), newJob("01A")))
	const many = 200
	together(t, 16, many, func(int) error {
		for {
			all, err := s.Jobs(t.Context(), "home")
			if err != nil {
				return err
			}
			all[0].Attempts++
			if err := s.SaveJob(t.Context(), all[0]); !errors.Is(err, store.ErrConflict) {
				return err
			}
		}
	})
	if got := jobs(t, s)[0].Attempts; got != many {
		t.Errorf("%d changes of %d are there", got, many)
	}
}

func together(t *testing.T, workers, n int, do func(int) error) {
	t.Helper()
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n; i += workers {
				if err := do(i); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func quiet() *logrus.Entry {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return logrus.NewEntry(log)
}

func newJob(id string) *store.Job {
	return &store.Job{ID: id, Entry: "home", Received: time.Now(), Files: []store.File{{
		Name: "door.jpg", MIMEType: "image/jpeg", Status: store.FileQueued,
	}}}
}

func opened(t *testing.T, open Opener, dir string) *store.Store {
	t.Helper()
	s, err := open(t.Context(), dir)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

func jobs(t *testing.T, s *store.Store) []*store.Job {
	t.Helper()
	jobs, err := s.Jobs(t.Context(), "home")
	must(t, err)
	return jobs
}

func ids(jobs []*store.Job) (ids []string) {
	for _, j := range jobs {
		ids = append(ids, j.ID)
	}
	return ids
}

// payload puts what belongs to a job's only file.
func payload(ctx context.Context, s *store.Store, j *store.Job) (err error) {
	f := &j.Files[0]
	f.Payload = j.ID
	f.Size, f.SHA256, err = s.PutPayload(ctx, j.ID, strings.NewReader(bytesOf(j.ID)))
	return err
}

func bytesOf(id string) string { return strings.Repeat(id+" ", 100+len(id)) }

func wantPayload(t *testing.T, s *store.Store, j *store.Job) {
	t.Helper()
	r, err := s.OpenPayload(t.Context(), j.Files[0], 0)
	if err != nil {
		t.Error(err)
		return
	}
	data, err := io.ReadAll(r)
	if string(data) != bytesOf(j.ID) || errors.Join(err, r.Close()) != nil {
		t.Errorf("the payload of %s is not its own, %v", j.ID, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
