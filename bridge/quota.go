package bridge

import (
	"context"
	"fmt"
	"sync"
	"time"
	_ "time/tzdata" // Google's day ends at midnight Pacific, also in an image without zone files.

	"gphotos2mqtt/bridge/store"
)

// QuotaPerDay is how many requests a Google Cloud project may make a day, uploads included.
// Source: https://developers.google.com/photos/overview/api-limits-quotas
const QuotaPerDay = 10_000

// UploadReserve is the part of the day's requests that background listing leaves to uploads.
const UploadReserve = QuotaPerDay / 5

// A Project is what the entries of one client id share: Google counts requests
// per project and day. The count survives restarts: it is saved with each E/state, so a crash
// loses a second of it, and then Google says no a little before we expect it.
type Project struct {
	id    string
	store *store.Store

	mu       sync.Mutex // guards all below
	day      string
	requests int
	saved    int
	watchers []func(Hold)
}

// projectState is the record in the store.
type projectState struct {
	Day      string `json:"day"`
	Requests int    `json:"requests"`
}

// OpenProject loads the count of a project. The id names it in the store: a
// short hash of the client id.
func OpenProject(ctx context.Context, s *store.Store, id string) (*Project, error) {
	p := &Project{id: id, store: s}
	var saved projectState
	if _, err := s.LoadState(ctx, projectScope, id, &saved); err != nil {
		return nil, fmt.Errorf("load request count: %w", err)
	}
	p.day, p.requests, p.saved = saved.Day, saved.Requests, saved.Requests
	return p, nil
}

// projectScope stands where other records of the store have an entry; no entry
// can bear this name.
const projectScope = "bridge"

// Count adds one request to the day's count. It is called for every request
// that goes to Google's Library API.
func (p *Project) Count() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turn(time.Now())
	p.requests++
}

// Requests returns how many requests were made today and when the day ends.
func (p *Project) Requests() (made int, resets time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.turn(now)
	return p.requests, nextQuotaDay(now)
}

// Spare reports whether requests that are not uploads may still be made today.
func (p *Project) Spare() bool {
	made, _ := p.Requests()
	return made < QuotaPerDay-UploadReserve
}

// Save writes the count down if it has changed.
func (p *Project) Save(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.requests == p.saved {
		return nil
	}
	if err := p.store.SaveState(ctx, projectScope, p.id, projectState{p.day, p.requests}); err != nil {
		return fmt.Errorf("save request count: %w", err)
	}
	p.saved = p.requests
	return nil
}

// watch has f called with every hold of the whole project.
func (p *Project) watch(f func(Hold)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watchers = append(p.watchers, f)
}

// hold stops all entries of the project.
func (p *Project) hold(h Hold) {
	p.mu.Lock()
	watchers := p.watchers
	p.mu.Unlock()
	for _, f := range watchers {
		f(h)
	}
}

// turn begins a new count when a new day has begun at Google.
func (p *Project) turn(now time.Time) {
	if day := now.In(pacific()).Format(time.DateOnly); day != p.day {
		p.day, p.requests, p.saved = day, 0, 0
	}
}

// nextQuotaDay returns the next midnight Pacific time, when Google's daily
// quota starts anew (seen by many clients; Google's page says "per day" only).
func nextQuotaDay(now time.Time) time.Time {
	t := now.In(pacific())
	return time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, t.Location())
}

func pacific() *time.Location {
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil { // cannot be: time/tzdata is linked in
		return time.FixedZone("PST", -8*60*60)
	}
	return zone
}
