package auth

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/oauth2"

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
	Account Account  // zero while unlinked or linking
	Scopes  []string // granted; short names for openid, email and profile
	Missing []string // asked for in Scopes and not granted, in that order
	URL     string   // where a person goes on with linking, also to replace a link; empty once opened
	Expires time.Time
	Reason  string // why the account must be linked again; empty while the link works
	Failure string // why the last attempt to link came to nothing; empty when none failed since
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
	s := State{Status: Unlinked, Failure: l.failure}
	if r := l.rec; r != nil {
		s.Status, s.Account, s.Reason, s.Scopes = Linked, r.Account, r.Reason, slices.Clone(r.Scopes)
		for _, scope := range Scopes {
			if !slices.Contains(r.Scopes, scope) {
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
			s.Expires = a.expires
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

// refusals has the codes of Google's consent page, of the redirect back and of the token endpoint, some with the description that alone
// tells two cases apart. {redirect} stands for the redirect address in use.
// https://developers.google.com/identity/protocols/oauth2/web-server#authorization-errors and RFC 6749, 4.1.2.1 and 5.2. invalid_grant
// on a refresh is not looked up here: it ends the link, see renew.
var refusals = map[string]*Error{
	"access_denied": ErrDenied,
	"redirect_uri_mismatch": ErrClient.say("Google does not know the redirect address. In Google's console (APIs & Services, Credentials, "+
		"your OAuth client) register exactly {redirect} under Authorized redirect URIs, wait five minutes, then ask for a new link.", nil),
	"invalid_client": ErrClient.say("Google does not accept the client id with the client secret: "+
		"copy both again from the OAuth client in Google's console.", nil),
	"invalid_client: The OAuth client was not found.": ErrClient.say("Google does not know the client id: "+
		"copy it again from the OAuth client in Google's console.", nil),
	"invalid_client: Unauthorized": ErrClient.say("Google does not accept the client secret: copy it again from the OAuth "+
		"client in Google's console, or add a new secret to the client there.", nil),
	"unauthorized_client": ErrClient.say("Google does not let this OAuth client ask for access in this way: "+
		"make an OAuth client of type Web application and use its client id and secret.", nil),
	"deleted_client": ErrClient.say("The OAuth client was deleted at Google: restore it in Google's console, "+
		"or make a new one and use its client id and secret.", nil),
	"org_internal": ErrClient.say("The OAuth client is limited to one organisation: in Google's console set the "+
		"audience of the consent screen to External, or link an account of that organisation.", nil),
	"admin_policy_enforced": ErrRefused.say("The administrator of this Google Workspace account does not allow "+
		"access to Google Photos: ask them to trust this app's client id, or link another account.", nil),
	"disallowed_useragent": ErrRefused.say("Google does not allow its consent page inside another app: "+
		"ask for a new link and open it in a real browser.", nil),
	"invalid_grant": ErrExpired.say("Google did not accept the code: it was used before or is too old. "+
		"Ask for a new link and finish it within ten minutes.", nil),
	"invalid_request": ErrRefused.say("Google says that the request is malformed. Check that the client id is complete "+
		"and that the redirect address {redirect} is registered in Google's console, then ask for a new link.", nil),
	"invalid_scope": ErrRefused.say("Google does not know one of the scopes: enable the Photos Library API in the "+
		"project of the OAuth client, then ask for a new link.", nil),
	"unsupported_grant_type": ErrRefused.say("Google does not support this way to link: check the token address in the settings.", nil),
	"unsupported_response_type": ErrRefused.say("Google does not support this way to link: "+
		"check the address of the consent page in the settings.", nil),
	"server_error":            ErrUnavailable.say("Google failed on its side. Ask for a new link in a few minutes.", nil),
	"temporarily_unavailable": ErrUnavailable.say("Google is overloaded. Ask for a new link in a few minutes.", nil),
}

func explain(code, description, redirect string, cause error) *Error {
	known := cmp.Or(refusals[code+": "+description], refusals[code])
	if known == nil {
		return ErrRefused.say("Google refused with the error "+plain(code)+". Ask for a new link; if it "+
			"happens again, look that word up in Google's OAuth documentation.", cause)
	}
	return known.say(strings.ReplaceAll(known.Message, "{redirect}", redirect), cmp.Or(cause, errors.New(code)))
}

// tokenError classifies an error of the token endpoint. The answer's body stays behind: a code or token could be repeated in it.
func (l *Link) tokenError(err error) *Error {
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		if _, ok := errors.AsType[*url.Error](err); !ok { // a 200 that is no token: a proxy's or a hotel's page
			err = errors.New("the token endpoint's answer is not a token")
		}
		return ErrUnavailable.because(err)
	}
	status := refused.Response.StatusCode
	cause := fmt.Errorf("token endpoint: status %d: %s", status, plain(refused.ErrorCode))
	switch {
	case status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout:
		return ErrUnavailable.because(cause)
	case refusals[refused.ErrorCode] == nil:
		return ErrRefused.because(cause)
	}
	return explain(refused.ErrorCode, refused.ErrorDescription, l.cfg.RedirectURL, cause)
}

// plain lets an OAuth error code through and nothing else, since it comes from outside.
func plain(code string) string {
	if len(code) > 40 || strings.Trim(code, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return "an odd error code"
	}
	return cmp.Or(code, "no error code")
}

// When Google ends a grant. https://developers.google.com/identity/protocols/oauth2#expiration
const (
	testingLife = 7 * 24 * time.Hour   // while the consent screen's publishing status is Testing
	idleLife    = 180 * 24 * time.Hour // "six months" without use
	slack       = time.Hour            // between refreshes, and between Google's clock and this one
)

// endReason says why Google no longer takes the refresh token, as far as the dates tell, and what to do.
func endReason(r *record, now time.Time) string {
	age, worked, idle := now.Sub(r.Granted), r.Renewed.Sub(r.Granted), now.Sub(r.Renewed)
	timed := !r.Until.IsZero() // Google said when the grant ends
	switch sevenDays := worked <= testingLife+slack && age >= testingLife-slack; {
	case sevenDays && idle < idleLife && (!timed || r.Until.Sub(r.Granted) <= testingLife+slack):
		return "Google ended the link seven days after it was made, as it does while the OAuth consent screen is in publishing status " +
			"Testing. In Google's console (Google Auth Platform, Audience) choose Publish app, then link the account again."
	case timed && !now.Before(r.Until.Add(-slack)):
		return "The access was allowed until " + r.Until.Format("2006-01-02 15:04 MST") +
			" only, and that time is over: link the account again."
	case idle >= idleLife:
		return "The link was not used for six months, after which Google ends it: link the account again."
	}
	return "Google no longer accepts the link: the access was removed in the Google account, or it was linked too many times " +
		"elsewhere. Link the account again."
}
