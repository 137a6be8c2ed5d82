package auth

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/bridge/wake"
)

// Of one-time addresses and the attempts to link by them.
const (
	LinkPath    = "/link/"         // the path, followed by the code
	EntryPath   = "/entry/"        // the path of an entry's page, followed by its name
	attemptLife = 10 * time.Minute // as long as a person needs at most, and as Google's own codes live
	maxAttempts = 4                // of one entry; a further one replaces the oldest
)

// attempt is one try of a person to link the entry, in memory, and in Config.Attempts. It is there until it expires, so that a reloaded page tells the truth.
type attempt struct {
	verifier secret.Text // PKCE: ties the code exchange to this process
	expires  time.Time   // measured within the run: the clock may be set meanwhile
	shown    time.Time   // the same by the wall clock, at first

	// Owner of the rest: Link.mu.
	code      once // in the one-time address; used when that has forwarded to Google
	state     once // ties Google's answer to this attempt; used when that has come
	finishing bool // Google is being asked for the tokens: the entry is still being linked
}

type once struct { // a secret that works once
	text secret.Text
	used bool
}

// Invitation is what a person needs to link an account.
type Invitation struct {
	URL     string    // the one-time address; Google's page itself without Config.LinkURL
	Consent string    // Google's page, for a browser that does not reach linkpage.Handler
	Expires time.Time // of both
}

// Start begins linking. The one-time address works once, Google's answer once within ten minutes. An old link stays until then.
func (l *Link) Start() Invitation {
	defer l.keep()
	return l.start()
}

func (l *Link) start() Invitation {
	a := &attempt{
		code: once{text: secret.Text(rand.Text())}, state: once{text: secret.Text(rand.Text())},
		verifier: secret.Text(oauth2.GenerateVerifier()), expires: time.Now().Add(attemptLife), shown: wake.Wall().Add(attemptLife),
	}
	time.AfterFunc(attemptLife, l.changed.Set)
	defer l.changed.Set()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failure = ""
	l.attempts = append(slices.DeleteFunc(l.attempts, func(a *attempt) bool { return !a.live() }), a)
	l.attempts = l.attempts[max(0, len(l.attempts)-maxAttempts):]
	return Invitation{URL: l.address(a), Consent: l.consentURL(a), Expires: a.shown}
}

// Visit uses up the one-time address with the code, and gives its entry and Google's page. Errors: ErrUsed, ErrExpired without an entry.
func Visit(links []*Link, code secret.Text) (entry *Link, consent string, err error) {
	for _, l := range links {
		a, err := l.use(ofCode, code)
		if err == nil {
			l.update(func() { consent = l.consentURL(a) }) // the address is no longer to be shown
			l.keep()
		}
		if !errors.Is(err, ErrExpired) {
			return l, consent, err
		}
	}
	return nil, "", ErrExpired
}

// address is what a person opens. The caller holds mu.
func (l *Link) address(a *attempt) string {
	if l.cfg.LinkURL == "" {
		return l.consentURL(a)
	}
	return l.cfg.LinkURL + LinkPath + string(a.code.text)
}

// consentURL is Google's page. offline with consent gives a refresh token also to an account that allowed this app before. Caller holds mu.
// https://developers.google.com/identity/protocols/oauth2/web-server#creatingclient
func (l *Link) consentURL(a *attempt) string {
	options := []oauth2.AuthCodeOption{
		oauth2.AccessTypeOffline, oauth2.SetAuthURLParam("prompt", "consent"), oauth2.S256ChallengeOption(string(a.verifier)),
	}
	if l.rec != nil && l.rec.Account.ID != "" { // only this account will do
		options = append(options, oauth2.SetAuthURLParam("login_hint", l.rec.Account.ID))
	}
	return l.oauth.AuthCodeURL(string(a.state.text), options...)
}

func ofCode(a *attempt) *once  { return &a.code }
func ofState(a *attempt) *once { return &a.state }
func (a *attempt) live() bool  { return time.Now().Before(a.expires) }

// ends is when the attempt expires, as a person reads it off a clock: that may have been set since it began.
func (a *attempt) ends() time.Time {
	now := wake.Wall().Add(time.Until(a.expires))
	if now.Sub(a.shown).Abs() < time.Second {
		return a.shown
	}
	return now.Round(time.Second)
}

// use uses up a one-time secret. It compares in constant time, so that answers tell nothing about how much of a guess is right.
func (l *Link) use(field func(*attempt) *once, text secret.Text) (*attempt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.attempts {
		switch o := field(a); {
		case !a.live() || subtle.ConstantTimeCompare([]byte(o.text), []byte(text)) != 1:
		case o.used:
			return nil, ErrUsed
		default:
			o.used = true
			a.finishing = a.finishing || o == &a.state
			return a, nil
		}
	}
	return nil, ErrExpired
}

// MaxQuery bounds what a browser brings back, in bytes. https://developers.google.com/identity/protocols/oauth2#size
const MaxQuery = 8 << 10

// FinishAddress completes a link with the whole address on which the browser ended, or its query alone, and stores it. Errors, with which
// an existing link stays: ErrAddress, ErrDenied, ErrExpired, ErrUsed, ErrWrongAccount, ErrClient, ErrRefused, ErrUnavailable, ErrVault.
func (l *Link) FinishAddress(ctx context.Context, address string) (Account, error) {
	if _, err := FinishAny(ctx, []*Link{l}, address); err != nil {
		return Account{}, err
	}
	return l.State().Account, nil
}

