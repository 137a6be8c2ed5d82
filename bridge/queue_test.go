package bridge

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/mqttapi"
)

// fileJob is a job of one file that stands at a status.
func fileJob(id int, album string, status store.FileStatus) *job {
	return newJob(store.Job{
		ID: fmt.Sprintf("job%03d", id), Received: time.Now(), Album: store.Album{Title: album},
		Files: []store.File{{Status: status, Size: 10, SHA256: fmt.Sprint(id), TokenAt: time.Now()}},
	})
}

func ids(batch []work) []string {
	names := []string{}
	for _, w := range batch {
		names = append(names, w.ID)
	}
	return names
}

func TestBatchOfALonePhotoIsDueAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		q.add(fileJob(1, "", store.FileSent))
		began := time.Now()
		batch, err := q.takeBatch(t.Context())
		if err != nil || len(batch) != 1 || time.Since(began) != 0 {
			t.Errorf("%v after %v: %v", ids(batch), time.Since(began), err)
		}
	})
}

func TestBatchWaitsForCompany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		q.add(fileJob(1, "", store.FileSent))
		q.add(fileJob(2, "", store.FileQueued))
		if _, err := q.takeFile(t.Context()); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		batch, err := q.takeBatch(t.Context())
		if err != nil || len(batch) != 1 || time.Since(began) != batchWait {
			t.Errorf("%v after %v: %v", ids(batch), time.Since(began), err)
		}
	})
}

func TestBatchIsDueWhenTheLastUploadArrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		q.add(fileJob(1, "", store.FileSent))
		q.add(fileJob(2, "", store.FileQueued))
		w, err := q.takeFile(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var batch []work
		go func() { batch, err = q.takeBatch(context.WithoutCancel(t.Context())) }()
		time.Sleep(batchWait / 2)
		if batch != nil {
			t.Fatal("did not wait for company")
		}
		q.fileSent(w)
		synctest.Wait()
		if err != nil || len(batch) != 2 {
			t.Errorf("%v: %v", ids(batch), err)
		}
	})
}

func TestPickBatch(t *testing.T) {
	now := time.Now()
	sent := func(spec ...any) (works []work) {
		for i := 0; i < len(spec); i += 2 {
			works = append(works, work{fileJob(spec[i].(int), spec[i+1].(string), store.FileSent), 0})
		}
		return works
	}
	var many []any
	for i := range 60 {
		many = append(many, i, "B")
	}
	for name, tc := range map[string]struct {
		sent  []work
		batch []string
		rest  int
	}{
		"nothing":                  {nil, []string{}, 0},
		"the oldest one's album":   {sent(1, "A", 2, "B", 3, "A"), []string{"job001", "job003"}, 1},
		"equal bytes stay behind":  {sent(1, "A", 1, "A", 2, "A"), []string{"job001", "job002"}, 1},
		"no album is an album too": {sent(1, "", 2, "A"), []string{"job001"}, 1},
		"a full one goes first":    {sent(append([]any{900, "A"}, many...)...), nil, 11},
	} {
		t.Run(name, func(t *testing.T) {
			batch, rest, _ := pickBatch(tc.sent, now)
			if tc.batch == nil {
				if len(batch) != batchSize {
					t.Errorf("%d in the batch", len(batch))
				}
			} else if diff := cmp.Diff(tc.batch, ids(batch)); diff != "" {
				t.Error(diff)
			}
			if len(rest) != tc.rest {
				t.Errorf("%d left, want %d", len(rest), tc.rest)
			}
		})
	}
}

func TestHoldStopsFilesAndBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		q.add(fileJob(1, "", store.FileQueued))
		q.add(fileJob(2, "", store.FileSent))
		q.setHold(holdByEntry, Hold{Reason: mqttapi.HoldRateLimited, Until: time.Now().Add(time.Minute)})
		began := time.Now()
		if _, err := q.takeFile(t.Context()); err != nil || time.Since(began) != time.Minute {
			t.Errorf("file after %v: %v", time.Since(began), err)
		}
		q.setHold(holdByLink, Hold{Reason: mqttapi.HoldRelink})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if batch, err := q.takeBatch(ctx); err == nil {
			t.Errorf("%v were handed out during a hold without an end", ids(batch))
		}
		q.setHold(holdByLink, Hold{})
		if _, err := q.takeBatch(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestFilesWaitEachForItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		late := fileJob(1, "", store.FileQueued)
		late.note(func(r *store.Job) { r.Files[0].NotBefore = time.Now().Add(time.Minute) })
		q.add(late)
		q.add(fileJob(2, "", store.FileQueued))
		first, err := q.takeFile(t.Context())
		if err != nil || first.ID != "job002" {
			t.Errorf("first %s: %v", first.ID, err)
		}
		began := time.Now()
		second, err := q.takeFile(t.Context())
		if err != nil || second.ID != "job001" || time.Since(began) != time.Minute {
			t.Errorf("second %s after %v: %v", second.ID, time.Since(began), err)
		}
	})
}

func TestExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		q.add(fileJob(1, "", store.FileQueued))
		time.Sleep(time.Hour)
		q.add(fileJob(2, "", store.FileSent))
		time.Sleep(time.Minute)
		old, wait := q.expired(time.Now(), time.Hour)
		if diff := cmp.Diff([]string{"job001"}, ids(old)); diff != "" || wait != 59*time.Minute {
			t.Errorf("wait %v: %s", wait, diff)
		}
		if s := q.summary(); s.Waiting != 1 {
			t.Errorf("%+v still waits", s)
		}
	})
}
