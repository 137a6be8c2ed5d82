package photosim

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// exchange posts a token request made of pairs of name and value.
func (m *sim) exchange(pairs ...string) reply {
	m.t.Helper()
	form := url.Values{"client_id": {DefaultClientID}, "client_secret": {DefaultClientSecret}}
	for n := 0; n+1 < len(pairs); n += 2 {
		if pairs[n+1] == "" {
			form.Del(pairs[n])
		} else {
			form.Set(pairs[n], pairs[n+1])
		}
	}
	return m.call("POST", m.target.TokenURL, form.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Authorization", "")
}

func (m *sim) code(changes ...string) string {
	m.t.Helper()
	return m.allow(m.authURL(changes...), yes(scopeAppend, scopeRead)).Get("code")
}

func checkTokenError(t *testing.T, r reply, status int, kind, description string) {
	t.Helper()
	var got tokenError
	r.decode(t, &got)
	if r.status != status || got.Kind != kind || description != "" && got.Description != description {
		t.Errorf("answer %d %s, want %d %s %q", r.status, r.body, status, kind, description)
	}
}

func TestCodeExchange(t *testing.T) {
	m := newSim(t, Config{})
	m.Revoke(DefaultAccountID)
	var got tokenAnswer
	r := m.exchange("grant_type", "authorization_code", "redirect_uri", callback, "code_verifier", verifier,
		"code", m.code("access_type", "offline", "code_challenge", challenge, "code_challenge_method", "S256"))
	r.decode(t, &got)
	if !strings.HasPrefix(got.AccessToken, "ya29.a0") || !strings.HasPrefix(got.RefreshToken, "1//0g") || len(got.RefreshToken) > 512 ||
		strings.Count(got.IDToken, ".") != 2 || r.header.Get("Content-Type") != "application/json; charset=UTF-8" || !strings.Contains(r.header.Get("Cache-Control"), "no-store") {
		t.Errorf("answer %s %v", r.body, r.header)
	}
	want := tokenAnswer{
		AccessToken: got.AccessToken, RefreshToken: got.RefreshToken, IDToken: got.IDToken, ExpiresIn: 3599, TokenType: "Bearer",
		Scope: newScopes(scopeAppend, scopeRead, "email", "openid").String(),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if r := m.call("GET", "/v1/albums", "", "Authorization", "Bearer "+got.AccessToken); r.status != 200 {
		t.Errorf("the access token: %d", r.status)
	}
	r = m.exchange("grant_type", "refresh_token", "refresh_token", got.RefreshToken)
	var fresh tokenAnswer
	r.decode(t, &fresh)
	if fresh.AccessToken == "" || fresh.AccessToken == got.AccessToken || fresh.RefreshToken != "" || fresh.Scope != want.Scope {
		t.Errorf("refresh: %s", r.body)
	}
}

func TestWhenARefreshTokenComes(t *testing.T) {
	m := newSim(t, Config{})
	m.Revoke(DefaultAccountID)
	for _, tt := range []struct {
		name    string
		changes []string
		want    bool
	}{
		{"online", nil, false},
		{"offline, but consent is there", []string{"access_type", "offline"}, false},
		{"offline, forced", []string{"access_type", "offline", "prompt", "consent"}, true},
		{"online, forced", []string{"prompt", "consent"}, false},
		{"offline, one more scope", []string{"access_type", "offline", "scope", scopeAppend + " " + scopeRead + " " + scopeEdit}, true},
	} {
		var got tokenAnswer
		m.exchange("grant_type", "authorization_code", "redirect_uri", callback, "code", m.code(tt.changes...)).decode(t, &got)
		if (got.RefreshToken != "") != tt.want || got.AccessToken == "" {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
}

func TestTokenErrors(t *testing.T) {
	m := newSim(t, Config{Clients: []Client{
		{ID: DefaultClientID, Secret: DefaultClientSecret, Project: "1", RedirectURIs: []string{callback}},
		{ID: "other", Secret: "other", Project: "1"},
		{ID: "gone", Secret: "gone", Project: "1", Deleted: true},
	}})
	refresh := m.grant(GrantRequest{}).RefreshToken
	used := m.code()
	m.exchange("grant_type", "authorization_code", "redirect_uri", callback, "code", used)
	withPKCE := []string{"code_challenge", challenge, "code_challenge_method", "S256"}
	tests := []struct {
		name              string
		pairs             []string
		status            int
		kind, description string
	}{
		{"nothing", nil, 400, "invalid_request", "Missing required parameter: grant_type"},
		{"grant type", []string{"grant_type", "password"}, 400, "unsupported_grant_type", ""},
		{"no client", []string{"grant_type", "refresh_token", "client_id", ""}, 400, "invalid_request", ""},
		{"unknown client", []string{"grant_type", "refresh_token", "client_id", "x"}, 401, "invalid_client", "The OAuth client was not found."},
		{"deleted client", []string{"grant_type", "refresh_token", "client_id", "gone"}, 401, "deleted_client", "The OAuth client was deleted."},
		{"wrong secret", []string{"grant_type", "refresh_token", "client_secret", "x"}, 401, "invalid_client", "Unauthorized"},
		{"no secret", []string{"grant_type", "refresh_token", "client_secret", ""}, 400, "invalid_request", ""},
		{"no refresh token", []string{"grant_type", "refresh_token"}, 400, "invalid_request", "Missing required parameter: refresh_token"},
		{"unknown refresh token", []string{"grant_type", "refresh_token", "refresh_token", "1//x"}, 400, "invalid_grant", "Token has been expired or revoked."},
		{"refresh token of another client", []string{"grant_type", "refresh_token", "refresh_token", refresh, "client_id", "other", "client_secret", "other"}, 401, "unauthorized_client", ""},
		{"no code", []string{"grant_type", "authorization_code", "redirect_uri", callback}, 400, "invalid_request", "Missing required parameter: code"},
		{"no redirect uri", []string{"grant_type", "authorization_code", "code", m.code()}, 400, "invalid_request", "Missing required parameter: redirect_uri"},
		{"other redirect uri", []string{"grant_type", "authorization_code", "code", m.code(), "redirect_uri", callback + "/"}, 400, "redirect_uri_mismatch", "Bad Request"},
		{"malformed code", []string{"grant_type", "authorization_code", "code", "4%2F0Ax", "redirect_uri", callback}, 400, "invalid_grant", "Malformed auth code."},
		{"unknown code", []string{"grant_type", "authorization_code", "code", "4/0Ax", "redirect_uri", callback}, 400, "invalid_grant", "Bad Request"},
		{"used code", []string{"grant_type", "authorization_code", "code", used, "redirect_uri", callback}, 400, "invalid_grant", "Bad Request"},
		{"code of another client", []string{"grant_type", "authorization_code", "code", m.code(), "redirect_uri", callback, "client_id", "other", "client_secret", "other"}, 400, "invalid_grant", "Bad Request"},
		{"no verifier", []string{"grant_type", "authorization_code", "code", m.code(withPKCE...), "redirect_uri", callback}, 400, "invalid_grant", ""},
		{"wrong verifier", []string{"grant_type", "authorization_code", "code", m.code(withPKCE...), "redirect_uri", callback, "code_verifier", verifier + "x"}, 400, "invalid_grant", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { checkTokenError(t, m.exchange(tt.pairs...), tt.status, tt.kind, tt.description) })
	}
	form := "grant_type=refresh_token&client_id=" + DefaultClientID + "&client_secret=" + DefaultClientSecret + "&refresh_token=" + url.QueryEscape(refresh)
	for name, r := range map[string]reply{
		"as JSON":        m.call("POST", m.target.TokenURL, `{"grant_type":"refresh_token"}`),
		"in the address": m.call("POST", m.target.TokenURL+"?"+form, "", "Content-Type", "application/x-www-form-urlencoded"),
		"given twice":    m.call("POST", m.target.TokenURL, form+"&client_id=x", "Content-Type", "application/x-www-form-urlencoded"),
		"malformed":      m.call("POST", m.target.TokenURL, "a=%zz", "Content-Type", "application/x-www-form-urlencoded"),
	} {
		t.Run(name, func(t *testing.T) { checkTokenError(t, r, 400, "invalid_request", "") })
	}
	if r := m.call("GET", m.target.TokenURL, ""); r.status != 405 {
		t.Errorf("GET: %d", r.status)
	}
	basic := base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(DefaultClientID) + ":" + DefaultClientSecret))
	r := m.call("POST", m.target.TokenURL, "grant_type=refresh_token&refresh_token="+url.QueryEscape(refresh),
		"Content-Type", "application/x-www-form-urlencoded", "Authorization", "Basic "+basic)
	if r.status != 200 {
		t.Errorf("client by HTTP Basic: %d %s", r.status, r.body)
	}
}

func TestPlainChallengeAndUnaskedVerifier(t *testing.T) {
	m := newSim(t, Config{})
	for name, changes := range map[string][]string{
		"plain":           {"code_challenge", verifier, "code_challenge_method", "plain"},
		"plain by itself": {"code_challenge", verifier},
		"no challenge":    nil,
	} {
		r := m.exchange("grant_type", "authorization_code", "redirect_uri", callback, "code", m.code(changes...), "code_verifier", verifier)
		if r.status != 200 {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
}

func TestLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newSim(t, Config{Clients: []Client{
			{ID: DefaultClientID, Secret: DefaultClientSecret, Project: "1", RedirectURIs: []string{callback}, Testing: true},
			{ID: "public", Secret: "p", Project: "2"},
		}})
		early, late := m.code(), m.code()
		photos, nameOnly := m.grant(GrantRequest{}).RefreshToken, m.grant(GrantRequest{Scopes: []string{"openid", "email"}}).RefreshToken
		public := m.grant(GrantRequest{Client: "public"}).RefreshToken
		try := func(refresh string, client ...string) int {
			return m.exchange(append([]string{"grant_type", "refresh_token", "refresh_token", refresh}, client...)...).status
		}
		time.Sleep(10*time.Minute - time.Second)
		if r := m.exchange("grant_type", "authorization_code", "redirect_uri", callback, "code", early); r.status != 200 {
			t.Errorf("a code after 9:59: %d", r.status)
		}
		time.Sleep(time.Second)
		checkTokenError(t, m.exchange("grant_type", "authorization_code", "redirect_uri", callback, "code", late), 400, "invalid_grant", "Bad Request")
		time.Sleep(7*24*time.Hour - 10*time.Minute - time.Second)
		if got := try(photos); got != 200 {
			t.Errorf("Testing, a second before seven days: %d", got)
		}
		time.Sleep(time.Second)
		if got := [3]int{try(photos), try(nameOnly), try(public, "client_id", "public", "client_secret", "p")}; got != [3]int{400, 200, 200} {
			t.Errorf("after seven days %v, want only the Photos token of the Testing client dead", got)
		}
		time.Sleep(unusedLife - time.Second)
		if got := try(nameOnly); got != 200 {
			t.Errorf("unused for less than six months: %d", got)
		}
		time.Sleep(time.Second)
		if got := try(public, "client_id", "public", "client_secret", "p"); got != 400 {
			t.Errorf("unused for six months: %d", got)
		}
	})
}

func TestTheHundredAndFirstRefreshToken(t *testing.T) {
	m := newSim(t, Config{Accounts: []Account{{ID: "1", Email: "a@b.c"}, {ID: "2", Email: "d@e.f"}}})
	other := m.grant(GrantRequest{Account: "2"}).RefreshToken
	m.ResetLibrary() // keeps tokens
	first := m.grant(GrantRequest{}).RefreshToken
	second := m.grant(GrantRequest{}).RefreshToken
	for range 99 { // with the one of newSim they are 102
		m.grant(GrantRequest{})
	}
	for name, tt := range map[string]struct {
		token  string
		status int
	}{"first": {first, 400}, "second": {second, 200}, "other account": {other, 200}} {
		if got := m.exchange("grant_type", "refresh_token", "refresh_token", tt.token).status; got != tt.status {
			t.Errorf("%s: %d, want %d", name, got, tt.status)
		}
	}
}

func TestRevoke(t *testing.T) {
	m := newSim(t, Config{})
	post := func(body, query string) reply {
		return m.call("POST", m.target.RevokeURL+query, body, "Content-Type", "application/x-www-form-urlencoded", "Authorization", "")
	}
	a, b := m.grant(GrantRequest{}), m.grant(GrantRequest{})
	if r := post("token="+url.QueryEscape(a.AccessToken), ""); r.status != 200 {
		t.Fatalf("revoke: %d %s", r.status, r.body)
	}
	if r := m.call("GET", "/v1/albums", "", "Authorization", "Bearer "+b.AccessToken); r.status != 401 {
		t.Errorf("another access token of the grant: %d", r.status)
	}
	checkTokenError(t, m.exchange("grant_type", "refresh_token", "refresh_token", a.RefreshToken), 400, "invalid_grant", "Token has been expired or revoked.")
	if r := m.call("GET", m.authURL(), ""); r.status != 200 {
		t.Errorf("the person is not asked again: %d", r.status)
	}
	c := m.grant(GrantRequest{})
	if r := post("", "?token="+url.QueryEscape(c.RefreshToken)); r.status != 200 {
		t.Errorf("in the address: %d", r.status)
	}
	d := m.grant(GrantRequest{})
	form := "--x\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\n" + d.RefreshToken + "\r\n--x--\r\n"
	for status, body := range map[int]string{200: form, 400: "--x\r\nContent-Disposition"} {
		if r := m.call("POST", m.target.RevokeURL, body, "Content-Type", "multipart/form-data; boundary=x", "Authorization", ""); r.status != status {
			t.Errorf("in parts: %d %s, want %d", r.status, r.body, status)
		}
	}
	checkTokenError(t, post("token="+url.QueryEscape(c.RefreshToken), ""), 400, "invalid_token", "")
	checkTokenError(t, post("token="+url.QueryEscape(d.RefreshToken), ""), 400, "invalid_token", "")
	checkTokenError(t, post("", ""), 400, "invalid_request", "")
	if m.Revoke("nobody") || m.Revoke("") {
		t.Error("something unknown was revoked")
	}
}