// FinishAny is FinishAddress for the link whose state is in the address. The Link is nil when the state is of none.
func FinishAny(ctx context.Context, links []*Link, address string) (*Link, error) {
	redirect := "the redirect address"
	if len(links) > 0 {
		redirect = links[0].cfg.RedirectURL
	}
	answer, err := parseAddress(address, redirect)
	if err != nil {
		return nil, err
	}
	var refused error // is said whenever it is shown, and counts when its state does
	if code := answer.Get("error"); code != "" {
		refused = explain(code, "", redirect, nil)
	}
	for _, l := range links {
		a, err := l.use(ofState, secret.Text(answer.Get("state")))
		if errors.Is(err, ErrExpired) {
			continue
		}
		if err == nil {
			err = l.complete(ctx, a, secret.Text(answer.Get("code")), refused)
		}
		return l, cmp.Or(refused, err)
	}
	return nil, cmp.Or(refused, error(ErrExpired))
}

// complete ends an attempt whose state has come. A failure stays in State, for the people who did not see the browser.
func (l *Link) complete(ctx context.Context, a *attempt, code secret.Text, err error) error {
	l.keep() // a stop from here on leaves an address that was used
	defer l.keep()
	if err == nil {
		err = l.exchange(ctx, a, code)
	}
	l.update(func() {
		a.finishing = false
		if e, ok := errors.AsType[*Error](err); ok {
			l.failure = e.Message
			return
		}
		l.failure, l.attempts = "", slices.DeleteFunc(l.attempts, func(a *attempt) bool { return !a.state.used })
	})
	return err
}

// exchange links the account of Google's code. A stop before the save leaves an unknown grant; the person links again and replaces it.
func (l *Link) exchange(ctx context.Context, a *attempt, code secret.Text) error {
	tok, err := l.oauth.Exchange(context.WithValue(ctx, oauth2.HTTPClient, l.google), string(code), oauth2.VerifierOption(string(a.verifier)))
	if err != nil {
		return l.tokenError(err)
	}
	if tok.RefreshToken == "" {
		return ErrRefused.say("Google gave no refresh token. Remove this app's access at "+
			"https://myaccount.google.com/permissions, then ask for a new link.", nil)
	}
	now := wake.Wall()
	r, err := (&record{Scopes: parseScopes(strings.Join(Scopes, " ")), Granted: now}).renewed(tok)
	if err != nil {
		return err
	}
	// Only for time-based access. https://developers.google.com/identity/protocols/oauth2#expiration
	if seconds, ok := tok.Extra("refresh_token_expires_in").(float64); ok && seconds > 0 && seconds < 1e9 {
		r.Until = now.Add(time.Duration(seconds) * time.Second)
	}
	// Without the account's id the grant cannot be revoked safely either: another entry may live on it.
	if r.Account, err = l.account(ctx, r.Access); err != nil {
		return err
	}
	if err := l.writer.Lock(ctx); err != nil {
		return ErrUnavailable.because(err)
	}
	defer l.writer.Unlock()
	if old := l.current(); old != nil && old.Account.ID != "" && old.Account.ID != r.Account.ID {
		if !l.cfg.InUse(r.Account.ID) {
			_ = l.revoke(ctx, r.Refresh) // best effort: an unrevoked token is of no use to anyone, it is forgotten here
		}
		return ErrWrongAccount.say(fmt.Sprintf("The entry is linked to %s, and the account chosen at Google was %s. Nothing was changed. "+
			"Ask for a new link and choose the first account, or unlink the entry to give it another one.", old.Account, r.Account), nil)
	}
	// A stop before this leaves the old link, or none; after it the new one. Revoking the old grant would end the account's new one too.
	if err = l.save(ctx, r); err == nil {
		l.set(r)
	}
	return err
}

// parseAddress reads the redirect address as Google or a person gives it: a state with a code, or an error. Other parameters are ignored:
// Google adds scope, authuser, prompt, hd and iss. Nothing of the address is ever in the error.
func parseAddress(address, redirect string) (url.Values, error) {
	query := strings.Trim(strings.TrimSpace(address), `"'<>`)
	if _, after, ok := strings.Cut(query, "?"); ok {
		query = after
	}
	query, _, _ = strings.Cut(query, "#")
	query = strings.ReplaceAll(query, "&amp;", "&") // copied out of a page's source or a chat
	q, err := url.ParseQuery(query)                 // its error quotes the query
	switch code := consentError(q); {
	case err == nil && len(query) <= MaxQuery && len(q["state"]) <= 1 && len(q["code"]) <= 1 && len(q["error"]) <= 1 &&
		(q.Get("code") == "") != (q.Get("error") == "") && (q.Get("code") == "" || q.Get("state") != ""):
		return q, nil
	case refusals[code] != nil:
		return nil, explain(code, "", redirect, nil)
	case q.Has("response_type"): // Google's page itself
		return nil, ErrAddress.say("This is the address of Google's page. Go through that page first; the browser then ends on an address "+
			"that starts with "+redirect+", and that one is needed.", nil)
	}
	return nil, ErrAddress
}

// consentError finds the code in Google's own error page: authError is base64 of a message whose field 1 it is. Undocumented; "" if none.
func consentError(q url.Values) string {
	text := strings.NewReplacer("-", "+", "_", "/", " ", "+", "=", "").Replace(q.Get("authError"))
	b, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || len(b) < 2 || b[0] != 0x0a || int(b[1]) > len(b)-2 {
		return ""
	}
	return string(b[2 : 2+int(b[1])])
}
