// Package account is what one Google account, and the Google project that it is used through, may do now.
//
// An error is classified by package photos and decided by [Decide], a pure function. What a decision makes wait is a hold, which the
// [Account] keeps and E/state shows: one by the link, one by the project's daily quota, one by what Google last answered. An account has
// one writer at a time ([Account.Write]), as Google asks for, and counts its consecutive failures. A [Project] is what the accounts of
// one OAuth client share.
package account

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
	_ "time/tzdata" // Google's day ends at midnight Pacific, also in an image without zone files

	"github.com/sirupsen/logrus"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
)

// Config says whose account it is.
type Config struct {
	Topics  mqttapi.Topics // sentences name the entry and where to link it
	Link    *auth.Link
	Project *Project
	Changed func() // called, and must not wait, when E/state may no longer be true
	Log     *logrus.Entry
}

// An Account is safe for use by several goroutines.
type Account struct {
	cfg       Config
	writer    wake.Lock  // held by who writes to Google, across the call
	following sync.Mutex // held while the link's state becomes a hold, so that the last state counts
	mu        sync.Mutex // guards all below; taken after following
	holds     holds
	watchers  []func()
	failures  int       // requests that failed in a row
	failed    time.Time // when the failure came that was counted last
}

// New returns the account of an entry, with the holds that its link and its project give it.
func New(cfg Config) *Account {
	a := &Account{cfg: cfg, writer: wake.NewLock(), watchers: []func(){cfg.Changed}}
	p := cfg.Project
	var until time.Time
	p.change(func(today *projectState) { p.accounts, until = append(slices.Clip(p.accounts), a), today.HeldUntil })
	if until.After(time.Now()) { // held before a restart: to ask again would be one more request of an exhausted day
		a.set(byProject, mqttapi.Hold{Reason: mqttapi.HoldQuotaDaily, Until: mqttapi.At(until), Message: mqttapi.CodeQuotaDaily.Sentence()})
	}
	return a
}

// Link returns the link of the account.
func (a *Account) Link() *auth.Link { return a.cfg.Link }

// Watch has f called, which must not wait, whenever a hold begins or ends.
func (a *Account) Watch(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.watchers = append(slices.Clip(a.watchers), f)
}

// Held returns the hold that lasts longest at that time (nil = none), and how long that is; 0 = until a person ends it.
func (a *Account) Held(now time.Time) (*mqttapi.Hold, time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.holds.at(now)
}

// Apply carries out the waiting part of a decision.
func (a *Account) Apply(d Decision) {
	h := mqttapi.Hold{Reason: d.Hold, Until: mqttapi.At(d.At), Message: d.Sentence}
	switch d.Action {
	case HoldEntry:
		a.set(byAnswer, h)
	case HoldProject:
		for _, other := range a.cfg.Project.change(func(today *projectState) { today.HeldUntil = d.At.Round(0) }) {
			other.set(byProject, h)
		}
	case Relink: // unless somebody has linked it again by now
		a.FollowLink()
	case Retry, Resend, FindAlbum, Fail:
	}
}

// MadeRoom ends the hold for a full account, and wakes whoever waits.
func (a *Account) MadeRoom() {
	a.mu.Lock()
	if a.holds[byAnswer].Reason == mqttapi.HoldStorageFull {
		a.holds[byAnswer] = mqttapi.Hold{}
	}
	a.mu.Unlock()
	a.changed()
}

// Failed counts a failed request that began at a time, and returns how many there were in a row. Those on their way at the same time
// count once: one broken line under eight uploads is not to make the entry wait for minutes after it.
func (a *Account) Failed(began time.Time) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.failures == 0 || began.After(a.failed) {
		a.failures++
		a.failed = time.Now()
	}
	return a.failures
}

// Answered says that Google has answered a request.
func (a *Account) Answered() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.failures = 0
}

// Lock waits until nobody else writes to Google for this account. Its error is ctx's.
func (a *Account) Lock(ctx context.Context) error { return a.writer.Lock(ctx) }

// Unlock lets the next one write.
func (a *Account) Unlock() { a.writer.Unlock() }

// FollowLink holds the account while it cannot be used. The hold says why not, and every way to change that.
func (a *Account) FollowLink() {
	a.following.Lock()
	defer a.following.Unlock()
	s, h := a.cfg.Link.State(), mqttapi.Hold{}
	if s.Status != auth.Linked {
		why := cmp.Or(s.Failure, "No Google account is linked to "+a.cfg.Topics.Entry+".")
		if s.Status == auth.Relink {
			why = s.Reason
		}
		h = mqttapi.Hold{Reason: mqttapi.HoldRelink, Message: fmt.Sprintf(
			"%s To link it, press Link account in Home Assistant, publish an empty message to %s, or run: gphotos2mqtt link %s",
			why, a.cfg.Topics.Request(mqttapi.VerbLink), a.cfg.Topics.Entry)}
	}
	log := a.cfg.Log.WithField("kind", string(s.Status))
	switch changed := a.set(byLink, h); {
	case changed && h.Reason == "":
		log.Info("account linked")
	case changed:
		log.WithField("advice", h.Message).Warn("account must be linked")
	}
}

