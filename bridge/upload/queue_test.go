package upload

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos/spec"
)

// fileJob is a job of one file that stands at a status.
func fileJob(id int, album string, status store.FileStatus) *job {
	return newJob(nil, &store.Job{
		ID: fmt.Sprintf("job%03d", id), Received: time.Now(), Album: store.Album{Title: album},
		Files: []store.File{{Status: status, Size: 10, SHA256: fmt.Sprint(id), TokenAt: time.Now()}},
	})
}

func notHeld() (*mqttapi.Hold, time.Duration) { return nil, 0 }

func ids(batch []file) []string {
	names := []string{}
	for _, w := range batch {
		names = append(names, w.ID)
	}
	return names
}

func TestBatchOfALonePhotoIsDueAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(notHeld, func() {})
		q.add(fileJob(1, "", store.FileSent), 0)
		began := time.Now()
		batch, err := q.nextBatch(t.Context())
		if err != nil || len(batch) != 1 || time.Since(began) != 0 {
			t.Errorf("%v after %v: %v", ids(batch), time.Since(began), err)
		}
	})
}

// On a thin line the others take as long as the first one has.
func TestBatchWaitsForCompany(t *testing.T) {
	for took, wait := range map[time.Duration]time.Duration{
		0: batchWait, time.Second: batchWait, 12 * time.Second: 12 * time.Second, time.Hour: maxBatchWait,
	} {
		synctest.Test(t, func(t *testing.T) {
			q := newQueue(notHeld, func() {})
			first := fileJob(1, "", store.FileSent)
			first.note(func(r *store.Job) { r.Files[0].Took = took })
			q.add(first, 0)
			q.add(fileJob(2, "", store.FileQueued), 0)
			if _, err := q.nextToSend(t.Context()); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			batch, err := q.nextBatch(t.Context())
			if err != nil || len(batch) != 1 || time.Since(began) != wait {
				t.Errorf("%v after %v: %v", ids(batch), time.Since(began), err)
			}
		})
	}
}

// Of photos that come at once the first is at Google before the second is on the disk: one call makes both.
func TestBatchWaitsForWhatIsBeingAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(notHeld, func() {})
		there := q.expect()
		q.add(fileJob(1, "", store.FileSent), 0)
		var batch []file
		go func() { batch, _ = q.nextBatch(context.WithoutCancel(t.Context())) }()
		synctest.Wait()
		if batch != nil {
			t.Fatal("did not wait for the command")
		}
		q.add(fileJob(2, "", store.FileSent), 0)
		there()
		synctest.Wait()
		if len(batch) != 2 {
			t.Errorf("%v", ids(batch))
		}
	})
}

func TestBatchIsDueWhenTheLastUploadArrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(notHeld, func() {})
		q.add(fileJob(1, "", store.FileSent), 0)
		q.add(fileJob(2, "", store.FileQueued), 0)
		w, err := q.nextToSend(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var batch []file
		go func() { batch, err = q.nextBatch(context.WithoutCancel(t.Context())) }()
		time.Sleep(batchWait / 2)
		if batch != nil {
			t.Fatal("did not wait for company")
		}
		w.note(func(r *store.Job) { r.Files[0].Status = store.FileSent })
		q.leave(w.file)
		synctest.Wait()
		if err != nil || len(batch) != 2 {
			t.Errorf("%v: %v", ids(batch), err)
		}
	})
}

