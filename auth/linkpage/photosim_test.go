package linkpage

import (
	"errors"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/photos/photosim"
)

func TestWholeLifeAgainstPhotosim(t *testing.T) {
	e := newServedEnv(t)
	page, _ := e.consent(e.start(), sam.ID, "deny")
	wantText(t, page, "access was not allowed")

	address := e.start()
	page, callback := e.consent(address, sam.ID, "allow")
	wantText(t, page, "now uses the account of Sam Example (sam@example.com)")
	page, _ = e.visit(callback.String())
	wantText(t, page, "has been used")
	page, _ = e.visit(address)
	wantText(t, page, "has been used")
	if s := e.link.State(); s.Status != auth.Linked || len(s.Missing) > 0 || s.Account.ID != sam.ID {
		t.Fatalf("state %+v", s)
	}

	e.restart()
	if status, err := e.albums(); status != 200 {
		t.Fatalf("after a restart: %d, %v", status, err)
	}
	if err := e.sim.Expire(photosim.AccessTokens); err != nil {
		t.Fatal(err)
	}
	if status, err := e.albums(); status != 200 {
		t.Fatalf("after the access token's end: %d, %v", status, err)
	}

	page, _ = e.consent(e.start(), mara.ID, "allow")
	wantText(t, page, "this is another account")
	if status, err := e.albums(); status != 200 {
		t.Fatalf("after another account's try: %d, %v", status, err)
	}

	if !e.sim.Revoke(sam.ID) {
		t.Fatal("nothing to revoke")
	}
	if _, err := e.albums(); !errors.Is(err, auth.ErrRelink) {
		t.Fatalf("after the person removed the access: %v", err)
	}
	e.restart()
	if s := e.link.State(); s.Status != auth.Relink || s.Reason == "" {
		t.Fatalf("state %+v", s)
	}
	page, _ = e.consent(e.start(), sam.ID, "allow", auth.ScopeRead)
	wantText(t, page, "listing albums and photos")
	if status, _ := e.albums(); status != 403 || !slices.Equal(e.link.State().Missing, []string{auth.ScopeRead}) {
		t.Fatalf("status %d, state %+v", status, e.link.State())
	}

	if err := e.link.Unlink(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if e.sim.Revoke(sam.ID) {
		t.Error("the grant is still there after unlinking")
	}
	page, _ = e.consent(e.start(), mara.ID, "allow")
	wantText(t, page, "Mara Example")
}

// The browser runs on another machine: the last address does not load there and is pasted.
func TestPasteAgainstPhotosim(t *testing.T) {
	e := newServedEnv(t)
	e.browser.CheckRedirect = func(next *http.Request, _ []*http.Request) error {
		if next.URL.Path == "/oauth/callback" {
			return errors.New("does not load")
		}
		return nil
	}
	page, at := e.visit(e.start())
	target, _ := at.Parse(html.UnescapeString(formAction.FindStringSubmatch(page)[1]))
	form := url.Values{"account": {sam.ID}, "decision": {"allow"}, "scope": {auth.ScopeAppend}}
	resp, err := e.browser.PostForm(target.String(), form)
	if resp != nil {
		resp.Body.Close()
	}
	failed, ok := errors.AsType[*url.Error](err)
	if !ok {
		t.Fatalf("err = %v", err)
	}
	account, err := e.link.FinishAddress(t.Context(), failed.URL)
	if err != nil || account.ID != sam.ID {
		t.Fatalf("%+v, %v", account, err)
	}
}

func TestWrongSettingsAgainstPhotosim(t *testing.T) {
	e := newServedEnv(t)
	right := e.cfg
	e.cfg.ClientSecret = "wrong"
	e.restart()
	page, _ := e.consent(e.start(), sam.ID, "allow")
	wantText(t, page, "does not accept the client secret")

	e.cfg = right
	e.cfg.ClientID = "nobody"
	e.restart()
	page, _ = e.visit(e.start())
	wantText(t, page, "invalid_client")

	e.cfg = right
	e.cfg.RedirectURL = "http://localhost:1/oauth/callback"
	e.restart()
	page, _ = e.visit(e.start())
	wantText(t, page, "redirect_uri_mismatch")
	if e.link.State().Status != auth.Linking {
		t.Errorf("state %+v", e.link.State())
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
		e := &env{t: t, sim: sim, library: sim.Endpoints("").Library, cfg: auth.Config{
			Entry: "home", ClientID: "c", ClientSecret: "s", RedirectURL: callback, Base: sim.Transport(),
		}}
		e.restart()
		var last string
		e.browser = &http.Client{Transport: sim.Transport(), CheckRedirect: func(next *http.Request, _ []*http.Request) error {
			last = next.URL.String()
			return http.ErrUseLastResponse
		}}
		e.consent(e.start(), sam.ID, "allow")
		if _, err := e.link.FinishAddress(t.Context(), last); err != nil {
			t.Fatal(err)
		}
		linked := time.Now()
		for {
			status, err := e.albums()
			if err != nil {
				failed, ok := errors.AsType[*auth.Error](err)
				if age := time.Since(linked); !ok || !strings.Contains(failed.Message, "Testing") || age < 7*24*time.Hour {
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
