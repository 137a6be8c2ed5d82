package auth

import (
	"slices"
	"time"
)

// Status is where an entry stands with Google.
type Status string

// The statuses of an entry.
const (
	Unlinked Status = "unlinked" // no account
	Linking  Status = "linking"  // no account yet; a person was asked to link one
	Linked   Status = "linked"   // works
	Relink   Status = "relink"   // has an account, whose grant has ended
)

// Account is the Google account of an entry. ID never changes; name and e-mail address may.
type Account struct {
	ID    string `json:"id"` // Google's `sub`
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
}

// String gives the name and the e-mail address, as far as they are known, for sentences.
func (a Account) String() string {
	switch {
	case a.Name != "" && a.Email != "":
		return a.Name + " (" + a.Email + ")"
	case a.Name != "" || a.Email != "":
		return a.Name + a.Email
	default:
		return "account " + a.ID
	}
}

// State is what may be shown of a link. It holds no secret but the one-time address in URL, which is there to
// be shown and of no use to anyone who cannot log in to a Google account.
type State struct {
	Status  Status
	Account Account  // zero while unlinked or linking
	Scopes  []string // granted; short names for openid, email and profile
	Missing []string // asked for in Scopes and not granted
	URL     string   // where a person goes on with linking, also to replace a link; empty once opened
	Expires time.Time
	Reason  string // why the account must be linked again; empty while the link works
	Failure string // why the last attempt to link came to nothing; empty when none failed since
}

// Has reports whether the link works and covers the scope.
func (s State) Has(scope string) bool {
	return s.Status == Linked && slices.Contains(s.Scopes, shortScope(scope))
}

// Off names in words the features that are off because the person left their box unticked.
func (s State) Off() []string {
	var off []string
	for _, scope := range s.Missing {
		if words, ok := features[scope]; ok {
			off = append(off, words)
		}
	}
	return off
}

// State gives a snapshot. A link in use may have URL and Expires too: the account is being linked anew.
func (l *Link) State() State {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := State{Status: Unlinked, Failure: l.failure}
	if l.rec != nil {
		s.Status = Linked
		s.Account = l.rec.Account
		s.Scopes = slices.Clone(l.rec.Scopes)
		s.Missing = missingScopes(l.rec.Scopes)
		if l.rec.Reason != "" {
			s.Status = Relink
			s.Reason = l.rec.Reason
		}
	}
	if a := l.newest(); a != nil {
		if s.Status == Unlinked {
			s.Status = Linking
		}
		s.Expires = a.expires
		if !a.opened && !a.used {
			s.URL = l.address(a)
		}
	}
	return s
}

// Watch gives a channel that holds one token after the state has changed. It is for a single reader.
func (l *Link) Watch() <-chan struct{} { return l.changed }

func (l *Link) notify() {
	select {
	case l.changed <- struct{}{}:
	default:
	}
}