func TestPickBatch(t *testing.T) {
	sent := func(spec ...any) (files []file) {
		for i := 0; i < len(spec); i += 2 {
			files = append(files, file{fileJob(spec[i].(int), spec[i+1].(string), store.FileSent), 0})
		}
		return files
	}
	var many []any
	for i := range 60 {
		many = append(many, i, "B")
	}
	for name, tc := range map[string]struct {
		sent  []file
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
			batch, rest, _ := pickBatch(tc.sent)
			if tc.batch == nil {
				if len(batch) != spec.MaxBatch {
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
		var hold *mqttapi.Hold
		q := newQueue(func() (*mqttapi.Hold, time.Duration) {
			now := time.Now()
			switch {
			case hold == nil || hold.Until.IsZero():
				return hold, 0
			case hold.Until.After(now):
				return hold, hold.Until.Sub(now)
			}
			return nil, 0
		}, func() {})
		q.add(fileJob(1, "", store.FileQueued), 0)
		q.add(fileJob(2, "", store.FileSent), 0)
		hold = &mqttapi.Hold{Reason: mqttapi.HoldRateLimited, Until: mqttapi.At(time.Now().Add(time.Minute))}
		began := time.Now()
		if _, err := q.nextToSend(t.Context()); err != nil || time.Since(began) != time.Minute {
			t.Errorf("file after %v: %v", time.Since(began), err)
		}
		hold = &mqttapi.Hold{Reason: mqttapi.HoldRelink}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if batch, err := q.nextBatch(ctx); err == nil {
			t.Errorf("%v were handed out during a hold without an end", ids(batch))
		}
		hold = nil
		if _, err := q.nextBatch(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestFilesWaitEachForItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(notHeld, func() {})
		late := fileJob(1, "", store.FileQueued)
		late.note(func(r *store.Job) { r.Files[0].NotBefore, r.Files[0].Pause = time.Now().Add(time.Minute), time.Minute })
		q.add(late, 0)
		q.add(fileJob(2, "", store.FileQueued), 0)
		first, err := q.nextToSend(t.Context())
		if err != nil || first.ID != "job002" {
			t.Errorf("first %s: %v", first.ID, err)
		}
		began := time.Now()
		second, err := q.nextToSend(t.Context())
		if err != nil || second.ID != "job001" || time.Since(began) != time.Minute {
			t.Errorf("second %s after %v: %v", second.ID, time.Since(began), err)
		}
	})
}

// A photo of a door does not wait until one of many videos is at Google.
func TestSmallFilesPassLargeOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(notHeld, func() {})
		for n := range bulkyAtATime + 2 {
			video := fileJob(n, "", store.FileQueued)
			video.note(func(r *store.Job) { r.Files[0].Size = bulky + 1 })
			q.add(video, 0)
		}
		q.add(fileJob(900, "", store.FileQueued), 0)
		var last inHand
		for range bulkyAtATime + 1 {
			var err error
			if last, err = q.nextToSend(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if last.ID != "job900" {
			t.Errorf("%s is sent in place of the photo", last.ID)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if more, err := q.nextToSend(ctx); err == nil {
			t.Errorf("%s is sent beside %d large ones", more.ID, bulkyAtATime)
		}
		var first file
		for f := range q.active {
			if f.view().Size > bulky {
				first = f
			}
		}
		first.note(func(r *store.Job) { r.Files[0].Status = store.FileSent })
		q.leave(first)
		if next, err := q.nextToSend(t.Context()); err != nil || next.view().Size <= bulky {
			t.Errorf("next %s: %v", next.ID, err)
		}
	})
}

func TestExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		js := newJobs(nil, nil, newQueue(notHeld, func() {}))
		js.add(fileJob(1, "", store.FileQueued).view())
		late := fileJob(2, "", store.FileSent)
		late.note(func(r *store.Job) { r.Ran = time.Hour })
		js.add(late.view())
		old, wait := js.expired(time.Hour+time.Minute, time.Hour)
		if len(old) != 1 || old[0].ID != "job001" || wait != 59*time.Minute {
			t.Errorf("%d expired, wait %v", len(old), wait)
		}
	})
}

func TestEqualFilesAreNotInOneBatch(t *testing.T) {
	in := contents{}
	for n, tc := range []struct {
		file store.File
		want bool
	}{
		{store.File{Size: 10, SHA256: "a"}, true},
		{store.File{Size: 10, SHA256: "b"}, true},
		{store.File{Size: 10, SHA256: "a"}, false},
		{store.File{Size: 10}, false}, // never hashed, so it may be equal
		{store.File{Size: 20}, true},
		{store.File{Size: 20}, false},
		{store.File{Size: 20, SHA256: "c"}, false},
	} {
		if got := in.add(tc.file); got != tc.want {
			t.Errorf("file %d: %v", n, got)
		}
	}
}

// Who only reads never waits for a save: not the queue, not what E/state and jobs show.
func TestNobodyWaitsForASaveToRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(notHeld, func() {})
		saved := fileJob(1, "", store.FileQueued)
		q.add(saved, 0)
		saved.saving.Lock() // as a save that hangs
		defer saved.saving.Unlock()
		var read sync.WaitGroup
		read.Go(func() {
			if next, err := q.nextToSend(t.Context()); err != nil || next.ID != saved.ID {
				t.Errorf("next %s: %v", next.ID, err)
			}
			if q.idle() {
				t.Error("idle while a file is being sent")
			}
			if r := saved.view(); r.ID != saved.ID {
				t.Errorf("record of %s", r.ID)
			}
		})
		synctest.Wait() // it would be blocked on the lock
		read.Wait()
	})
}
