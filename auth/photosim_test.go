package auth_test

import (
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/photos/photosim"
)

var (
	sam  = photosim.Account{ID: "1001", Name: "Sam Example", Email: "sam@example.com"}
	mara = photosim.Account{ID: "2002", Name: "Mara Example", Email: "mara@example.com"}
	key  = auth.Key{1, 2, 3}
)

// house is a simulated Google, the linking endpoint and a browser, over loopback.
type house struct {
	t       *testing.T
	sim     *photosim.Server
	cfg     auth.Config
	vault   auth.MemoryVault
	link    *auth.Link
	library string
	browser *http.Client
	routes  http.Handler // of the endpoint
}

func build(t *testing.T) *house {
	t.Helper()
	h := &house{t: t}
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.routes.ServeHTTP(w, r) }))
	t.Cleanup(endpoint.Close)
	callback := endpoint.URL + "/oauth/callback"
	h.sim = photosim.New(photosim.Config{
		Accounts: []photosim.Account{sam, mara}, Dir: t.TempDir(),
		Clients: []photosim.Client{{ID: "client-1", Secret: "secret-1", Project: "1", RedirectURIs: []string{callback}}},
	})
	t.Cleanup(func() { h.sim.Close() })
	google := httptest.NewServer(h.sim.Handler())
	t.Cleanup(google.Close)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	at := h.sim.Endpoints(google.URL)
	h.library = at.Library
	h.browser = &http.Client{Transport: transport}
	h.cfg = auth.Config{
		Entry: "home", ClientID: "client-1", ClientSecret: "secret-1",
		AuthURL: at.AuthURL, TokenURL: at.TokenURL, RevokeURL: at.RevokeURL, UserInfoURL: at.UserInfoURL,
		RedirectURL: callback, LinkURL: endpoint.URL, Base: transport,
	}
	h.restart()
	return h
}

// restart opens the link anew on the same vault.
func (h *house) restart() {
	h.t.Helper()
	l, err := auth.Open(h.t.Context(), h.cfg, key, &h.vault)
	if err != nil {
		h.t.Fatal(err)
	}
	h.link, h.routes = l, auth.Handler([]*auth.Link{l})
}

// visit opens an address and gives the page on which the browser ends.
func (h *house) visit(address string) (page string, at *url.URL) {
	h.t.Helper()
	resp, err := h.browser.Get(address)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.read(resp)
}

func (h *house) read(resp *http.Response) (page string, at *url.URL) {
	h.t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return string(body), resp.Request.URL
}

var (
	formAction = regexp.MustCompile(`<form method="post" action="([^"]*)"`)
	scopeBox   = regexp.MustCompile(`<input type="checkbox" name="scope" value="([^"]*)"`)
)

// consent opens a one-time address, chooses the account, unticks boxes and presses allow or deny.
func (h *house) consent(address, account, decision string, untick ...string) (page string, at *url.URL) {
	h.t.Helper()
	page, at = h.visit(address)
	action := formAction.FindStringSubmatch(page)
	if action == nil {
		h.t.Fatalf("no form at %s:\n%s", at, page)
	}
	target, err := at.Parse(html.UnescapeString(action[1]))
	if err != nil {
		h.t.Fatal(err)
	}
	form := url.Values{"account": {account}, "decision": {decision}}
	for _, box := range scopeBox.FindAllStringSubmatch(page, -1) {
		if scope := html.UnescapeString(box[1]); !slices.Contains(untick, scope) {
			form.Add("scope", scope)
		}
	}
	resp, err := h.browser.PostForm(target.String(), form)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.read(resp)
}

