package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"gphotos2mqtt/bridge/store"
)

// A job is one upload command in the store, with the lock that lets several
// workers go on with its files at once.
type job struct {
	ID string // never changes, so it is read without the lock

	mu     sync.Mutex // guards all below; held across a save
	record store.Job
	gone   bool // no longer in the store
}

// errGone is the error of a change to a job that is no longer in the store.
var errGone = errors.New("the job is gone")

func newJob(record store.Job) *job {
	return &job{ID: record.ID, record: record}
}

// update changes the record and saves it. When it returns without an error the
// change survives a stop.
func (j *job) update(ctx context.Context, s *store.Store, change func(*store.Job)) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.gone {
		return errGone
	}
	change(&j.record)
	if err := s.SaveJob(ctx, &j.record); err != nil {
		return fmt.Errorf("save job %s: %w", j.ID, err)
	}
	return nil
}

// remove removes the record, as it is by now, and its payloads.
func (j *job) remove(ctx context.Context, s *store.Store) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := s.RemoveJob(ctx, &j.record); err != nil {
		return fmt.Errorf("remove job %s: %w", j.ID, err)
	}
	j.gone = true
	return nil
}

// note changes the record in memory alone: what may be forgotten in a stop.
func (j *job) note(change func(*store.Job)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	change(&j.record)
}

// view returns a copy of the record.
func (j *job) view() store.Job {
	j.mu.Lock()
	defer j.mu.Unlock()
	record := j.record
	record.Files = slices.Clone(j.record.Files)
	return record
}

// file returns a copy of one file's record.
func (j *job) file(n int) store.File {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.record.Files[n]
}

// since is from when on the age of the job counts.
func (j *job) since() time.Time {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.record.Retried.IsZero() {
		return j.record.Received
	}
	return j.record.Retried
}

// left is how many bytes of the job are still on their way, and whether any file is.
func (j *job) left() (size int64, any bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range j.record.Files {
		if f := &j.record.Files[i]; waits(f.Status) {
			size += f.Size
			any = true
		}
	}
	return size, any
}

// told is when the broker had the result of a job that is kept; zero for others.
func (j *job) told() time.Time {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.record.Told
}

// cancelled reports whether somebody has cancelled the job.
func (j *job) cancelled() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.record.Cancelled
}

// notBefore is when a file may be tried again; zero = now.
func (j *job) notBefore(n int) time.Time { return j.file(n).NotBefore }

// sentAt is when a file got its upload token.
func (j *job) sentAt(n int) time.Time { return j.file(n).TokenAt }

// albumKey is equal for jobs whose files can be created in one call.
func (j *job) albumKey() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.record.Album.Title != "" {
		return "title:" + j.record.Album.Title
	}
	return "id:" + j.record.Album.ID
}

// over reports whether every file is done or failed.
func over(files []store.File) bool {
	return !slices.ContainsFunc(files, func(f store.File) bool { return waits(f.Status) })
}

// waits reports whether a file of that status is still on its way.
func waits(s store.FileStatus) bool {
	return s == store.FileQueued || s == store.FileSent
}
