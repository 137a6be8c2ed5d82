package auth

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"gphotos2mqtt/auth/secret"
)

// The Photos scopes that are left since 31 March 2025; each covers only what this Google Cloud project made.
// https://developers.google.com/photos/overview/authorization
const (
	ScopeAppend = "https://www.googleapis.com/auth/photoslibrary.appendonly"
	ScopeRead   = "https://www.googleapis.com/auth/photoslibrary.readonly.appcreateddata"
	ScopeEdit   = "https://www.googleapis.com/auth/photoslibrary.edit.appcreateddata"
)

// Scopes is what a link asks for. Google's page lets the person untick each one.
// https://developers.google.com/identity/protocols/oauth2/resources/granular-permissions
var Scopes = []string{ScopeAppend, ScopeRead, ScopeEdit, "openid", "email", "profile"}

var features = map[string]string{
	ScopeAppend: "uploading photos and creating albums",
	ScopeRead:   "listing albums and photos",
	ScopeEdit:   "changing descriptions, album titles and covers, and taking photos out of albums",
	"email":     "showing the account's e-mail address",
	"profile":   "showing the account's name",
}

// boxes are the texts beside the boxes on Google's page. https://developers.google.com/identity/protocols/oauth2/scopes#photoslibrary
var boxes = map[string]string{
	ScopeAppend: "Add to your Google Photos library",
	ScopeRead:   "Manage photos added by this app",
	ScopeEdit:   "Edit the info in your photos, videos, and albums created within this app, including titles, descriptions, and covers",
}

// Box is what stands beside the box of a Photos scope on Google's page, in English.
func Box(scope string) string { return boxes[scope] }

// parseScopes reads a space-separated list as Google writes it: sorted, without repeats, in the short names of Scopes.
func parseScopes(list string) []string {
	scopes := strings.Fields(strings.ReplaceAll(list, userinfo, ""))
	slices.Sort(scopes)
	return slices.Compact(scopes)
}

const (
	userinfo = "https://www.googleapis.com/auth/userinfo." // starts Google's long names of email and profile

	maxID   = 255 // https://developers.google.com/identity/openid-connect/openid-connect#an-id-tokens-payload
	maxName = 200 // of a name or an e-mail address that is shown; RFC 5321 allows 254 for the latter
)

var errAccount = errors.New("the answer names no account")

// Account is the Google account of an entry. ID never changes; name and e-mail address may.
type Account struct {
	ID    string `json:"id"` // Google's `sub`
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
}

func (a Account) String() string {
	if a.Name != "" && a.Email != "" {
		return a.Name + " (" + a.Email + ")"
	}
	return cmp.Or(a.Name, a.Email, "account "+a.ID)
}

// account asks Google whose token this is. It needs one of the scopes openid, email and profile.
// https://developers.google.com/identity/openid-connect/openid-connect#obtaininguserprofileinformation
func (l *Link) account(ctx context.Context, access secret.Text) (a Account, err error) {
	status, body, err := l.call(ctx, l.cfg.UserInfoURL, nil, access)
	switch {
	case err != nil:
	case status == http.StatusOK:
		a, err = parseAccount(body)
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return a, ErrRefused.say("Google did not say which account this is, so nothing was linked. Ask for a new link "+
			"and leave the boxes for the name and the e-mail address ticked.", fmt.Errorf("userinfo: status %d", status))
	default:
		err = fmt.Errorf("status %d", status)
	}
	if err != nil {
		err = ErrUnavailable.because(fmt.Errorf("userinfo: %w", err))
	}
	return a, err
}

// parseAccount reads the OpenID form and the older one that has `id` in place of `sub`.
func parseAccount(body []byte) (Account, error) {
	var info struct{ Sub, ID, Name, Email string }
	err := json.Unmarshal(body, &info) // its error may quote the answer
	id := cmp.Or(info.Sub, info.ID)
	if err != nil || id == "" || len(id) > maxID || strings.ContainsFunc(id, unprintable) {
		return Account{}, errAccount
	}
	return Account{ID: id, Name: printable(info.Name), Email: printable(info.Email)}, nil
}

