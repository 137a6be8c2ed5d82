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

	"github.com/sirupsen/logrus"

	"gphotos2mqtt/auth"
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
	leave     func()     // the project
	writer    wake.Lock  // held by who writes to Google, across the call
	following sync.Mutex // held while the link's state becomes a hold, so that the last state counts
	mu        sync.Mutex // guards all below; taken after following
	linked    auth.State // whose holds and failures these are: account and time of the grant
	holds     holds
	watchers  []func()
	failures  [steps]failures
}

// A Step fails by itself: that bytes are taken says nothing about items.
type Step int

// The steps.
const (
	Sending  Step = iota // bytes of an upload
	Creating             // items of uploads
	Listing              // what no person waits for
	steps
)

type failures struct {
	inARow      int
	first, last time.Time // when they were counted
}

// New returns the account of an entry, with the holds that its link and its project give it.
func New(cfg Config) *Account {
	a := &Account{cfg: cfg, writer: wake.NewLock(), watchers: []func(){cfg.Changed}}
	p := cfg.Project
	var until time.Time
	a.leave = p.accounts.Join(a) // before the look: what holds the project in between is not missed
	p.change(func(today *projectState) { until = today.HeldUntil })
	if h := heldUntil(until); h.Reason != "" { // held before a restart: one more request of an exhausted day would be in vain
		a.set(byProject, h)
	}
	return a
}

// Close ends the account's part in its project.
func (a *Account) Close() { a.leave() }

// Link returns the link of the account.
func (a *Account) Link() *auth.Link { return a.cfg.Link }

// Watch has f called, which must not wait, whenever a hold begins or ends.
func (a *Account) Watch(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.watchers = append(slices.Clip(a.watchers), f)
}

// Held returns the hold of uploads that lasts longest (nil = none), and how long that is; 0 = until a person ends it.
func (a *Account) Held() (*mqttapi.Hold, time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.holds.longest(true)
}

// Shown is Held for E/state: a hold that is over stays until Google has answered well, so that a person does not see it come and go with each
// time that Google is asked again; one of uploads only while any wait, as nothing asks for them otherwise.
func (a *Account) Shown(waiting bool) (*mqttapi.Hold, time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	longest, lasts := a.holds.longest(true)
	for _, h := range a.holds[byProject:] {
		if longest == nil && h.Reason != "" && (waiting || h.step == Listing) {
			longest = &h.Hold
		}
	}
	return longest, lasts
}

// asking is Held for requests.
func (a *Account) asking() (*mqttapi.Hold, time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.holds.longest(false)
}

// Apply carries out the waiting part of a decision.
func (a *Account) Apply(d Decision) {
	h := hold{mqttapi.Hold{Reason: d.Hold, Until: mqttapi.At(d.At), Message: d.Sentence}, max(d.Wait, 1), d.step}
	switch d.Action {
	case HoldEntry:
		a.set(byAnswer, h)
	case HoldProject:
		a.cfg.Project.change(func(today *projectState) {
			if d.Hold == mqttapi.HoldQuotaDaily {
				today.HeldUntil = d.At.Round(0)
			}
		})
		for _, other := range a.cfg.Project.accounts.All() {
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
		a.holds[byAnswer] = hold{}
	}
	a.mu.Unlock()
	a.changed()
}

// Failed counts a failed request of a step that began at a time, and returns what there is to decide about it. Those on their way at the
// same time count once: one broken line under eight uploads is not to make the entry wait for minutes after it.
func (a *Account) Failed(step Step, began time.Time) Attempt {
	a.mu.Lock()
	defer a.mu.Unlock()
	now, f := time.Now(), &a.failures[step]
	if f.inARow == 0 {
		f.first = now
	}
	if f.inARow == 0 || began.After(f.last) {
		f.inARow++
		f.last = now
	}
	return Attempt{InARow: f.inARow, Lasts: now.Sub(f.first), step: step}
}

// Answered says that Google has answered a request of a step.
func (a *Account) Answered(step Step) {
	a.mu.Lock()
	a.failures[step] = failures{}
	before := a.holds
	for source, h := range a.holds[byProject:] {
		if h.step == step && wake.Left(h.Until.Time, h.wait) == 0 {
			a.holds[byProject+source] = hold{}
		}
	}
	over := a.holds != before
	a.mu.Unlock()
	if over {
		a.changed()
	}
}

// Lock waits until nobody else writes to Google for this account. Its error is ctx's.
func (a *Account) Lock(ctx context.Context) error { return a.writer.Lock(ctx) }

// Unlock lets the next one write.
func (a *Account) Unlock() { a.writer.Unlock() }

// FollowLink holds the account while it cannot be used, and forgets what another account was refused. The hold says why, and what to do.
func (a *Account) FollowLink() {
	a.following.Lock()
	defer a.following.Unlock()
	s, h := a.cfg.Link.State(), hold{}
	if s.Status != auth.Linked {
		why := cmp.Or(s.Failure, "No Google account is linked to "+a.cfg.Topics.Entry+".")
		if s.Status == auth.Relink {
			why = s.Reason
		}
		h.Reason, h.Message = mqttapi.HoldRelink, why+" To link it, "+a.waysToLink()
	} else if !s.Has(auth.ScopeAppend) {
		h.Reason, h.Message = mqttapi.HoldScopeMissing, fmt.Sprintf("The account was linked without the permission to upload: link %s again "+
			"and tick the box %q on Google's page. To do so, %s", a.cfg.Topics.Entry, auth.Box(auth.ScopeAppend), a.waysToLink())
	}
	if a.follow(s) {
		a.changed()
	}
	log := a.cfg.Log.WithField("kind", string(s.Status))
	switch changed := a.set(byLink, h); {
	case changed && h.Reason == "":
		log.Info("account linked")
	case changed:
		log.WithField("advice", h.Message).Warn("account must be linked")
	}
}

func (a *Account) waysToLink() string {
	return fmt.Sprintf("press Link account in Home Assistant, publish an empty message to %s, or run: gphotos2mqtt link %s",
		a.cfg.Topics.Request(mqttapi.VerbLink), a.cfg.Topics.Entry)
}

// follow forgets what Google has answered another account, or an earlier grant, and reports whether that ended a hold. A grant changes
// neither the room of an account nor what it may do in a minute.
func (a *Account) follow(s auth.State) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s.Granted.IsZero() || s.Granted.Equal(a.linked.Granted) {
		return false
	}
	another, h := s.Account.ID != a.linked.Account.ID, a.holds[byAnswer]
	first := a.linked.Granted.IsZero()
	if a.linked = s; first || !another && (h.Reason == mqttapi.HoldStorageFull || h.Reason == mqttapi.HoldRateLimited) {
		return false
	}
	a.holds[byAnswer], a.failures = hold{}, [steps]failures{}
	return h.Reason != ""
}

// set replaces one reason to wait, the zero hold is none, and reports whether that changed anything.
func (a *Account) set(source int, h hold) bool {
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