// set replaces one reason to wait, the zero hold is none, and reports whether that changed anything.
func (a *Account) set(source int, h mqttapi.Hold) bool {
	a.mu.Lock()
	same := a.holds[source] == h
	a.holds[source] = h
	a.mu.Unlock()
	if !same {
		a.changed()
	}
	return !same
}

func (a *Account) changed() {
	a.mu.Lock()
	watchers := a.watchers
	a.mu.Unlock()
	for _, f := range watchers {
		f()
	}
}

// HoldCode is what a user sees who does not want to wait for the end of a hold.
func HoldCode(h *mqttapi.Hold) mqttapi.Code {
	return cmp.Or(holdCodes[h.Reason], mqttapi.CodeGoogleUnavailable)
}

var holdCodes = map[mqttapi.HoldReason]mqttapi.Code{
	mqttapi.HoldQuotaDaily: mqttapi.CodeQuotaDaily, mqttapi.HoldRateLimited: mqttapi.CodeRateLimited,
	mqttapi.HoldStorageFull: mqttapi.CodeStorageFull, mqttapi.HoldRelink: mqttapi.CodeRelinkRequired,
}

// Who sets holds: each has one at a time, so that linking again does not end a quota hold.
const (
	byLink    = iota // the account must be linked (again)
	byProject        // Google's daily quota of the client id
	byAnswer         // what Google last answered this account
	sources
)

type holds [sources]mqttapi.Hold

func (hs holds) at(now time.Time) (longest *mqttapi.Hold, lasts time.Duration) {
	for _, h := range hs {
		left := h.Until.Sub(now)
		switch {
		case h.Reason == "":
		case h.Until.IsZero():
			return &h, 0
		case left > lasts:
			longest, lasts = &h, left
		}
	}
	return longest, lasts
}

// QuotaPerDay is how many requests a Google Cloud project may make a day, uploads included.
// Source: https://developers.google.com/photos/overview/api-limits-quotas
const QuotaPerDay = 10_000

const (
	uploadReserve = QuotaPerDay / 5  // the part of the day's requests that background listing leaves to uploads
	quotaLag      = 15 * time.Minute // how long after midnight a refusal may still be about the day before
)

// A Project is what the entries of one client id share: Google counts requests per project and day. Count and daily hold are saved with
// each E/state: a crash loses a quarter of a second of counting, and then Google says no a little before we expect it.
type Project struct {
	id     string
	store  *store.Store
	saving wake.Lock    // held across a save; guards saved
	saved  projectState // what the store has

	mu       sync.Mutex // guards all below
	state    projectState
	accounts []*Account
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
	for _, a := range p.change(func(today *projectState) { today.Requests++ }) {
		a.cfg.Changed()
	}
}

// Requests returns how many requests were made today and when the day ends.
func (p *Project) Requests() (made int, resets time.Time) {
	p.change(func(today *projectState) { made = today.Requests })
	return made, NextQuotaDay(time.Now())
}

// Spare reports whether requests that are not uploads may still be made today.
func (p *Project) Spare() bool {
	made, _ := p.Requests()
	return made < QuotaPerDay-uploadReserve
}

// Save writes the count down if it has changed.
func (p *Project) Save(ctx context.Context) error {
	if err := p.saving.Lock(ctx); err != nil {
		return err
	}
	defer p.saving.Unlock()
	var state projectState
	if p.change(func(today *projectState) { state = *today }); state == p.saved {
		return nil
	}
	if err := p.store.SaveState(ctx, store.Bridge, p.id, state); err != nil {
		return fmt.Errorf("save request count: %w", err)
	}
	p.saved = state
	return nil
}

// change calls f with the state of the day, which is a new one when a new day has begun at Google, and returns the accounts.
func (p *Project) change(f func(*projectState)) []*Account {
	p.mu.Lock()
	defer p.mu.Unlock()
	if day := time.Now().In(pacific()).Format(time.DateOnly); day != p.state.Day {
		p.state = projectState{Day: day}
	}
	f(&p.state)
	return p.accounts
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

func pacific() *time.Location {
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil { // cannot be: time/tzdata is linked in
		zone = time.FixedZone("PST", -8*60*60)
	}
	return zone
}
