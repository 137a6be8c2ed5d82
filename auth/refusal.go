package auth

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"
)

// refusal is what one of Google's OAuth error codes means here. {redirect} in a sentence stands for the redirect
// address in use.
type refusal struct {
	kind     error
	sentence string
}

// refusals has the codes of Google's consent page, of the redirect back and of the token endpoint.
// https://developers.google.com/identity/protocols/oauth2/web-server#authorization-errors and RFC 6749, 4.1.2.1
// and 5.2. invalid_grant on a refresh is not looked up here: it ends the link, see ask.
var refusals = map[string]refusal{
	"access_denied": {ErrDenied, ""},
	"redirect_uri_mismatch": {ErrClient, "Google does not know the redirect address. In Google's console " +
		"(APIs & Services, Credentials, your OAuth client) register exactly {redirect} under Authorized redirect URIs, " +
		"wait five minutes, then ask for a new link."},
	"invalid_client": {ErrClient, "Google does not accept the client id with the client secret: " +
		"copy both again from the OAuth client in Google's console."},
	"unauthorized_client": {ErrClient, "Google does not let this OAuth client ask for access in this way: " +
		"make an OAuth client of type Web application and use its client id and secret."},
	"deleted_client": {ErrClient, "The OAuth client was deleted at Google: restore it in Google's console, " +
		"or make a new one and use its client id and secret."},
	"org_internal": {ErrClient, "The OAuth client is limited to one organisation: in Google's console set the " +
		"audience of the consent screen to External, or link an account of that organisation."},
	"admin_policy_enforced": {ErrRefused, "The administrator of this Google Workspace account does not allow " +
		"access to Google Photos: ask them to trust this app's client id, or link another account."},
	"disallowed_useragent": {ErrRefused, "Google does not allow its consent page inside another app: " +
		"ask for a new link and open it in a real browser."},
	"invalid_grant": {ErrExpired, "Google did not accept the code: it was used before or is too old. " +
		"Ask for a new link and finish it within ten minutes."},
	"invalid_request": {ErrRefused, "Google says that the request is malformed. Check that the client id is complete " +
		"and that the redirect address {redirect} is registered in Google's console, then ask for a new link."},
	"invalid_scope": {ErrRefused, "Google does not know one of the scopes: enable the Photos Library API in the " +
		"project of the OAuth client, then ask for a new link."},
	"unsupported_grant_type": {ErrRefused, "Google does not support this way to link: " +
		"check the token address in the settings."},
	"unsupported_response_type": {ErrRefused, "Google does not support this way to link: " +
		"check the address of the consent page in the settings."},
	"server_error":            {ErrUnavailable, "Google failed on its side. Ask for a new link in a few minutes."},
	"temporarily_unavailable": {ErrUnavailable, "Google is overloaded. Ask for a new link in a few minutes."},
}

// clientSentences tell the cases of invalid_client apart, which only the description does.
var clientSentences = map[string]string{
	"The OAuth client was not found.": "Google does not know the client id: copy it again from the OAuth client " +
		"in Google's console.",
	"Unauthorized": "Google does not accept the client secret: copy it again from the OAuth client in Google's " +
		"console, or add a new secret to the client there.",
}

// explain gives the error for one of Google's codes.
func explain(code, description, redirect string, cause error) *Error {
	r, known := refusals[code]
	if !known {
		return because(ErrRefused, "Google refused with the error "+plain(code)+". Ask for a new link; if it "+
			"happens again, look that word up in Google's OAuth documentation.", cause)
	}
	if s, ok := clientSentences[description]; ok && code == "invalid_client" {
		r.sentence = s
	}
	if cause == nil {
		cause = errors.New(code)
	}
	return because(r.kind, strings.ReplaceAll(r.sentence, "{redirect}", redirect), cause)
}

// tokenError classifies an error of the token endpoint. The answer's body stays behind: what Google's servers,
// or what stands in for them, put there is not known, and a code or token could be repeated in it.
func (l *Link) tokenError(err error) *Error {
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		if _, ok := errors.AsType[*url.Error](err); !ok { // a 200 that is no token: a proxy's or a hotel's page
			err = errors.New("the token endpoint's answer is not a token")
		}
		return because(ErrUnavailable, "", err)
	}
	status := refused.Response.StatusCode
	cause := fmt.Errorf("token endpoint: status %d: %s", status, plain(refused.ErrorCode))
	_, known := refusals[refused.ErrorCode]
	switch {
	case status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout:
		return because(ErrUnavailable, "", cause)
	case !known:
		return because(ErrRefused, "", cause)
	default:
		return explain(refused.ErrorCode, refused.ErrorDescription, l.cfg.RedirectURL, cause)
	}
}

// plain lets an OAuth error code through and nothing else, since it comes from outside.
func plain(code string) string {
	if code == "" {
		return "no error code"
	}
	for _, c := range code {
		if (c < 'a' || c > 'z') && c != '_' || len(code) > 40 {
			return "an odd error code"
		}
	}
	return code
}
