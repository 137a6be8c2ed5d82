package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"slices"
	"time"

	"golang.org/x/oauth2"
)

const (
	attemptLife = 10 * time.Minute // as long as a person needs at most, and as Google's own codes live
	maxAttempts = 4                // of one entry; a further one replaces the oldest
)

// attempt is one try of a person to link the entry. It lives in memory only: after a restart the person asks
// for a new link. It is kept until it expires, also when used, so that a reload of a page gets a true answer.
type attempt struct {
	code     Secret // in the one-time address
	state    Secret // ties Google's answer to this attempt
	verifier Secret // PKCE: ties the code exchange to this process
	expires  time.Time
	opened   bool // the one-time address has forwarded to Google
	used     bool // the state has come back
	// finishing holds while Google is asked for the tokens: the entry is still being linked
	finishing bool
	timer     *time.Timer // tells Watch when the attempt expires
}

// Invitation is what a person needs to link an account.
type Invitation struct {
	URL     string    // the one-time address; Google's page itself without Config.LinkURL
	Consent string    // Google's page, for a browser that does not reach Handler
	Expires time.Time // of both
}

// Start begins linking. The one-time address works once, and both lead to Google's consent page, whose answer
// counts once and within ten minutes. On a linked entry the old link stays until the new one is complete.
func (l *Link) Start() Invitation {
	a := &attempt{
		code:     Secret(rand.Text()),
		state:    Secret(rand.Text()),
		verifier: Secret(oauth2.GenerateVerifier()),
		expires:  time.Now().Add(attemptLife).UTC(),
		timer:    time.AfterFunc(attemptLife, l.notify),
	}
	l.mu.Lock()
	l.failure = ""
	l.drop(func(a *attempt) bool { return !a.live() })
	if len(l.attempts) >= maxAttempts {
		oldest := l.attempts[0]
		l.drop(func(a *attempt) bool { return a == oldest })
	}
	l.attempts = append(l.attempts, a)
	inv := Invitation{URL: l.address(a), Consent: l.consentURL(a), Expires: a.expires}
	l.mu.Unlock()
	l.notify()
	return inv
}

// address is what a person opens. The caller holds mu.
func (l *Link) address(a *attempt) string {
	if l.cfg.LinkURL == "" {
		return l.consentURL(a)
	}
	return l.cfg.LinkURL + linkPath + string(a.code)
}

// consentURL is the address of Google's page. offline and consent together are what makes Google give a refresh
// token also to an account that has allowed this app before. The caller holds mu.
// https://developers.google.com/identity/protocols/oauth2/web-server#creatingclient
func (l *Link) consentURL(a *attempt) string {
	options := []oauth2.AuthCodeOption{
		oauth2.AccessTypeOffline,
		oauth2.SetAuthURLParam("prompt", "consent"),
		oauth2.S256ChallengeOption(string(a.verifier)),
	}
	if l.rec != nil { // only this account will do
		options = append(options, oauth2.SetAuthURLParam("login_hint", l.rec.Account.ID))
	}
	return l.oauth.AuthCodeURL(string(a.state), options...)
}

// open uses up a one-time address and gives Google's. It gives ErrExpired when no attempt has this code.
func (l *Link) open(code Secret) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.find(func(a *attempt) Secret { return a.code }, code)
	switch {
	case a == nil:
		return "", ErrExpired
	case a.opened:
		return "", ErrUsed
	}
	a.opened = true
	l.notify() // the address is no longer to be shown
	return l.consentURL(a), nil
}

// claim uses up a state. Whatever follows, it does not work again.
func (l *Link) claim(state Secret) (*attempt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.find(func(a *attempt) Secret { return a.state }, state)
	switch {
	case a == nil:
		return nil, ErrExpired
	case a.used:
		return nil, ErrUsed
	}
	a.used, a.finishing = true, true
	a.timer.Stop()
	return a, nil
}

// knows reports whether the state belongs to an attempt of this entry, used or not.
func (l *Link) knows(state Secret) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.find(func(a *attempt) Secret { return a.state }, state) != nil
}

// find compares in constant time, so that answers tell nothing about how much of a guess is right.
func (l *Link) find(field func(*attempt) Secret, want Secret) *attempt {
	for _, a := range l.attempts {
		if a.live() && subtle.ConstantTimeCompare([]byte(field(a)), []byte(want)) == 1 {
			return a
		}
	}
	return nil
}

// newest is the latest attempt that a person may still complete.
func (l *Link) newest() *attempt {
	for _, a := range slices.Backward(l.attempts) {
		if a.live() && (!a.used || a.finishing) {
			return a
		}
	}
	return nil
}

// drop forgets attempts. The caller holds mu.
func (l *Link) drop(which func(*attempt) bool) {
	l.attempts = slices.DeleteFunc(l.attempts, func(a *attempt) bool {
		if !which(a) {
			return false
		}
		a.timer.Stop()
		return true
	})
}

func (a *attempt) live() bool { return time.Now().Before(a.expires) }
