package linkpage

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/auth/authtest"
	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/photos/photosim"
)

const (
	testRedirect = "http://localhost:8099/oauth/callback"
	testLinkURL  = "http://192.168.1.10:8099"
)

var (
	sam  = photosim.Account{ID: "1001", Name: "Sam Example", Email: "sam@example.com"}
	mara = photosim.Account{ID: "2002", Name: "Mara Example", Email: "mara@example.com"}
	key  = secret.Key{1, 2, 3}
)

// env is a simulated Google, an entry, the linking endpoint and a browser.
type env struct {
	t       *testing.T
	sim     *photosim.Server
	cfg     auth.Config
	vault   authtest.Vault
	link    *auth.Link
	library string
	browser *http.Client
	routes  http.Handler // of the endpoint
	report  func(entry string, err error)
	failure error // the last one that was reported, without report

	mu      sync.Mutex                       // guards the following
	answers map[string]func() *http.Response // in place of Google's, by kind of request: "token", "v1/userinfo"
	secrets []string                         // all that Google was given or has given
}

// newEnv has no sockets, so that it lives in a synctest bubble.
func newEnv(t *testing.T, accounts ...photosim.Account) *env {
	t.Helper()
	sim := photosim.New(photosim.Config{
		Accounts: append(accounts, sam, mara), Dir: t.TempDir(),
		Clients: []photosim.Client{{ID: "client-1", Secret: "client-secret-value", Project: "1", RedirectURIs: []string{
			testRedirect, "https://photos.example.org/oauth/callback",
		}}},
	})
	t.Cleanup(func() { sim.Close() })
	e := &env{t: t, sim: sim, library: sim.Endpoints("").Library, answers: map[string]func() *http.Response{}}
	e.report = func(_ string, err error) { e.failure = err }
	e.cfg = auth.Config{
		Entry: "home", ClientID: "client-1", ClientSecret: "client-secret-value",
		RedirectURL: testRedirect, LinkURL: testLinkURL + "/", Base: e,
	}
	e.restart()
	return e
}

// newServedEnv has all over loopback.
func newServedEnv(t *testing.T) *env {
	t.Helper()
	e := &env{t: t}
	e.report = func(_ string, err error) { e.failure = err }
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { e.routes.ServeHTTP(w, r) }))
	t.Cleanup(endpoint.Close)
	callback := endpoint.URL + "/oauth/callback"
	e.sim = photosim.New(photosim.Config{
		Accounts: []photosim.Account{sam, mara}, Dir: t.TempDir(),
		Clients: []photosim.Client{{ID: "client-1", Secret: "secret-1", Project: "1", RedirectURIs: []string{callback}}},
	})
	t.Cleanup(func() { e.sim.Close() })
	google := httptest.NewServer(e.sim.Handler())
	t.Cleanup(google.Close)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	at := e.sim.Endpoints(google.URL)
	e.library = at.Library
	e.browser = &http.Client{Transport: transport}
	e.cfg = auth.Config{
		Entry: "home", ClientID: "client-1", ClientSecret: "secret-1",
		AuthURL: at.AuthURL, TokenURL: at.TokenURL, RevokeURL: at.RevokeURL, UserInfoURL: at.UserInfoURL,
		RedirectURL: callback, LinkURL: endpoint.URL, Base: transport,
	}
	e.restart()
	return e
}

// restart opens the link anew on the same vault.
func (e *env) restart() {
	e.t.Helper()
	l, err := auth.Open(e.t.Context(), e.cfg, key, &e.vault)
	if err != nil {
		e.t.Fatal(err)
	}
	e.link, e.routes = l, Handler(e.links, e.report)
}

func (e *env) links() []*auth.Link { return []*auth.Link{e.link} }

// RoundTrip carries a request to the simulated Google, unless answers has one, and remembers the secrets in it.
func (e *env) RoundTrip(req *http.Request) (*http.Response, error) {
	body := []byte{}
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
		req.Body.Close()
		req.Body = io.NopCloser(bytes.NewReader(body))
	}
	form, _ := url.ParseQuery(string(body))
	kind := strings.TrimLeft(req.URL.Path, "/")
	e.mu.Lock()
	for _, name := range []string{"code", "client_secret", "code_verifier", "refresh_token", "token"} {
		e.secrets = append(e.secrets, form[name]...)
	}
	answer := e.answers[kind]
	e.mu.Unlock()
	if answer != nil {
		if resp := answer(); resp != nil {
			resp.Request = req
			return resp, nil
		}
	}
	resp, err := e.sim.Transport().RoundTrip(req)
	if err != nil || kind != "token" {
		return resp, err
	}
	body, err = io.ReadAll(resp.Body)
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	var tokens struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	if json.Unmarshal(body, &tokens) == nil && tokens.Access != "" {
		e.mu.Lock()
		e.secrets = append(e.secrets, tokens.Access, tokens.Refresh)
		e.mu.Unlock()
	}
	return resp, err
}

