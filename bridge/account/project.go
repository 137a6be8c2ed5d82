package account

import (
	"context"
	"fmt"
	"sync"
	"time"
	_ "time/tzdata" // Google's day ends at midnight Pacific, also in an image without zone files

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/wake"
)

// QuotaPerDay is how many requests a Google Cloud project may make a day, uploads included.
// Source: https://developers.google.com/photos/overview/api-limits-quotas
const QuotaPerDay = 10_000

const (
	uploadReserve = QuotaPerDay / 5  // the part of the day's requests that background listing leaves to uploads
	quotaLag      = 15 * time.Minute // how long after midnight a refusal may still be about the day before
	longestDay    = 25*time.Hour + quotaLag

	// showEvery is the time for one entry to show the count: a thousand are not to publish E/state, each, for each request of one of them.
	showEvery = 50 * time.Millisecond
)

// A Project is what the entries of one client id share: Google counts requests per project and day. Count and daily hold are saved with
// each E/state: a crash loses a quarter of a second of counting (a second, when processes share it), and then Google says no a little before
// we expect it.
type Project struct {
	id     string
	store  *store.Store
	saving wake.Lock          // held across a save
	tell   func(state []byte) // see Share; nil = not shared

	accounts wake.Members[*Account]

	mu      sync.Mutex // guards all below
	state   projectState
	saved   projectState // what the store had when it was last seen
	savedAt time.Time    // when it was last saved
	showing bool         // the entries are being told of the count, or a timer runs until then
	showAt  time.Time    // not before
}

type projectState struct {
	Day       string    `json:"day"` // at Google
	Requests  int       `json:"requests"`
	HeldUntil time.Time `json:"held_until,omitzero"` // until when Google refuses requests; zero when it does not
}

// OpenProject loads the count of a project. The id, a short hash of the client id, names it in the store.
func OpenProject(ctx context.Context, s *store.Store, id string) (*Project, error) {
	p := &Project{id: id, store: s, saving: wake.NewLock()}
	if _, err := s.LoadState(ctx, store.Bridge, id, &p.saved); err != nil {
		return nil, fmt.Errorf("load request count: %w", err)
	}
	p.state = p.saved
	return p, nil
}

// Count adds one request to Google's Library API to the day's count. Those for the bytes of items have a quota of 75,000 of their own.
// Source: https://developers.google.com/photos/overview/api-limits-quotas
func (p *Project) Count() {
	p.change(func(today *projectState) { today.Requests++ })
	p.counted()
}

// counted has all entries show the count, now or soon.
func (p *Project) counted() {
	p.mu.Lock()
	wait, waits := time.Until(p.showAt), p.showing
	p.showing = true
	p.mu.Unlock()
	if wait <= 0 && !waits {
		p.show()
	} else if !waits {
		time.AfterFunc(wait, p.show)
	}
}

func (p *Project) show() {
	accounts := p.accounts.All()
	p.mu.Lock()
	p.showing, p.showAt = false, time.Now().Add(time.Duration(len(accounts))*showEvery)
	p.mu.Unlock()
	for _, a := range accounts {
		a.cfg.Changed()
	}
}

// Requests returns how many requests were made today and when the day ends.
func (p *Project) Requests() (made int, resets time.Time) {
	p.change(func(today *projectState) { made = today.Requests })
	return made, NextQuotaDay(wake.Wall())
}

// Spare reports whether requests that are not uploads may still be made today.
func (p *Project) Spare() bool {
	made, _ := p.Requests()
	return made < QuotaPerDay-uploadReserve
}

// change calls f with the state of the day, which is a new one when a new day has begun at Google.
func (p *Project) change(f func(*projectState)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if day := wake.Wall().In(pacific()).Format(time.DateOnly); day != p.state.Day {
		p.state = projectState{Day: day}
	}
	f(&p.state)
}

// NextQuotaDay returns the next midnight Pacific time, when Google's daily quota starts anew (Google's page says "per day" only).
func NextQuotaDay(now time.Time) time.Time {
	t := now.In(pacific())
	return time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, t.Location())
}

// quotaBack returns when a project that has used up its day is served again: at the next midnight. A refusal right after midnight is
// about the day before: our clock is ahead of Google's, or Google is slow to begin anew.
func quotaBack(now time.Time) time.Time {
	if begun := NextQuotaDay(now.Add(-quotaLag)); !begun.After(now) {
		return begun.Add(quotaLag)
	}
	return NextQuotaDay(now)
}

// pacific reads the zone once: each count of a request looks at Google's day.
var pacific = sync.OnceValue(func() *time.Location {
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil { // cannot be: time/tzdata is linked in
		zone = time.FixedZone("PST", -8*60*60)
	}
	return zone
})
