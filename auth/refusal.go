package auth

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"gphotos2mqtt/bridge/wake"
)

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
	"disabled_client": ErrClient.say("The OAuth client is disabled at Google, by its owner or for a breach of Google's rules: enable it in "+
		"Google's console (Google Auth Platform, Clients), or make a new one there and use its client id and secret.", nil),
	"restricted_client": ErrClient.say("Google does not let this OAuth client ask for Google Photos: add the scopes to its project in "+
		"Google's console (Google Auth Platform, Data access), then ask for a new link.", nil),
	"policy_enforced": ErrRefused.say("The Google account is in the Advanced Protection Program, which lets no app like this one in: link "+
		"another account, or leave that program.", nil),
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
		return ErrUnavailable.say(cmp.Or(wake.WrongClock(err), ErrUnavailable.Message), err)
	}
	status := refused.Response.StatusCode
	cause := fmt.Errorf("token endpoint: status %d: %s", status, plain(refused.ErrorCode))
	switch {
	case status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout:
		e := ErrUnavailable.because(cause)
		e.Answered = status
		return e
	case refused.ErrorCode == "": // RFC 6749, 5.2 wants one: a proxy's page, or an answer that was cut
		return ErrUnavailable.because(cause)
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
	firstYear   = 2000                 // before it no clock is right

	noLongerAccepted = "Google no longer accepts the link: the access was removed in the Google account, or it was linked too many times " +
		"elsewhere. Link the account again."
)

// endReason says why Google no longer takes the refresh token, as far as the dates tell, and what to do.
func endReason(r *record, now time.Time) string {
	if r.Renewed.Before(r.Granted) || now.Before(r.Renewed) || r.Granted.Year() < firstYear { // a clock was wrong: the dates tell nothing
		return noLongerAccepted
	}
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
	return noLongerAccepted
}