// answer lets Google answer requests of one kind so.
func (e *env) answer(kind string, status int, body string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answers[kind] = func() *http.Response {
		w := httptest.NewRecorder()
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(status)
		fmt.Fprint(w, body)
		return w.Result()
	}
}

func (e *env) allSecrets() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.secrets)
}

// get opens an address of the endpoint from the machine itself.
func (e *env) get(target string) *httptest.ResponseRecorder {
	return e.getFrom("127.0.0.1:50000", target)
}

func (e *env) getFrom(peer, target string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, strings.TrimPrefix(target, testLinkURL), http.NoBody)
	r.RemoteAddr = peer
	w := httptest.NewRecorder()
	e.routes.ServeHTTP(w, r)
	return w
}

// paste sends what is typed into the form, from another machine.
func (e *env) paste(address string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/link/finish", strings.NewReader(url.Values{"address": {address}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.RemoteAddr = "192.168.1.77:50000"
	w := httptest.NewRecorder()
	http.MaxBytesHandler(e.routes, maxBody).ServeHTTP(w, r)
	return w
}

// consentPage starts linking, opens the one-time address and gives Google's.
func (e *env) consentPage() string {
	e.t.Helper()
	address := e.link.Start().URL
	w := e.get(address)
	if w.Code != http.StatusOK {
		e.t.Fatalf("%s: status %d, want 200", address, w.Code)
	}
	_, rest, _ := strings.Cut(w.Body.String(), `class="go" href="`)
	google, _, _ := strings.Cut(rest, `"`)
	return html.UnescapeString(google)
}

// allow does what a person does on Google's page, and gives the address on which the browser ends.
func (e *env) allow(page string, a photosim.Account) string {
	e.t.Helper()
	u, err := url.Parse(page)
	if err != nil {
		e.t.Fatal(err)
	}
	form := url.Values{"decision": {"allow"}, "account": {a.ID}, "scope": strings.Fields(u.Query().Get("scope"))}
	req, err := http.NewRequestWithContext(e.t.Context(), http.MethodPost, page, strings.NewReader(form.Encode()))
	if err != nil {
		e.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := e.sim.Transport().RoundTrip(req)
	if err != nil {
		e.t.Fatal(err)
	}
	resp.Body.Close()
	back := resp.Header.Get("Location")
	if !strings.HasPrefix(back, e.cfg.RedirectURL+"?") {
		e.t.Fatalf("the browser ends on %q", back)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.secrets = append(e.secrets, u.Query().Get("state"))
	return back
}

// linkTo links the entry to the account.
func (e *env) linkTo(a photosim.Account) {
	e.t.Helper()
	if _, err := e.link.FinishAddress(e.t.Context(), e.allow(e.consentPage(), a)); err != nil {
		e.t.Fatal(err)
	}
}

// visit opens an address and gives the page on which the browser ends.
func (e *env) visit(address string) (page string, at *url.URL) {
	e.t.Helper()
	resp, err := e.browser.Get(address)
	if err != nil {
		e.t.Fatal(err)
	}
	return e.read(resp)
}

func (e *env) read(resp *http.Response) (page string, at *url.URL) {
	e.t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	return string(body), resp.Request.URL
}

var (
	formAction = regexp.MustCompile(`<form method="post" action="([^"]*)"`)
	scopeBox   = regexp.MustCompile(`<input type="checkbox" name="scope" value="([^"]*)"`)
)

// consent opens a one-time address, chooses the account, unticks boxes and presses allow or deny.
func (e *env) consent(address, account, decision string, untick ...string) (page string, at *url.URL) {
	e.t.Helper()
	page, at = e.visit(address)
	action := formAction.FindStringSubmatch(page)
	if action == nil {
		e.t.Fatalf("no form at %s:\n%s", at, page)
	}
	target, err := at.Parse(html.UnescapeString(action[1]))
	if err != nil {
		e.t.Fatal(err)
	}
	form := url.Values{"account": {account}, "decision": {decision}}
	for _, box := range scopeBox.FindAllStringSubmatch(page, -1) {
		if scope := html.UnescapeString(box[1]); !slices.Contains(untick, scope) {
			form.Add("scope", scope)
		}
	}
	resp, err := e.browser.PostForm(target.String(), form)
	if err != nil {
		e.t.Fatal(err)
	}
	return e.read(resp)
}

// albums makes one API request as the entry's account.
func (e *env) albums() (status int, err error) {
	resp, err := e.link.Client().Get(e.library + "/v1/albums")
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

func (e *env) start() string { return e.link.Start().URL }

func wantText(t *testing.T, page, want string) {
	t.Helper()
	if !strings.Contains(page, want) {
		t.Fatalf("the page does not say %q:\n%s", want, page)
	}
}
