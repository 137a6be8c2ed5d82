package auth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"
)

const (
	testClientID = "client-1.apps.googleusercontent.com"
	testRedirect = "http://localhost:8099/oauth/callback"
	apiURL       = "https://photos.test/v1/albums"
)

var (
	sam  = Account{ID: "1001", Name: "Sam Example", Email: "sam@example.com"}
	mara = Account{ID: "2002", Name: "Mara Example", Email: "mara@example.com"}
)

// google is a small Google in the process: no sockets, so that it lives in a synctest bubble. It records every
// secret it has given or was given.
type google struct {
	mu       sync.Mutex
	clientID string
	codes    map[string]grant
	refresh  map[string]grant
	access   map[string]time.Time // to its end
	secrets  []string
	requests []string // "token authorization_code", "token refresh_token", "userinfo", "revoke", "api"
	revoked  []string

	life   time.Duration
	rotate bool          // a refresh brings a new refresh token
	extra  string        // raw JSON members of the exchange's answer
	hold   chan struct{} // when set, a refresh waits for it
	// fail may answer a request of the given kind in place of Google.
	fail func(kind string) *reply
}

type grant struct {
	account   Account
	scope     string
	challenge string
	redirect  string
}

func newGoogle() *google {
	return &google{
		clientID: testClientID, life: 3599 * time.Second, codes: map[string]grant{},
		refresh: map[string]grant{}, access: map[string]time.Time{}, secrets: []string{"client-secret-value"},
	}
}

func (g *google) config(entry string) Config {
	return Config{
		Entry: entry, ClientID: testClientID, ClientSecret: "client-secret-value",
		RedirectURL: testRedirect, LinkURL: "http://192.168.1.10:8099/", Base: g,
	}
}

func (g *google) secret(kind string) string {
	s := fmt.Sprintf("%s-%04d-%x", kind, len(g.secrets), sha256.Sum256(fmt.Append(nil, kind, len(g.secrets))))
	g.secrets = append(g.secrets, s)
	return s
}

// consent does what the person and Google's page do: the address on which the browser ends.
func (g *google) consent(t *testing.T, page string, a Account, scopes ...string) string {
	t.Helper()
	u, err := url.Parse(page)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	want := url.Values{
		"client_id": {g.clientID}, "response_type": {"code"}, "access_type": {"offline"}, "prompt": {"consent"},
		"code_challenge_method": {"S256"}, "redirect_uri": {testRedirect}, "scope": {strings.Join(Scopes, " ")},
	}
	for name := range want {
		if q.Get(name) != want.Get(name) {
			t.Fatalf("consent page: %s is %q, want %q", name, q.Get(name), want.Get(name))
		}
	}
	if len(scopes) == 0 {
		scopes = Scopes
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	code := g.secret("4/0Acode")
	g.secrets = append(g.secrets, q.Get("state"))
	g.codes[code] = grant{a, longForm(scopes), q.Get("code_challenge"), q.Get("redirect_uri")}
	back := url.Values{
		"state": {q.Get("state")}, "code": {code}, "scope": {longForm(scopes)}, "authuser": {"0"},
		"iss": {"https://accounts.google.com"},
	}
	return q.Get("redirect_uri") + "?" + back.Encode()
}

func longForm(scopes []string) string {
	return strings.NewReplacer(" email", " https://www.googleapis.com/auth/userinfo.email",
		" profile", " https://www.googleapis.com/auth/userinfo.profile").Replace(strings.Join(scopes, " "))
}

func (g *google) RoundTrip(req *http.Request) (*http.Response, error) {
	body := []byte{}
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
		req.Body.Close()
	}
	form, _ := url.ParseQuery(string(body))
	kind := "api"
	switch req.URL.String() {
	case googleTokenURL:
		kind = "token " + form.Get("grant_type")
	case googleRevokeURL:
		kind = "revoke"
	case googleUserInfoURL:
		kind = "userinfo"
	}
	g.mu.Lock()
	g.requests = append(g.requests, kind)
	hold, fail := g.hold, g.fail
	g.mu.Unlock()
	if hold != nil && kind == "token refresh_token" {
		select {
		case <-hold:
		case <-req.Context().Done():
		}
	}
	if err := req.Context().Err(); err != nil {
		return nil, context.Cause(req.Context())
	}
	if fail != nil {
		if r := fail(kind); r != nil {
			return r.response(req), nil
		}
	}
	return g.answer(kind, req, form, body).response(req), nil
}

