package auth

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/auth/authtest"
)

// tokenRefusals are the answers of Google's token endpoint.
var tokenRefusals = []struct {
	name, code, description string
	status                  int
	exchange, refresh       error
	sentence                string // part of what a person is told; at a refresh too, unless the link ends
}{
	{"refresh token dead", "invalid_grant", "Token has been expired or revoked.", 400, ErrExpired, ErrRelink, "too old"},
	{"code unreadable", "invalid_grant", "Malformed auth code.", 400, ErrExpired, ErrRelink, "did not accept the code"},
	{"code used or old", "invalid_grant", "Bad Request", 400, ErrExpired, ErrRelink, "used before"},
	{"no description", "invalid_grant", "", 400, ErrExpired, ErrRelink, "Ask for a new link"},
	{"unknown client", "invalid_client", "The OAuth client was not found.", 401, ErrClient, ErrClient, "does not know the client id"},
	{"wrong secret", "invalid_client", "Unauthorized", 401, ErrClient, ErrClient, "client secret: copy it again"},
	{"client, no description", "invalid_client", "", 401, ErrClient, ErrClient, "copy both again"},
	{"client deleted", "deleted_client", "The OAuth client was deleted.", 401, ErrClient, ErrClient, "was deleted"},
	{"client disabled", "disabled_client", "The OAuth client was disabled.", 401, ErrClient, ErrClient, "is disabled at Google"},
	{"client restricted", "restricted_client", "", 403, ErrClient, ErrClient, "add the scopes"},
	{"advanced protection", "policy_enforced", "", 400, ErrRefused, ErrRefused, "Advanced Protection"},
	{"one organisation", "org_internal", "", 403, ErrClient, ErrClient, "limited to one organisation"},
	{"other client's token", "unauthorized_client", "Unauthorized", 401, ErrClient, ErrClient, "type Web application"},
	{"redirect differs", "redirect_uri_mismatch", "Bad Request", 400, ErrClient, ErrClient, "register exactly " + testRedirect},
	{"parameter missing", "invalid_request", "Missing required parameter: code", 400, ErrRefused, ErrRefused, testRedirect + " is registered"},
	{"grant type", "unsupported_grant_type", "", 400, ErrRefused, ErrRefused, "token address"},
	{"admin policy", "admin_policy_enforced", "", 400, ErrRefused, ErrRefused, "administrator"},
	{"unknown code", "teapot", "", 400, ErrRefused, ErrRefused, "the error teapot"},
	{"server error", "internal_failure", "", 500, ErrUnavailable, ErrUnavailable, "try again"},
	{"server error that looks like the end", "invalid_grant", "", 503, ErrUnavailable, ErrUnavailable, "try again"},
	{"too many requests", "rate_limit_exceeded", "", 429, ErrUnavailable, ErrUnavailable, "try again"},
}

func TestTokenRefusals(t *testing.T) {
	for _, tt := range tokenRefusals {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				refuse := func(kind string) *reply {
					if strings.HasPrefix(kind, "token ") {
						return oauthError(tt.status, tt.code, tt.description)
					}
					return nil
				}
				g := newGoogle()
				l := open(t, g.config("home"), new(authtest.Vault))
				back := g.consent(t, consentPage(t, l), sam)
				g.fail = refuse
				_, err := l.FinishAddress(t.Context(), back)
				wantError(t, err, tt.exchange, tt.sentence)
				if s := l.State(); s.Status != Unlinked || !strings.Contains(s.Failure, tt.sentence) {
					t.Errorf("after the exchange: %+v", s)
				}

				g.fail = nil
				link(t, g, l, sam)
				if failure := l.State().Failure; failure != "" {
					t.Errorf("linked, and still: %s", failure)
				}
				g.fail = refuse
				time.Sleep(g.life)
				err = getError(t, l)
				if tt.refresh == ErrRelink { //nolint:errorlint // a table's value
					wantError(t, err, ErrRelink, "Link the account again")
					if n := len(g.requests); errors.Is(getError(t, l), ErrRelink) && len(g.requests) != n {
						t.Error("Google was asked again")
					}
					return
				}
				wantError(t, err, tt.refresh, tt.sentence)
				if s := l.State(); s.Status != Linked || errors.Is(err, ErrUnavailable) != (s.Failure == "") {
					t.Errorf("after the refresh: %+v", s)
				}
				g.fail = nil // the token was kept: it works when Google does
				if status := get(t, l); status != 200 || l.State().Status != Linked || l.State().Failure != "" {
					t.Errorf("later: status %d, %+v", status, l.State())
				}
			})
		})
	}
}

func wantError(t *testing.T, err, kind error, sentence string) {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok || !errors.Is(err, kind) {
		t.Fatalf("err = %v, want %v", err, kind)
	}
	if !strings.Contains(e.Message, sentence) {
		t.Errorf("%q does not say %q", e.Message, sentence)
	}
	if e.Code == "" || !strings.HasSuffix(e.Message, ".") {
		t.Errorf("code %q, message %q", e.Code, e.Message)
	}
}

