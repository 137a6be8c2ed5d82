// Package totals counts the uploads of an entry that are over, over all runs, and remembers the last one and the last error.
package totals

import (
	"context"
	"sync"
	"time"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
)

// errorFor is how long the last error is told: a failed upload is not kept longer either.
const errorFor = 24 * time.Hour

// Counts are what E/state says.
type Counts struct {
	Totals     mqttapi.Totals      `json:"totals"`
	LastUpload *mqttapi.LastUpload `json:"last_upload,omitempty"`
	LastError  *mqttapi.LastError  `json:"last_error,omitempty"`
}

// Totals are those of one entry.
type Totals struct {
	store *store.Store
	entry string
	saved Counts // owned by who calls Save

	mu  sync.Mutex // guards now
	now Counts
}

// Open loads what was saved.
func Open(ctx context.Context, s *store.Store, entry string) (*Totals, error) {
	t := &Totals{store: s, entry: entry}
	_, err := s.LoadState(ctx, entry, "totals", &t.saved)
	t.now = t.saved
	return t, err
}

// Now returns what was counted so far, and how long it stays as it is (0 = until something happens).
func (t *Totals) Now() (Counts, time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var lasts time.Duration
	if e := t.now.LastError; e != nil {
		if lasts = wake.Left(e.Time.Add(errorFor), errorFor); lasts == 0 { // what failed so long ago is not kept any more
			t.now.LastError, lasts = nil, 0
		}
	}
	return t.now, lasts
}

// Save writes down what changed since the last time, and returns it. One goroutine calls it, before it publishes E/state.
func (t *Totals) Save(ctx context.Context) (Counts, time.Duration, error) {
	now, lasts := t.Now()
	if now != t.saved {
		if err := t.store.SaveState(ctx, t.entry, "totals", now); err != nil {
			return now, lasts, err
		}
		t.saved = now
	}
	return now, lasts, nil
}

// Count counts a file of a job that is over.
func (t *Totals) Count(r *store.Job, f store.File) {
	if f.Status == store.FileFailed {
		t.Failed(r.ID, &mqttapi.Error{Code: mqttapi.Code(f.ErrorCode), Message: f.ErrorMessage})
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now.Totals.Uploaded++
	t.now.LastUpload = &mqttapi.LastUpload{
		Time: mqttapi.At(wake.Wall()), Name: f.Name, Album: r.Album.Title, MediaItemID: f.ItemID, ProductURL: f.ProductURL, Job: r.ID,
	}
	t.forget("")
}

// Failed notes why a file of a job failed, or, without a job, why a command became none.
func (t *Totals) Failed(job string, cause *mqttapi.Error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if job != "" {
		t.now.Totals.Failed++
	}
	if cause.Code == mqttapi.CodeCancelled { // as somebody wanted
		return
	}
	t.now.LastError = &mqttapi.LastError{Time: mqttapi.At(wake.Wall()), Code: cause.Code, Message: cause.Message, Job: job}
}

// Settled says that a job's error does not matter any more.
func (t *Totals) Settled(job string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget(job)
}

// forget, called with mu held, drops the last error if it is that of a job; "" = of none, as of a command that was refused.
func (t *Totals) forget(job string) {
	if t.now.LastError != nil && t.now.LastError.Job == job {
		t.now.LastError = nil
	}
}