// albums makes one API request as the entry's account.
func (h *house) albums() (status int, err error) {
	resp, err := h.link.Client().Get(h.library + "/v1/albums")
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

func (h *house) start() string {
	return h.link.Start().URL
}

func wantText(t *testing.T, page, want string) {
	t.Helper()
	if !strings.Contains(page, want) {
		t.Fatalf("the page does not say %q:\n%s", want, page)
	}
}

func TestWholeLifeAgainstPhotosim(t *testing.T) {
	h := build(t)
	page, _ := h.consent(h.start(), sam.ID, "deny")
	wantText(t, page, "access was not allowed")

	address := h.start()
	page, callback := h.consent(address, sam.ID, "allow")
	wantText(t, page, "now uses the account of Sam Example (sam@example.com)")
	page, _ = h.visit(callback.String())
	wantText(t, page, "has been used")
	page, _ = h.visit(address)
	wantText(t, page, "has been used")
	if s := h.link.State(); s.Status != auth.Linked || len(s.Missing) > 0 || s.Account.ID != sam.ID {
		t.Fatalf("state %+v", s)
	}

	h.restart()
	if status, err := h.albums(); status != 200 {
		t.Fatalf("after a restart: %d, %v", status, err)
	}
	if err := h.sim.Expire(photosim.AccessTokens); err != nil {
		t.Fatal(err)
	}
	if status, err := h.albums(); status != 200 {
		t.Fatalf("after the access token's end: %d, %v", status, err)
	}

	page, _ = h.consent(h.start(), mara.ID, "allow")
	wantText(t, page, "this is another account")
	if status, err := h.albums(); status != 200 {
		t.Fatalf("after another account's try: %d, %v", status, err)
	}

	if !h.sim.Revoke(sam.ID) {
		t.Fatal("nothing to revoke")
	}
	if _, err := h.albums(); !errors.Is(err, auth.ErrRelink) {
		t.Fatalf("after the person removed the access: %v", err)
	}
	h.restart()
	if s := h.link.State(); s.Status != auth.Relink || s.Reason == "" {
		t.Fatalf("state %+v", s)
	}
	page, _ = h.consent(h.start(), sam.ID, "allow", auth.ScopeRead)
	wantText(t, page, "listing albums and photos")
	if status, _ := h.albums(); status != 403 || !slices.Equal(h.link.State().Missing, []string{auth.ScopeRead}) {
		t.Fatalf("status %d, state %+v", status, h.link.State())
	}

	if err := h.link.Unlink(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if h.sim.Revoke(sam.ID) {
		t.Error("the grant is still there after unlinking")
	}
	page, _ = h.consent(h.start(), mara.ID, "allow")
	wantText(t, page, "Mara Example")
}

// The browser runs on another machine: the last address does not load there and is pasted.
func TestPasteAgainstPhotosim(t *testing.T) {
	h := build(t)
	h.browser.CheckRedirect = func(next *http.Request, _ []*http.Request) error {
		if next.URL.Path == "/oauth/callback" {
			return errors.New("does not load")
		}
		return nil
	}
	page, at := h.visit(h.start())
	target, _ := at.Parse(html.UnescapeString(formAction.FindStringSubmatch(page)[1]))
	form := url.Values{"account": {sam.ID}, "decision": {"allow"}, "scope": {auth.ScopeAppend}}
	resp, err := h.browser.PostForm(target.String(), form)
	if resp != nil {
		resp.Body.Close()
	}
	failed, ok := errors.AsType[*url.Error](err)
	if !ok {
		t.Fatalf("err = %v", err)
	}
	account, err := h.link.FinishAddress(t.Context(), failed.URL)
	if err != nil || account.ID != sam.ID {
		t.Fatalf("%+v, %v", account, err)
	}
}

func TestWrongSettingsAgainstPhotosim(t *testing.T) {
	h := build(t)
	right := h.cfg
	h.cfg.ClientSecret = "wrong"
	h.restart()
	page, _ := h.consent(h.start(), sam.ID, "allow")
	wantText(t, page, "does not accept the client secret")

	h.cfg = right
	h.cfg.ClientID = "nobody"
	h.restart()
	page, _ = h.visit(h.start())
	wantText(t, page, "invalid_client")

	h.cfg = right
	h.cfg.RedirectURL = "http://localhost:1/oauth/callback"
	h.restart()
	page, _ = h.visit(h.start())
	wantText(t, page, "redirect_uri_mismatch")
	if h.link.State().Status != auth.Linking {
		t.Errorf("state %+v", h.link.State())
	}
}

// A consent screen in Testing, all in process and with a clock that jumps.
func TestSevenDaysAgainstPhotosim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const callback = "http://localhost:8099/oauth/callback"
		sim := photosim.New(photosim.Config{
			Accounts: []photosim.Account{sam}, Dir: t.TempDir(),
			Clients: []photosim.Client{{ID: "c", Secret: "s", Project: "1", RedirectURIs: []string{callback}, Testing: true}},
		})
		defer sim.Close()
		h := &house{t: t, sim: sim, library: sim.Endpoints("").Library, cfg: auth.Config{
			Entry: "home", ClientID: "c", ClientSecret: "s", RedirectURL: callback, Base: sim.Transport(),
		}}
		h.restart()
		var last string
		h.browser = &http.Client{Transport: sim.Transport(), CheckRedirect: func(next *http.Request, _ []*http.Request) error {
			last = next.URL.String()
			return http.ErrUseLastResponse
		}}
		h.consent(h.start(), sam.ID, "allow")
		if _, err := h.link.FinishAddress(t.Context(), last); err != nil {
			t.Fatal(err)
		}
		linked := time.Now()
		for {
			status, err := h.albums()
			if err != nil {
				e, ok := errors.AsType[*auth.Error](err)
				if age := time.Since(linked); !ok || !strings.Contains(e.Message, "Testing") || age < 7*24*time.Hour {
					t.Errorf("after %v: %v", age, err)
				}
				return
			}
			if status != 200 {
				t.Fatalf("status %d", status)
			}
			time.Sleep(50 * time.Minute)
		}
	})
}