// printable makes a stranger's text fit for a topic, a page and a terminal.
func printable(s string) string {
	runes := slices.DeleteFunc([]rune(strings.ToValidUTF8(s, "")), unprintable)
	return strings.TrimSpace(string(runes[:min(len(runes), maxName)]))
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// Status is where an entry stands with Google.
type Status string

// The statuses.
const (
	Unlinked Status = "unlinked" // no account
	Linking  Status = "linking"  // no account yet; a person was asked to link one
	Linked   Status = "linked"   // works
	Relink   Status = "relink"   // has an account, whose grant has ended
)

// State is what may be shown of a link: no secret but the one-time address, of no use to anyone who cannot log in to a Google account.
type State struct {
	Status  Status
	Account Account   // zero while unlinked or linking
	Scopes  []string  // granted; short names for openid, email and profile
	Missing []string  // asked for in Scopes and not granted, in that order
	Granted time.Time // when the person allowed it: another time, another grant; zero without one
	URL     string    // where a person goes on with linking, also to replace a link; empty once opened
	Expires time.Time
	Reason  string // why the account must be linked again; empty while the link works
	Failure string // why the last attempt to link came to nothing, or Google takes the OAuth client no more; empty when it is neither
}

// Has reports whether the link works and covers the scope.
func (s State) Has(scope string) bool {
	return s.Status == Linked && slices.Contains(s.Scopes, strings.TrimPrefix(scope, userinfo))
}

// Off names in words the features that are off because the person left their box unticked.
func (s State) Off() (off []string) {
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
	s := State{Status: Unlinked, Failure: cmp.Or(l.failure, l.refused)}
	if r := l.rec; r != nil {
		s.Status, s.Account, s.Reason, s.Scopes, s.Granted = Linked, r.Account, r.Reason, slices.Clone(r.Scopes), r.Granted
		for _, scope := range Scopes {
			if len(r.Scopes) > 0 && !slices.Contains(r.Scopes, scope) { // without any the link is sealed, and nothing is known of it
				s.Missing = append(s.Missing, scope)
			}
		}
		if r.Reason != "" {
			s.Status = Relink
		}
	}
	for _, a := range slices.Backward(l.attempts) { // the newest that a person may still complete
		if a.live() && (!a.state.used || a.finishing) {
			if s.Status == Unlinked {
				s.Status = Linking
			}
			s.Expires = a.ends()
			if !a.code.used && !a.state.used {
				s.URL = l.address(a)
			}
			break
		}
	}
	return s
}

// Watch gives a channel that holds one token after the state has changed. It is for a single reader.
func (l *Link) Watch() <-chan struct{} { return l.changed }

// Error is what a person is told: a code for programs and one or two sentences to act on. Neither ever holds a token, a code, a verifier, a
// state or an answer's body. errors.Is compares by Code, also through the *url.Error of an http.Client.
type Error struct {
	Code    string // snake_case, one of those of the Err variables
	Message string // sentences for a person
	Err     error  // the cause for operators; may be nil

	Answered int // of ErrUnavailable: the HTTP status when it was Google's own; 0 when nothing says that Google was reached
}

// The errors of this package by code, each with the sentence it has when nothing more is known.
var (
	ErrUnlinked     = kind("not_linked", "The entry is not linked to a Google account: ask for a link and open the address that it gives.")
	ErrRelink       = kind("relink_required", "Google ended the link: link the account again.")
	ErrWrongAccount = kind("wrong_account", "The entry is linked to another Google account. Nothing was changed.")
	ErrDenied       = kind("link_denied", "Google was told not to allow the access, so nothing was changed. "+
		"If that was not meant, ask for a new link and choose Continue on Google's page.")
	// ErrExpired: an unknown link code or state, one older than ten minutes, or a code that Google no longer takes.
	ErrExpired = kind("link_expired", "This address is not known here, or it is older than ten minutes. "+
		"Ask for a new link and finish it within ten minutes.")
	ErrUsed    = kind("link_used", "This address works once and has been used. If the account is not shown as linked, ask for a new link.")
	ErrAddress = kind("bad_address", "This is not the address on which the browser ended: "+
		"copy the whole of it, with state and code, from the browser's address bar.")
	ErrClient = kind("client_refused", "Google does not accept the OAuth client.")
	// ErrRefused: any other refusal of Google, which asking again does not change.
	ErrRefused = kind("google_refused", "Google refused the request.")
	// ErrUnavailable: Google could not be reached or failed. The link stands; try again later.
	ErrUnavailable = kind("google_unavailable", "Google could not be reached or did not answer properly: check the network and try again.")
	ErrRedirect    = kind("bad_redirect", "Google does not accept this redirect address.")
	ErrSealed      = kind("link_sealed", "The stored link cannot be opened.")
	ErrVault       = kind("internal", "The link could not be stored: look at the log and for free space of the data directory.")
)

func kind(code, message string) *Error { return &Error{Code: code, Message: message} }

// Error is for logs: the message and the chain of causes.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Message
	}
	return e.Message + " (" + e.Err.Error() + ")"
}

func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is an *Error of the same code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

func (e *Error) because(cause error) *Error { return e.say(e.Message, cause) }

// say gives an error of this kind with its own sentence and a cause, which may be nil.
func (e *Error) say(message string, cause error) *Error {
	return &Error{Code: e.Code, Message: message, Err: cause}
}