func TestNetworkErrors(t *testing.T) {
	answers := map[string]*reply{
		"hotel page":     {status: 200, body: "<html>Please log in</html>"},
		"no token":       {status: 200, body: `{"token_type":"Bearer"}`},
		"redirect":       {status: 302, location: "https://elsewhere.test/"},
		"not found":      {status: 404, body: "<html>"},
		"firewall":       {status: 403, body: "<html><title>Forbidden</title>"},
		"nothing said":   {status: 401},
		"broken brace":   {status: 400, body: `{"error":"invalid_grant","error_description":"Bad Request"`},
		"cut off answer": {status: 200, cut: true},
		"huge token":     {status: 200, body: `{"access_token":"` + strings.Repeat("a", maxToken+1) + `"}`},
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, _, l := linked(t)
				g.fail = only("token refresh_token", answer)
				time.Sleep(g.life - early) // due, but not dead: the old token goes on
				if status := get(t, l); status != 200 {
					t.Errorf("status %d", status)
				}
				time.Sleep(early)
				sent := g.count("api")
				if err := getError(t, l); !errors.Is(err, ErrUnavailable) {
					t.Errorf("err = %v", err)
				}
				if s := l.State(); s.Status != Linked || s.Failure != "" {
					t.Errorf("the link was dropped, or Google was said to refuse the client: %+v", s)
				}
				if g.count("api") != sent {
					t.Error("a refused or redirected refresh led to a request elsewhere")
				}
			})
		})
	}
}

// The codes of Google's consent page: most stay on that page, whose address a person may paste; some come back to
// the redirect address.
func TestConsentRefusals(t *testing.T) {
	tests := map[string]struct {
		kind     error
		sentence string
	}{
		"access_denied":             {ErrDenied, "not to allow"},
		"redirect_uri_mismatch":     {ErrClient, "register exactly " + testRedirect},
		"invalid_client":            {ErrClient, "copy both again"},
		"deleted_client":            {ErrClient, "was deleted"},
		"unauthorized_client":       {ErrClient, "type Web application"},
		"invalid_request":           {ErrRefused, "malformed"},
		"admin_policy_enforced":     {ErrRefused, "administrator"},
		"org_internal":              {ErrClient, "External"},
		"disallowed_useragent":      {ErrRefused, "real browser"},
		"invalid_grant":             {ErrExpired, "Ask for a new link"},
		"invalid_scope":             {ErrRefused, "enable the Photos Library API"},
		"unsupported_response_type": {ErrRefused, "address of the consent page"},
		"server_error":              {ErrUnavailable, "failed on its side"},
		"temporarily_unavailable":   {ErrUnavailable, "overloaded"},
	}
	g := newGoogle()
	l := open(t, g.config("home"), new(authtest.Vault))
	for code, tt := range tests {
		t.Run(code, func(t *testing.T) {
			back := testRedirect + "?error=" + code + "&state=" + query(t, consentPage(t, l)).Get("state")
			_, err := FinishAny(t.Context(), []*Link{l}, strings.TrimPrefix(back, testRedirect+"?"))
			wantError(t, err, tt.kind, tt.sentence)
			if s := l.State(); !strings.Contains(s.Failure, tt.sentence) || s.Status != Unlinked {
				t.Errorf("state %+v", s)
			}
			_, err = l.FinishAddress(t.Context(), back) // again, and with the state used
			wantError(t, err, tt.kind, tt.sentence)

			message := string([]byte{0x0a, byte(len(code))}) + code + "\x12\x05hello"
			page := "https://accounts.google.com/signin/oauth/error/v2?authError=" +
				url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(message))) + "&client_id=" + testClientID
			_, err = l.FinishAddress(t.Context(), page)
			wantError(t, err, tt.kind, tt.sentence)
		})
	}
	t.Run("unknown", func(t *testing.T) {
		_, err := l.FinishAddress(t.Context(), testRedirect+"?error=<b>odd</b>")
		wantError(t, err, ErrRefused, "an odd error code")
		_, err = l.FinishAddress(t.Context(), testRedirect+"?error=brand_new")
		wantError(t, err, ErrRefused, "brand_new")
	})
	if n := g.count("token authorization_code"); n != 0 {
		t.Errorf("%d exchanges", n)
	}
}

func TestRefusedExchangeAnswers(t *testing.T) {
	tests := map[string]struct {
		fail     func(string) *reply
		kind     error
		sentence string
	}{
		"no refresh token": {
			only("token authorization_code", jsonAnswer(200, `{"access_token":"a","expires_in":3599}`)), ErrRefused, "no refresh token",
		},
		"userinfo not allowed": {only("userinfo", jsonAnswer(403, "{}")), ErrRefused, "which account"},
		"userinfo down":        {only("userinfo", jsonAnswer(500, "{}")), ErrUnavailable, "try again"},
		"userinfo empty":       {only("userinfo", jsonAnswer(200, "{}")), ErrUnavailable, "try again"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			g := newGoogle()
			l := open(t, g.config("home"), new(authtest.Vault))
			back := g.consent(t, consentPage(t, l), sam)
			g.fail = tt.fail
			_, err := l.FinishAddress(t.Context(), back)
			wantError(t, err, tt.kind, tt.sentence)
			if l.State().Status != Unlinked {
				t.Error("linked")
			}
		})
	}
}

// A fresh machine whose clock is wrong cannot be linked, and the reason is the clock.
func TestClockThatMakesCertificatesInvalid(t *testing.T) {
	g := newGoogle()
	cfg := g.config("home")
	cfg.Base = roundTripper(func(*http.Request) (*http.Response, error) {
		return nil, &tls.CertificateVerificationError{Err: x509.CertificateInvalidError{
			Reason: x509.Expired, Cert: &x509.Certificate{NotBefore: time.Now().Add(time.Hour), NotAfter: time.Now().Add(2 * time.Hour)},
		}}
	})
	l := open(t, cfg, new(authtest.Vault))
	_, err := l.FinishAddress(t.Context(), testRedirect+"?code=c&state="+query(t, consentPage(t, l)).Get("state"))
	wantError(t, err, ErrUnavailable, "set the clock")
	if s := l.State(); !strings.Contains(s.Failure, "The clock of the bridge's machine says") {
		t.Errorf("state %+v", s)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
