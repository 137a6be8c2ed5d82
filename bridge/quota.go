package bridge

import (
	"context"
	"fmt"
	"sync"
	"time"
	_ "time/tzdata" // Google's day ends at midnight Pacific, also in an image without zone files.

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/mqttapi"
)

// QuotaPerDay is how many requests a Google Cloud project may make a day, uploads included.
// Source: https://developers.google.com/photos/overview/api-limits-quotas
const QuotaPerDay = 10_000

// UploadReserve is the part of the day's requests that background listing leaves to uploads.
const UploadReserve = QuotaPerDay / 5

// quotaLag is how long after midnight a refusal may still be about the day before.
const quotaLag = 15 * time.Minute

// A Project is what the entries of one client id share: Google counts requests
// per project and day. Count and daily hold survive restarts: they are saved with
// each E/state, so a crash loses a quarter of a second of counting, and then Google
// says no a little before we expect it.
type Project struct {
	id    string
	store *store.Store

	mu       sync.Mutex // guards all below
	state    projectState
	saved    projectState
	watchers []watcher
}

// projectState is the record in the store.
type projectState struct {
	Day      string `json:"day"` // at Google
	Requests int    `json:"requests"`
	// Bytes are the requests for pictures and videos themselves, which Google counts apart.
	Bytes int `json:"bytes,omitempty"`
	// HeldUntil is until when Google refuses requests; zero when it does not.
	HeldUntil time.Time `json:"held_until,omitzero"`
}

// A watcher is an entry that wants to know of its project.
type watcher struct {
	held    func(Hold) // gets each hold of the whole project
	counted func()     // is called with each request
}

// OpenProject loads the count of a project. The id names it in the store: a
// short hash of the client id.
func OpenProject(ctx context.Context, s *store.Store, id string) (*Project, error) {
	p := &Project{id: id, store: s}
	if _, err := s.LoadState(ctx, projectScope, id, &p.saved); err != nil {
		return nil, fmt.Errorf("load request count: %w", err)
	}
	p.state = p.saved
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
	p.state.Requests++
	for _, w := range p.watchers {
		w.counted()
	}
}

// CountBytes adds one request for the bytes of an item, which is none of
// QuotaPerDay: Google allows 75,000 of them.
// Source: https://developers.google.com/photos/overview/api-limits-quotas
func (p *Project) CountBytes() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turn(time.Now())
	p.state.Bytes++
}

// Requests returns how many requests were made today and when the day ends.
func (p *Project) Requests() (made int, resets time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.turn(now)
	return p.state.Requests, nextQuotaDay(now)
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
	if p.state == p.saved {
		return nil
	}
	if err := p.store.SaveState(ctx, projectScope, p.id, p.state); err != nil {
		return fmt.Errorf("save request count: %w", err)
	}
	p.saved = p.state
	return nil
}

// watch tells an entry of the project from now on, and of a hold from before a
// restart: to ask again would be one more request of an exhausted day.
func (p *Project) watch(w watcher) {
	p.mu.Lock()
	p.watchers = append(p.watchers, w)
	now := time.Now()
	p.turn(now)
	until := p.state.HeldUntil
	p.mu.Unlock()
	if until.After(now) {
		w.held(Hold{Reason: mqttapi.HoldQuotaDaily, Until: until, Message: mqttapi.CodeQuotaDaily.Sentence()})
	}
}

// hold stops all entries of the project.
func (p *Project) hold(h Hold) {
	p.mu.Lock()
	p.turn(time.Now())
	p.state.HeldUntil = h.Until.Round(0)
	watchers := p.watchers
	p.mu.Unlock()
	for _, w := range watchers {
		w.held(h)
	}
}

// turn begins a new count when a new day has begun at Google.
func (p *Project) turn(now time.Time) {
	if day := now.In(pacific()).Format(time.DateOnly); day != p.state.Day {
		p.state = projectState{Day: day}
	}
}

// nextQuotaDay returns the next midnight Pacific time, when Google's daily
// quota starts anew (seen by many clients; Google's page says "per day" only).
func nextQuotaDay(now time.Time) time.Time {
	t := now.In(pacific())
	return time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, t.Location())
}

// quotaBack returns when a project that has used up its day is served again: at
// the next midnight. A refusal right after midnight is about the day before: our clock
// is ahead of Google's, or Google is slow to begin anew.
func quotaBack(now time.Time) time.Time {
	t := now.In(pacific())
	if begun := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location()).Add(quotaLag); now.Before(begun) {
		return begun
	}
	return nextQuotaDay(now)
}

func pacific() *time.Location {
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil { // cannot be: time/tzdata is linked in
		return time.FixedZone("PST", -8*60*60)
	}
	return zone
}
