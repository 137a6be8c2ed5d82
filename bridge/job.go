package bridge

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"gphotos2mqtt/bridge/store"
)

// A job is one upload command in the store, with the lock that lets several
// workers go on with its files at once.
type job struct {
	ID       string    // never changes, so it is read without the lock
	received time.Time // likewise

	mu     sync.Mutex // guards record; held across its save
	record store.Job
}

func newJob(record store.Job) *job {
	return &job{ID: record.ID, received: record.Received, record: record}
}

// update changes the record and saves it. When it returns without an error the
// change survives a stop.
func (j *job) update(ctx context.Context, s *store.Store, change func(*store.Job)) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	change(&j.record)
	if err := s.SaveJob(ctx, &j.record); err != nil {
		return fmt.Errorf("save job %s: %w", j.ID, err)
	}
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

// notBefore is when a file may be tried again; zero = now.
func (j *job) notBefore(n int) time.Time { return j.file(n).NotBefore }

// sentAt is when a file got its upload token.
func (j *job) sentAt(n int) time.Time { return j.file(n).TokenAt }

// hash is the SHA-256 of a file, empty while it is not known.
func (j *job) hash(n int) string { return j.file(n).SHA256 }

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
	return !slices.ContainsFunc(files, waits)
}

// waits reports whether a file is still on its way.
func waits(f store.File) bool {
	return f.Status == store.FileQueued || f.Status == store.FileSent
}
