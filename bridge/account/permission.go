package account

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos"
)

// How long requests and calls may take.
const (
	ReadLimit  = 25 * time.Second // a request that only reads; some brokers deliver an unacknowledged message again after 30 s
	writeLimit = 5 * time.Minute  // one that changes something, which waits for the writer lock besides
	CallLimit  = 30 * time.Second // one call that only reads; Google's own clients allow that for all tries of one
	StallLimit = time.Minute      // for Google to take no byte and give no answer while a file is sent; its own clients wait 60 s
	StopLimit  = 20 * time.Second // a write that is in hand once the bridge stops
)

// Read carries out a request that changes nothing, within ReadLimit: a hold that ends and a fault that passes before that are waited for.
func (a *Account) Read(parent context.Context, scopes []string, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(parent, ReadLimit)
	defer cancel()
	for tries := 1; ; tries++ {
		err := a.AwaitAsk(ctx, scopes)
		if err == nil {
			err = do(ctx)
		}
		d := decideRequest(err, tries)
		if err == nil || parent.Err() != nil || d.Action != Retry {
			return a.NameScopes(err, scopes...)
		} else if waitWithin(ctx, d.Wait) != nil {
			return mqttapi.NewError(mqttapi.CodeGoogleUnavailable)
		}
	}
}

// Write carries out a request that changes something at Google, when nobody else writes. What is in hand at a stop is finished.
func (a *Account) Write(ctx context.Context, scopes []string, do func(context.Context) error) error {
	if err := a.MayAsk(scopes); err != nil {
		return err
	}
	ctx, cancel := wake.Outlive(ctx, writeLimit, StopLimit)
	defer cancel()
	if a.Lock(ctx) != nil {
		return mqttapi.NewError(mqttapi.CodeGoogleUnavailable)
	}
	defer a.Unlock()
	return a.NameScopes(do(ctx), scopes...)
}

// MayUpload refuses what has no account to go to.
func (a *Account) MayUpload() error { return a.known() }

// MayAsk refuses at once what Google would refuse now: while a hold lasts, or when none of the scopes was granted.
func (a *Account) MayAsk(scopes []string) error { return cmp.Or(a.available(), a.granted(scopes...)) }

// AwaitAsk waits for the end of a hold that ends before ctx does, and refuses at once what would be refused both now and then.
func (a *Account) AwaitAsk(ctx context.Context, scopes []string) error {
	for {
		err := a.available()
		if err == nil {
			return a.granted(scopes...)
		}
		if h, lasts := a.asking(); h == nil || lasts == 0 || waitWithin(ctx, lasts) != nil {
			return err
		}
	}
}

// MayList tells how long no request may be made that no person waits for, if that is known.
func (a *Account) MayList() (wait time.Duration, ok bool) {
	h, lasts := a.asking()
	switch {
	case !a.cfg.Link.State().Has(auth.ScopeRead), h != nil && lasts == 0:
		return 0, false
	case h != nil:
		return lasts, true
	case !a.cfg.Project.Spare(): // what is left of the day's requests is for uploads
		now := wake.Wall()
		return NextQuotaDay(now).Sub(now), true
	}
	return 0, true
}

// Postpone decides about the last of some failed requests that no person waits for: the next one comes after the decision's Wait.
func (a *Account) Postpone(err error, failures int) Decision {
	now := wake.Wall()
	d := Decide(err, Attempt{Tries: failures, MaxAge: time.Hour, step: Listing}, now, rand.Float64())
	d.Wait = max(d.Wait, backoff(failures, 0))
	if d.At = now.Add(d.Wait); d.Hold != mqttapi.HoldScopeMissing { // that would be of uploads
		a.Apply(d)
	}
	return d
}

// Explain turns any error into what a user sees. Holds are set as for uploads: Google's refusal counts for the whole account.
func (a *Account) Explain(err error) *mqttapi.Error {
	if refused, ok := errors.AsType[*mqttapi.Error](err); ok {
		return refused
	}
	d := decideRequest(err, 1)
	a.Apply(d)
	if d.Hold == "" {
		d.At = time.Time{}
	}
	return refusal(d.Code, d.Sentence, d.At)
}

// NameScopes gives Google's own refusal for a scope the name of that scope.
func (a *Account) NameScopes(err error, scopes ...string) error {
	if photos.KindOf(err) == photos.ScopeMissing {
		return a.missing(scopes)
	}
	return err
}

func (a *Account) known() error {
	if s := a.cfg.Link.State(); s.Status == auth.Unlinked || s.Status == auth.Linking {
		return mqttapi.Errorf(mqttapi.CodeNotLinked, "No Google account is linked to %s: publish to %s to link one.",
			a.cfg.Topics.Entry, a.cfg.Topics.Request(mqttapi.VerbLink))
	}
	return nil
}

func (a *Account) available() error {
	err := a.known()
	if h, _ := a.asking(); err == nil && h != nil {
		err = refusal(HoldCode(h), h.Message, h.Until.Time)
	}
	return err
}

func (a *Account) granted(scopes ...string) error {
	if slices.ContainsFunc(scopes, a.cfg.Link.State().Has) {
		return nil
	}
	return a.missing(scopes)
}

func (a *Account) missing(scopes []string) error {
	return mqttapi.Errorf(mqttapi.CodeScopeMissing, "The account was linked without the permission %s: link %s again and tick every box, "+
		"here %q.", strings.Join(scopes, " or "), a.cfg.Topics.Entry, auth.Box(scopes[0]))
}

func refusal(code mqttapi.Code, sentence string, until time.Time) *mqttapi.Error {
	if !until.IsZero() {
		sentence += " It goes on at " + until.UTC().Format(time.RFC3339) + "."
	}
	return &mqttapi.Error{Code: code, Message: sentence}
}

func decideRequest(err error, tries int) Decision {
	return Decide(err, Attempt{Tries: tries, InARow: 1, MaxAge: time.Hour}, wake.Wall(), rand.Float64())
}

func waitWithin(ctx context.Context, wait time.Duration) error {
	if end, ok := ctx.Deadline(); ok && time.Until(end) < wait {
		return context.DeadlineExceeded
	}
	return wake.Sleep(ctx, nil, max(wait, 1))
}