func (g *google) answer(kind string, req *http.Request, form url.Values, body []byte) *reply {
	g.mu.Lock()
	defer g.mu.Unlock()
	bearer := strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer ")
	end, live := g.access[bearer]
	live = live && time.Now().Before(end)
	switch {
	case strings.HasPrefix(kind, "token ") && form.Get("client_secret") != "client-secret-value":
		return oauthError(401, "invalid_client", "Unauthorized")
	case kind == "token authorization_code":
		return g.exchange(form)
	case kind == "token refresh_token":
		old, ok := g.refresh[form.Get("refresh_token")]
		if !ok {
			return oauthError(400, "invalid_grant", "Token has been expired or revoked.")
		}
		if !g.rotate {
			return g.tokens(old, "")
		}
		delete(g.refresh, form.Get("refresh_token"))
		next := g.secret("1//refresh")
		g.refresh[next] = old
		return g.tokens(old, `"refresh_token":"`+next+`",`)
	case kind == "revoke":
		g.revoked = append(g.revoked, form.Get("token"))
		if _, ok := g.refresh[form.Get("token")]; !ok {
			return oauthError(400, "invalid_token", "")
		}
		delete(g.refresh, form.Get("token"))
		return jsonAnswer(200, "{}")
	case !live:
		return jsonAnswer(401, `{"error":{"code":401,"status":"UNAUTHENTICATED"}}`)
	case kind == "userinfo":
		return jsonAnswer(200, g.userInfo(bearer))
	default:
		return jsonAnswer(200, string(body))
	}
}

func (g *google) exchange(form url.Values) *reply {
	code, ok := g.codes[form.Get("code")]
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	g.secrets = append(g.secrets, form.Get("code_verifier"))
	switch {
	case !ok, code.challenge != base64.RawURLEncoding.EncodeToString(sum[:]):
		return oauthError(400, "invalid_grant", "Bad Request")
	case code.redirect != form.Get("redirect_uri"):
		return oauthError(400, "redirect_uri_mismatch", "Bad Request")
	}
	delete(g.codes, form.Get("code"))
	refresh := g.secret("1//refresh")
	g.refresh[refresh] = code
	return g.tokens(code, g.extra+`"refresh_token":"`+refresh+`",`)
}

func (g *google) tokens(of grant, members string) *reply {
	access := g.secret("ya29.access-" + of.account.ID)
	g.access[access] = time.Now().Add(g.life)
	return jsonAnswer(200, fmt.Sprintf(`{"access_token":%q,"expires_in":%d,%s"scope":%q,"token_type":"Bearer"}`,
		access, int(g.life/time.Second), members, of.scope))
}

func (g *google) userInfo(bearer string) string {
	for _, a := range []Account{sam, mara} {
		if strings.HasPrefix(bearer, "ya29.access-"+a.ID) {
			return fmt.Sprintf(`{"sub":%q,"name":%q,"email":%q,"email_verified":true}`, a.ID, a.Name, a.Email)
		}
	}
	return "{}"
}

func (g *google) count(kind string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for _, r := range g.requests {
		if r == kind {
			n++
		}
	}
	return n
}

// set changes the fake's settings while requests may be under way.
func (g *google) set(change func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	change()
}

// killAccess makes Google forget all access tokens, as after a security event.
func (g *google) killAccess() { g.set(func() { clear(g.access) }) }

func (g *google) allSecrets() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.secrets)
}

// reply is one answer of Google.
type reply struct {
	status   int
	body     string
	location string
	cut      bool // the connection breaks in the middle of the body
}

func (r *reply) response(req *http.Request) *http.Response {
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if r.location != "" {
		w.Header().Set("Location", r.location)
	}
	w.WriteHeader(r.status)
	_, _ = w.WriteString(r.body)
	resp := w.Result()
	resp.Request = req
	if r.cut {
		resp.Body = io.NopCloser(iotest.ErrReader(io.ErrUnexpectedEOF))
	}
	return resp
}

func jsonAnswer(status int, body string) *reply { return &reply{status: status, body: body} }

func oauthError(status int, code, description string) *reply {
	if description == "" {
		return jsonAnswer(status, fmt.Sprintf(`{"error":%q}`, code))
	}
	return jsonAnswer(status, fmt.Sprintf(`{"error":%q,"error_description":%q}`, code, description))
}

// only answers requests of one kind.
func only(kind string, r *reply) func(string) *reply {
	return func(k string) *reply {
		if k == kind {
			return r
		}
		return nil
	}
}
