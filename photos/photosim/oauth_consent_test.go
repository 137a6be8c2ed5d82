package photosim

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const callback = "http://localhost:8099/oauth/callback"

// verifier is a PKCE verifier and its S256 challenge, RFC 7636, appendix B.
const (
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

// authURL is a good authorization request, changed by pairs of name and value; an empty value leaves the parameter out.
func (m *sim) authURL(changes ...string) string {
	q := url.Values{
		"client_id": {DefaultClientID}, "redirect_uri": {callback}, "response_type": {"code"}, "state": {"s t&ä"},
		"scope": {strings.Join([]string{scopeAppend, scopeRead, "openid", "email"}, " ")},
	}
	for n := 0; n+1 < len(changes); n += 2 {
		if changes[n+1] == "" {
			q.Del(changes[n])
		} else {
			q.Set(changes[n], changes[n+1])
		}
	}
	return m.target.AuthURL + "?" + q.Encode()
}

// allow posts the form of the consent page and returns the parameters that come back to the app.
func (m *sim) allow(address string, form url.Values) url.Values {
	m.t.Helper()
	r := m.call("POST", address, form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	return m.back(r)
}

func (m *sim) back(r reply) url.Values {
	m.t.Helper()
	to, err := url.Parse(r.header.Get("Location"))
	if r.status != http.StatusSeeOther || err != nil || !strings.HasPrefix(to.String(), callback+"?") {
		m.t.Fatalf("answer %d to %q: %s", r.status, r.header.Get("Location"), r.body)
	}
	return to.Query()
}

func yes(scopes ...string) url.Values {
	return url.Values{"decision": {"allow"}, "account": {DefaultAccountID}, "scope": scopes}
}

// strictSim has a deleted client, one of an organization, and an account whose administrator blocks a scope.
func strictSim(t *testing.T) *sim {
	t.Helper()
	return newSim(t, Config{Clients: []Client{
		{ID: DefaultClientID, Secret: "s", Project: "1", RedirectURIs: []string{callback}},
		{ID: "gone", Secret: "s", Project: "1", RedirectURIs: []string{callback}, Deleted: true},
		{ID: "inside", Secret: "s", Project: "1", RedirectURIs: []string{callback}, Organization: "corp.example"},
	}, Accounts: []Account{{ID: DefaultAccountID, Email: "a@b.c", BlockedScopes: []string{scopeEdit}}}})
}

func TestConsentErrorsAreShownNotRedirected(t *testing.T) {
	m := strictSim(t)
	tests := []struct {
		name, code string
		changes    []string
	}{
		{"no client", "invalid_request", []string{"client_id", ""}},
		{"unknown client", "invalid_client", []string{"client_id", "x"}},
		{"deleted client", "deleted_client", []string{"client_id", "gone"}},
		{"no redirect uri", "invalid_request", []string{"redirect_uri", ""}},
		{"trailing slash", "redirect_uri_mismatch", []string{"redirect_uri", callback + "/"}},
		{"other port", "redirect_uri_mismatch", []string{"redirect_uri", "http://localhost:8098/oauth/callback"}},
		{"other case", "redirect_uri_mismatch", []string{"redirect_uri", "http://LOCALHOST:8099/oauth/callback"}},
		{"no response type", "invalid_request", []string{"response_type", ""}},
		{"token flow", "invalid_request", []string{"response_type", "token"}},
		{"no scope", "invalid_request", []string{"scope", " "}},
		{"unknown scope", "invalid_scope", []string{"scope", scopeAppend + "s"}},
		{"access type", "invalid_request", []string{"access_type", "always"}},
		{"granted scopes", "invalid_request", []string{"include_granted_scopes", "yes"}},
		{"prompt", "invalid_request", []string{"prompt", "Consent"}},
		{"none with another", "invalid_request", []string{"prompt", "none consent"}},
		{"challenge method", "invalid_request", []string{"code_challenge", challenge, "code_challenge_method", "s256"}},
		{"method without challenge", "invalid_request", []string{"code_challenge_method", "S256"}},
		{"short challenge", "invalid_request", []string{"code_challenge", "short", "code_challenge_method", "S256"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, method := range []string{"GET", "POST"} {
				r := m.call(method, m.authURL(tt.changes...), "")
				if r.status != 400 || r.header.Get("Location") != "" || !strings.Contains(r.body, "Error 400: "+tt.code) ||
					!strings.HasPrefix(r.header.Get("Content-Type"), "text/html") {
					t.Errorf("%s: %d %v %s, want a page with %s", method, r.status, r.header, r.body, tt.code)
				}
			}
		})
	}
}

func TestConsentFormErrors(t *testing.T) {
	m := strictSim(t)
	form := map[string]struct{ address, body, code string }{
		"twice":            {m.authURL() + "&scope=openid", "decision=allow", "invalid_request"},
		"no decision":      {m.authURL(), "", "invalid_request"},
		"unknown account":  {m.authURL(), "decision=allow&account=nobody", "invalid_request"},
		"unasked scope":    {m.authURL(), yes(scopeEdit).Encode(), "invalid_request"},
		"organization":     {m.authURL("client_id", "inside"), yes(scopeRead).Encode(), "org_internal"},
		"administrator":    {m.authURL("scope", scopeEdit), yes(scopeEdit).Encode(), "admin_policy_enforced"},
		"malformed form":   {m.authURL(), "decision=%zz", "invalid_request"},
		"malformed query":  {m.target.AuthURL + "?client_id=%zz", "", "invalid_request"},
		"too large a form": {m.authURL(), strings.Repeat("x", maxBody+1), "invalid_request"},
	}
	for name, tt := range form {
		t.Run(name, func(t *testing.T) {
			r := m.call("POST", tt.address, tt.body, "Content-Type", "application/x-www-form-urlencoded")
			if r.status != 400 || !strings.Contains(r.body, tt.code) {
				t.Errorf("%d %s, want a page with %s", r.status, r.body, tt.code)
			}
		})
	}
	r := m.call("GET", m.authURL(), "", "User-Agent", "Mozilla/5.0 (Linux; Android 16; Pixel; wv) AppleWebKit")
	if r.status != 400 || !strings.Contains(r.body, "disallowed_useragent") {
		t.Errorf("embedded browser: %d", r.status)
	}
	if r := m.call("DELETE", m.authURL(), ""); r.status != 405 {
		t.Errorf("DELETE: %d", r.status)
	}
}

func TestConsentPage(t *testing.T) {
	m := newSim(t, Config{Accounts: []Account{
		{ID: "1", Name: "<Ann>", Email: "ann@example.com"}, {ID: "2", Name: "Bob", Email: "bob@example.com"},
	}})
	r := m.call("GET", m.authURL("login_hint", "bob@example.com"), "")
	if r.status != 200 || !strings.HasPrefix(r.header.Get("Content-Type"), "text/html") || r.header.Get("Content-Security-Policy") == "" {
		t.Fatalf("page: %d %v", r.status, r.header)
	}
	for _, want := range []string{
		`name="viewport"`, "&lt;Ann&gt;", `value="1" required>`, `value="2" required checked>`, `name="decision" value="deny"`, `name="decision" value="allow"`,
		`type="checkbox" name="scope" value="` + scopeAppend + `" checked`, `type="checkbox" name="scope" value="` + scopeRead + `" checked`,
		"localhost:8099 wants to access", `method="post"`,
	} {
		if !strings.Contains(r.body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(r.body, `value="openid"`) || strings.Contains(r.body, `value="`+scopeEmail) {
		t.Error("signing in has a tick box")
	}
	if strings.Contains(r.body, "<script") {
		t.Error("the page has a script")
	}
}

func TestAllowDenyUntick(t *testing.T) {
	m := newSim(t, Config{})
	m.Revoke(DefaultAccountID)
	got := m.allow(m.authURL(), yes(scopeAppend, scopeRead))
	code := got.Get("code")
	if !strings.HasPrefix(code, "4/0A") || len(code) > 256 {
		t.Errorf("code %q", code)
	}
	got.Del("code")
	want := url.Values{
		"state": {"s t&ä"}, "authuser": {"0"}, "prompt": {"consent"}, "iss": {"https://accounts.google.com"},
		"scope": {newScopes(scopeAppend, scopeRead, scopeEmail, "openid").String()},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("allow (-want +got):\n%s", diff)
	}
	got = m.allow(m.authURL(), url.Values{"decision": {"deny"}})
	if diff := cmp.Diff(url.Values{"error": {"access_denied"}, "state": {"s t&ä"}}, got); diff != "" {
		t.Errorf("deny (-want +got):\n%s", diff)
	}
	got = m.allow(m.authURL(), yes(scopeRead))
	if s := parseScopes(got.Get("scope")); s.has(scopeAppend) || !s.has(scopeRead) || !s.has("openid") {
		t.Errorf("one box unticked: %v", s)
	}
	got = m.allow(m.authURL("scope", scopeAppend), yes())
	if got.Get("error") != "access_denied" {
		t.Errorf("all boxes unticked: %v", got)
	}
	got = m.allow(m.authURL("scope", authPrefix+"photoslibrary.sharing"), yes(authPrefix+"photoslibrary.sharing"))
	if got.Get("code") == "" {
		t.Errorf("removed scope: %v, and it can still be granted", got)
	}
}

func TestWhenThePersonIsAsked(t *testing.T) {
	two := []Account{{ID: "1", Email: "a@b.c"}, {ID: "2", Email: "d@e.f", Domain: "e.f"}}
	tests := []struct {
		name     string
		accounts []Account
		granted  bool // to the first account before
		changes  []string
		want     string // page, code, or an error
	}{
		{"first time", nil, false, nil, "page"},
		{"again", nil, true, nil, "code"},
		{"again with another scope", nil, true, []string{"scope", scopePicker}, "page"},
		{"again, forced", nil, true, []string{"prompt", "consent"}, "page"},
		{"again, choosing", nil, true, []string{"prompt", "select_account"}, "page"},
		{"again, both", nil, true, []string{"prompt", "select_account consent"}, "page"},
		{"again, silent", nil, true, []string{"prompt", "none"}, "code"},
		{"first time, silent", nil, false, []string{"prompt", "none"}, "interaction_required"},
		{"two accounts", two, true, nil, "page"},
		{"two accounts, silent", two, true, []string{"prompt", "none"}, "interaction_required"},
		{"two accounts, hinted", two, true, []string{"login_hint", "a@b.c"}, "code"},
		{"two accounts, hinted by id", two, true, []string{"login_hint", "1"}, "code"},
		{"two accounts, the other hinted", two, true, []string{"login_hint", "d@e.f"}, "page"},
		{"unknown hint", two, true, []string{"login_hint", "x@y.z"}, "page"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := newSim(t, Config{Accounts: tt.accounts})
			if !tt.granted {
				m.Revoke(m.cfg.Accounts[0].ID)
			}
			r := m.call("GET", m.authURL(tt.changes...), "")
			got := "page"
			if r.status == http.StatusSeeOther {
				q := m.back(r)
				if got = q.Get("error"); q.Has("code") {
					got = "code"
				}
				if q.Get("state") != "s t&ä" {
					t.Errorf("state %q", q.Get("state"))
				}
			}
			if got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

func TestWorkspaceAccountAndOwnQuery(t *testing.T) {
	m := newSim(t, Config{
		Accounts: []Account{{ID: "1", Email: "a@b.c"}, {ID: "2", Email: "d@e.f", Domain: "e.f"}},
		Clients:  []Client{{ID: DefaultClientID, Secret: DefaultClientSecret, Project: "1", RedirectURIs: []string{callback + "?own=1"}}},
	})
	got := m.allow(m.authURL("redirect_uri", callback+"?own=1"), url.Values{"decision": {"allow"}, "account": {"2"}, "scope": {scopeRead}})
	if got.Get("hd") != "e.f" || got.Get("authuser") != "1" || got.Get("own") != "1" || got.Get("code") == "" {
		t.Errorf("redirect %v", got)
	}
}

func TestIncludeGrantedScopes(t *testing.T) {
	m := newSim(t, Config{})
	m.Revoke(DefaultAccountID)
	m.allow(m.authURL("scope", scopeEdit), yes(scopeEdit))
	if s := parseScopes(m.allow(m.authURL("scope", scopeRead), yes(scopeRead)).Get("scope")); s.has(scopeEdit) {
		t.Errorf("without asking: %v", s)
	}
	got := m.allow(m.authURL("scope", scopeRead, "include_granted_scopes", "true", "prompt", "consent"), yes(scopeRead))
	if s := parseScopes(got.Get("scope")); !slices.Equal(s, newScopes(scopeEdit, scopeRead)) {
		t.Errorf("with the granted ones: %v", s)
	}
}

func TestRedirectURIsThatGoogleRegisters(t *testing.T) {
	good := []string{
		"http://localhost", "http://127.0.0.1:1/x", "http://[::1]:8080/", "https://photos.example.com/cb?x=1", "https://a.co.uk/",
	}
	bad := []string{
		"http://photos.example.com/cb", "https://192.168.1.10/cb", "http://192.168.1.10:8080/cb", "https://nas.local/cb", "https://nas/cb",
		"https://user@example.com/", "https://example.com/#x", "https://*.example.com/", "https://example.com/../x", "ftp://localhost/", "https://%zz/", "https:///x",
		"https://box.lan/",
	}
	for _, u := range good {
		if err := checkRedirectURI(u); err != nil {
			t.Errorf("%s: %v", u, err)
		}
	}
	for _, u := range bad {
		if checkRedirectURI(u) == nil {
			t.Errorf("%s is accepted", u)
		}
	}
	err := Config{Accounts: []Account{{}}, Clients: []Client{{RedirectURIs: bad}, {ID: "x"}}}.Check()
	if err == nil || strings.Count(err.Error(), "\n") != len(bad)+2 {
		t.Errorf("check: %v, want one line for each mistake", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("New accepts a wrong configuration")
		}
	}()
	New(Config{Clients: []Client{{ID: "x"}}})
}

func TestChallengeOfTheTests(t *testing.T) {
	c := authCode{challenge: challenge, method: "S256"}
	if _, err := base64.RawURLEncoding.DecodeString(challenge); err != nil || !c.verified(verifier) || c.verified(verifier+"x") {
		t.Error("S256 is computed wrongly")
	}
}
