// Package capacity is the room for queued uploads that all entries share.
package capacity

import (
	"context"
	"sync"
	"time"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
)

// Config says how much may wait for Google.
type Config struct {
	MaxBytes int64 // how many bytes of payloads may wait; 0 = no limit
	MaxJobs  int   // how many commands may wait; 0 = no limit
	CopyUpTo int64 // bytes; up to it a file named by path is copied, a larger one remembered by path, size, time, inode; 0 = never copy
	MaxFile  int64 // the largest file taken, in bytes; 0 = Google's limits alone
}

// Capacity is what is taken of it. When it gets tight, retained jobs are the first to go.
type Capacity struct {
	Config

	oldest wake.Members[Oldest] // one an entry

	mu   sync.Mutex // guards used
	used Room
}

// Room is what jobs take: jobs that wait for Google, retained ones, bytes of payloads.
type Room struct {
	Jobs, Retained int
	Bytes          int64
}

// Oldest returns an entry's retained job that became one first, by Job.Ran, and what forgets it; nil when it has none.
type Oldest func() (ran time.Duration, forget func(context.Context) error)

// New returns empty room.
func New(c Config) *Capacity { return &Capacity{Config: c} }

// Of is what a job takes.
func Of(r *store.Job) Room {
	t := Room{Jobs: 1}
	if r.State == store.JobRetained {
		t = Room{Retained: 1}
	}
	for _, f := range r.Files {
		if f.Payload != "" {
			t.Bytes += f.Size
		}
	}
	return t
}

// Share lets an entry's retained jobs make room for others, until it leaves.
func (c *Capacity) Share(oldest Oldest) (leave func()) { return c.oldest.Join(oldest) }

// Exchange gives room back and takes other, whether there is enough or not.
func (c *Capacity) Exchange(back, taken Room) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.used.Jobs += taken.Jobs - back.Jobs
	c.used.Retained += taken.Retained - back.Retained
	c.used.Bytes += taken.Bytes - back.Bytes
}

// ReserveJob takes room for a job. The error is CodeBusy as *mqttapi.Error.
func (c *Capacity) ReserveJob() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.MaxJobs > 0 && c.used.Jobs >= c.MaxJobs {
		return mqttapi.Errorf(mqttapi.CodeBusy, "%d uploads are already waiting (GPHOTOS_SPOOL_MAX_JOBS); send this one again later.", c.used.Jobs)
	}
	c.used.Jobs++
	return nil
}

// Reserve takes room for bytes. Errors are CodeBusy as *mqttapi.Error and the store's.
func (c *Capacity) Reserve(ctx context.Context, size int64) error {
	var waiting int64
	fits, err := c.makeRoom(ctx, func() bool {
		if waiting = c.used.Bytes; c.MaxBytes > 0 && waiting+size > c.MaxBytes {
			return false
		}
		c.used.Bytes += size
		return true
	})
	if err == nil && !fits {
		err = mqttapi.Errorf(mqttapi.CodeBusy, "%d bytes are already waiting and %d more are too many (GPHOTOS_SPOOL_MAX); send this one again later.", waiting, size)
	}
	return err
}

// Trim forgets retained jobs until at most most are left. The error is the store's.
func (c *Capacity) Trim(ctx context.Context, most int) error {
	_, err := c.makeRoom(ctx, func() bool { return c.used.Retained <= most })
	return err
}

// makeRoom forgets retained jobs, the oldest first, until enough, which is called with mu held, is true or none is left.
func (c *Capacity) makeRoom(ctx context.Context, enough func() bool) (bool, error) {
	for {
		c.mu.Lock()
		done := enough()
		c.mu.Unlock()
		if done {
			return true, nil
		}
		var first time.Duration
		var forget func(context.Context) error
		for _, oldest := range c.oldest.All() {
			if ran, f := oldest(); f != nil && (forget == nil || ran < first) {
				first, forget = ran, f
			}
		}
		if forget == nil {
			return false, nil
		}
		if err := forget(ctx); err != nil {
			return false, err
		}
	}
}
