package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// maxRevisions is how many revisions of a job are kept before all but the newest
// are removed. The engine could drop the old ones by itself, but it writes no mark
// for that: after a crash it finds them again, and when the newest has meanwhile been
// removed, a finished job would come back as it once was.
const maxRevisions = jetstream.KeyValueMaxHistory / 2

// AddJob makes a job durable. ErrExists means that there is one of this id,
// ErrFull that the disk has room for no more.
func (s *Store) AddJob(ctx context.Context, j *Job) error {
	return s.call(ctx, "add job", func(ctx context.Context) error {
		k, data, err := s.encode(j)
		if err != nil {
			return err
		}
		if err := s.dir.room(); err != nil {
			return err
		}
		revision, err := s.jobs.kv.Create(ctx, k, data)
		if errors.Is(err, jetstream.ErrKeyExists) {
			return ErrExists
		}
		if err == nil {
			j.revision, j.revisions = revision, 1
		}
		return err
	})
}

// SaveJob writes a job down if nobody else has changed or removed it since it
// was read or saved; else it returns ErrConflict and changes nothing.
func (s *Store) SaveJob(ctx context.Context, j *Job) error {
	return s.call(ctx, "save job", func(ctx context.Context) error {
		k, data, err := s.encode(j)
		if err != nil {
			return err
		}
		if j.revision == 0 { // which the engine takes for: create
			return ErrConflict
		}
		if j.revisions == maxRevisions {
			if err := s.jobs.trim(ctx, k); err != nil {
				return err
			}
			j.revisions = 1
		}
		revision, err := s.jobs.kv.Update(ctx, k, data, j.revision)
		if errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
			return ErrConflict
		}
		if err == nil {
			j.revision = revision
			j.revisions++
		}
		return err
	})
}

// RemoveJob removes a job and then its payloads, and leaves nothing behind. It is
// no error when the job is gone already; ErrConflict means that somebody else has
// changed it.
func (s *Store) RemoveJob(ctx context.Context, j *Job) error {
	err := s.call(ctx, "remove job", func(ctx context.Context) error {
		k, err := key(j.Entry, j.ID)
		if err != nil {
			return err
		}
		return s.jobs.remove(ctx, k, j.revision)
	})
	if err != nil {
		return err
	}
	// A stop right here leaves payloads that no job names: SweepPayloads.
	for _, f := range j.Files {
		if f.Payload != "" {
			err = errors.Join(err, s.RemovePayload(ctx, f.Payload))
		}
	}
	return err
}

// Jobs returns the jobs of an entry, oldest first. Records that cannot be
// understood come back as a *DamagedError beside all the others: they stay in
// the store until SetAside, so that whoever waits for their result can first be
// told.
func (s *Store) Jobs(ctx context.Context, entry string) ([]*Job, error) {
	var jobs []*Job
	var damaged DamagedError
	err := s.call(ctx, "list jobs", func(ctx context.Context) error {
		prefix, err := key(entry)
		if err != nil {
			return err
		}
		return s.jobs.each(ctx, prefix, func(record jetstream.KeyValueEntry) {
			id := strings.TrimPrefix(record.Key(), prefix+".")
			j, err := s.decode(entry, id, record.Value())
			if err != nil {
				damaged.IDs = append(damaged.IDs, id)
				damaged.causes = append(damaged.causes, fmt.Errorf("job %s: %w", id, err))
				return
			}
			j.revision, j.revisions = record.Revision(), maxRevisions // at most
			jobs = append(jobs, j)
		})
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(jobs, func(a, b *Job) int { return cmp.Compare(a.ID, b.ID) })
	if len(damaged.IDs) > 0 {
		return jobs, &damaged
	}
	return jobs, nil
}

// JobIDs returns the ids of all jobs of all entries, also of those that were set
// aside.
func (s *Store) JobIDs(ctx context.Context) (map[string]bool, error) {
	ids := make(map[string]bool)
	err := s.call(ctx, "list job ids", func(ctx context.Context) error {
		info, err := s.jobs.stream.Info(ctx, jetstream.WithSubjectFilter(s.jobs.prefix+">"))
		if err != nil {
			return err
		}
		for subject := range info.State.Subjects {
			ids[subject[strings.LastIndexByte(subject, '.')+1:]] = true
		}
		return nil
	})
	return ids, err
}

// SetAside moves a damaged job out of the way of Jobs, under the key
// damaged.<entry>.<id> of the bucket, where it stays for a person to look at.
func (s *Store) SetAside(ctx context.Context, entry, id string) error {
	return s.call(ctx, "set job aside", func(ctx context.Context) error {
		k, err := key(entry, id)
		if err != nil {
			return err
		}
		record, err := s.jobs.kv.Get(ctx, k)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := s.jobs.kv.Put(ctx, "damaged."+k, record.Value()); err != nil {
			return err
		}
		// A stop right here sets it aside once more at the next start.
		return s.jobs.remove(ctx, k, record.Revision())
	})
}

// DamagedError names jobs that are in the store and cannot be understood.
type DamagedError struct {
	IDs    []string
	causes []error
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("%v: %v", ErrDamaged, errors.Join(e.causes...))
}

func (e *DamagedError) Unwrap() error { return ErrDamaged }

func (s *Store) encode(j *Job) (k string, data []byte, err error) {
	if k, err = key(j.Entry, j.ID); err != nil {
		return "", nil, err
	}
	data, err = json.Marshal(s.sealJob(j))
	return k, data, err
}

func (s *Store) decode(entry, id string, data []byte) (*Job, error) {
	var j Job
	if err := json.Unmarshal(data, &j); err != nil {
		return nil, err
	}
	if j.Entry != entry || j.ID != id || len(j.Files) == 0 {
		return nil, errors.New("the record is of another job")
	}
	s.unsealJob(&j)
	return &j, nil
}
