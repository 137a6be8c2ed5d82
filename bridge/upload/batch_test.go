package upload

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/photos/spec"
)

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
