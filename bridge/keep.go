package bridge

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gphotos2mqtt/bridge/store"
)

const (
	// keepFailed is how long a failed job can be tried again with job/retry.
	keepFailed = 24 * time.Hour
	// maxKept is how many of them there are at most; the oldest go first.
	maxKept = 1000
)

// A kept job has failed, the broker knows it, and somebody may try it again.
type kept struct {
	entry *Entry
	job   *job
}

// keep lets a failed job stay for a day. Its bytes are the first to go when the
// spool needs room.
func (e *Entry) keep(ctx context.Context, j *job) error {
	var done []string
	var size int64
	// A stop before this save says the result again; after it the job is only there
	// to be tried again. One right after it leaves payloads until the job goes.
	err := j.update(ctx, e.store, func(r *store.Job) {
		r.Told = time.Now().UTC()
		for i := range r.Files {
			if f := &r.Files[i]; f.Payload != "" && !hasBytes(*f) {
				done = append(done, f.Payload)
				size += f.Size
				f.Payload = ""
			}
		}
	})
	if err != nil {
		return err
	}
	for _, payload := range done {
		if err := e.store.RemovePayload(ctx, payload); err != nil {
			return fmt.Errorf("remove payload of job %s: %w", j.ID, err)
		}
	}
	e.spool.free(size)
	e.spool.retire()
	e.spool.keep(e, j)
	e.changed()
	return e.spool.trim(ctx)
}

// discard forgets a kept job, unless somebody has tried it again.
func (e *Entry) discard(ctx context.Context, j *job) error {
	j.mu.Lock()
	r := j.record
	stays := j.gone || r.Told.IsZero()
	var err error
	if !stays {
		if err = e.store.RemoveJob(ctx, &r); err == nil {
			j.gone = true
		}
	}
	j.mu.Unlock()
	if stays || err != nil {
		return err
	}
	e.spool.forget(j)
	e.spool.free(spooled(&r))
	e.queue.drop(j.ID)
	return nil
}

// keptTooLong returns the kept jobs whose day is over, and how long there will be
// no other.
func (q *queue) keptTooLong(now time.Time) (old []*job, wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	wait = keepFailed
	for _, j := range q.jobs {
		told := j.told()
		if told.IsZero() {
			continue
		}
		if left := keepFailed - now.Sub(told); left > 0 {
			wait = min(wait, left)
		} else {
			old = append(old, j)
		}
	}
	return old, wait
}

// keep notes a kept job, in the order in which they were told.
func (s *Spool) keep(e *Entry, j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	told := j.told()
	at := len(s.kept)
	for at > 0 && s.kept[at-1].job.told().After(told) {
		at--
	}
	s.kept = slices.Insert(s.kept, at, kept{e, j})
}

// revive counts a kept job as waiting again.
func (s *Spool) revive(j *job) {
	s.forget(j)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jobs++
}

// forget takes a job out of the kept ones.
func (s *Spool) forget(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = slices.DeleteFunc(s.kept, func(k kept) bool { return k.job == j })
}

// trim forgets kept jobs beyond maxKept.
func (s *Spool) trim(ctx context.Context) error {
	for {
		s.mu.Lock()
		many := len(s.kept) > maxKept
		s.mu.Unlock()
		if !many {
			return nil
		}
		if _, err := s.discardOldest(ctx); err != nil {
			return err
		}
	}
}

// discardAll forgets all kept jobs, for a disk that is full.
func (s *Spool) discardAll(ctx context.Context) error {
	for {
		if gone, err := s.discardOldest(ctx); err != nil || !gone {
			return err
		}
	}
}

// discardOldest forgets one kept job, if there is any.
func (s *Spool) discardOldest(ctx context.Context) (bool, error) {
	s.mu.Lock()
	if len(s.kept) == 0 {
		s.mu.Unlock()
		return false, nil
	}
	oldest := s.kept[0]
	s.kept = s.kept[1:]
	s.mu.Unlock()
	if err := oldest.entry.discard(ctx, oldest.job); err != nil {
		return false, fmt.Errorf("discard job %s: %w", oldest.job.ID, err)
	}
	return true, nil
}

// payloadName is the name of a file's bytes in the store.
func payloadName(job string, n int) string { return fmt.Sprintf("%s.%d", job, n) }

// jobOf is the id of the job that a payload belongs to.
func jobOf(payload string) string {
	job, _, _ := strings.Cut(payload, ".")
	return job
}
