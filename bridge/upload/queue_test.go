package upload

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/mqttapi"
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
