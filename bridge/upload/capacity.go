package upload

import (
	"context"
	"strings"
	"sync"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/mqttapi"
)

// CapacityConfig says how much may wait for Google.
type CapacityConfig struct {
	MaxBytes int64 // how many bytes of payloads may wait; 0 = no limit
	MaxJobs  int   // how many commands may wait; 0 = no limit
	CopyUpTo int64 // bytes; up to it a file named by path is copied, a larger one remembered by path, size, time, inode; 0 = never copy
	MaxFile  int64 // the largest file taken, in bytes; 0 = Google's limits alone
}

// Capacity is the room for queued uploads that all entries share. When it gets tight, retained jobs are the first to go.
type Capacity struct {
	cfg CapacityConfig

	mu      sync.Mutex // guards all below
	used    room
	uploads []*Uploads // whose retained jobs make room for others
}

// room is what jobs take: jobs that wait for Google, retained ones, bytes of payloads.
type room struct {
	jobs, retained int
	bytes          int64
}

// NewCapacity returns empty room.
func NewCapacity(cfg CapacityConfig) *Capacity { return &Capacity{cfg: cfg} }

// Sweep removes payloads without a job in the store, left by a crash. It is called once, before commands are taken.
func Sweep(ctx context.Context, s *store.Store) error {
	jobs, err := s.JobIDs(ctx)
	if err != nil {
		return err
	}
	_, err = s.SweepPayloads(ctx, func(name string) bool {
		job, _, _ := strings.Cut(name, ".")
		return jobs[job]
	})
	return err
}

func (c *Capacity) add(u *Uploads) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.uploads = append(c.uploads, u)
}

func takes(r *store.Job) room {
	t := room{jobs: 1}
	if r.State == store.JobRetained {
		t = room{retained: 1}
	}
	for _, f := range r.Files {
		if f.Payload != "" {
			t.bytes += f.Size
		}
	}
	return t
}

func (c *Capacity) exchange(back, taken room) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.used.jobs += taken.jobs - back.jobs
	c.used.retained += taken.retained - back.retained
	c.used.bytes += taken.bytes - back.bytes
}

func (c *Capacity) reserveJob() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cfg.MaxJobs > 0 && c.used.jobs >= c.cfg.MaxJobs {
		return mqttapi.Errorf(mqttapi.CodeBusy, "%d uploads are already waiting (GPHOTOS_SPOOL_MAX_JOBS); send this one again later.", c.used.jobs)
	}
	c.used.jobs++
	return nil
}

func (c *Capacity) reserve(ctx context.Context, size int64) error {
	var waiting int64
	fits, err := c.makeRoom(ctx, func() bool {
		if waiting = c.used.bytes; c.cfg.MaxBytes > 0 && waiting+size > c.cfg.MaxBytes {
			return false
		}
		c.used.bytes += size
		return true
	})
	if err == nil && !fits {
		err = mqttapi.Errorf(mqttapi.CodeBusy, "%d bytes are already waiting and %d more are too many (GPHOTOS_SPOOL_MAX); send this one again later.", waiting, size)
	}
	return err
}

func (c *Capacity) trim(ctx context.Context, most int) error {
	_, err := c.makeRoom(ctx, func() bool { return c.used.retained <= most })
	return err
}

// makeRoom forgets retained jobs, the oldest first, until enough, which is called with mu held, is true or none is left.
func (c *Capacity) makeRoom(ctx context.Context, enough func() bool) (bool, error) {
	for {
		c.mu.Lock()
		done, uploads := enough(), c.uploads
		c.mu.Unlock()
		if done {
			return true, nil
		}
		var oldest *job
		for _, u := range uploads {
			for _, j := range u.queue.all() {
				if r := j.view(); r.State == store.JobRetained && (oldest == nil || r.Ran < oldest.view().Ran) {
					oldest = j
				}
			}
		}
		if oldest == nil {
			return false, nil
		}
		if err := oldest.remove(ctx, store.JobRetained); err != nil {
			return false, err
		}
	}
}
