package linkpage

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/auth"
)

func TestHandlerServesItsPathsOnly(t *testing.T) {
	e := newEnv(t)
	code := strings.TrimPrefix(e.start(), testLinkURL+auth.LinkPath)
	tests := []struct {
		method, target string
		want           int
	}{
		{"GET", "/", 200},
		{"GET", "/index.html", 404},
		{"GET", "/entry", 404},
		{"GET", "/entry/", 404},
		{"GET", "/entry/garden", 404},
		{"GET", "/entry/home", 200},
		{"HEAD", "/entry/home", 200},
		{"GET", "/entry/home/x", 404},
		{"POST", "/entry/home", 405},
		{"GET", "/link/finish", 410},
		{"POST", "/link/finish", 400},
		{"GET", "/link", 404},
		{"GET", "/link/", 404},
		{"GET", "/link/" + code + "/", 404},
		{"GET", "/link/a/b", 404},
		{"GET", "/oauth", 404},
		{"GET", "/oauth/callback/", 404},
		{"GET", "/favicon.ico", 404},
		{"GET", "/metrics", 404},
		{"POST", "/link/" + code, 405},
		{"PUT", "/oauth/callback", 405},
		{"OPTIONS", "/oauth/callback", 405},
		{"HEAD", "/link/" + code, 200},
		{"HEAD", "/oauth/callback?state=x&code=y", 200},
		{"GET", "/link/" + strings.ToLower(code), 410},
		{"GET", "/link/nope", 410},
		{"GET", "/oauth/callback", 400},
		{"GET", "/oauth/callback?state=x&code=y", 410},
		{"GET", "/oauth/callback?state=x&error=access_denied", 403},
		{"GET", "/oauth/callback?" + strings.Repeat("x", auth.MaxQuery+1), 400},
		{"GET", "/link/" + code, 200}, // the page in between
		{"GET", "/link/" + code, 410}, // with its form
	}
	for _, tt := range tests {
		r := httptest.NewRequest(tt.method, tt.target, http.NoBody)
		r.RemoteAddr = "127.0.0.1:1"
		r.Host = "evil.example"
		w := httptest.NewRecorder()
		Handler(e.links, e.report).ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("%s %.60s: status %d, want %d", tt.method, tt.target, w.Code, tt.want)
		}
		for name, want := range map[string]string{
			"Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s %.60s: %s is %q", tt.method, tt.target, name, got)
			}
		}
		if !strings.HasPrefix(w.Header().Get("Content-Security-Policy"), "default-src 'none'; style-src 'sha256-") {
			t.Errorf("%s %.60s: policy %q", tt.method, tt.target, w.Header().Get("Content-Security-Policy"))
		}
		if strings.Contains(w.Body.String()+w.Header().Get("Location"), "evil") {
			t.Errorf("%s %.60s: the Host header was believed", tt.method, tt.target)
		}
		if tt.method == "HEAD" && tt.target != "/entry/home" && w.Body.Len() > 0 { // net/http itself drops that page's
			t.Errorf("HEAD %.60s has a body", tt.target)
		}
	}
}

func TestLoadingAheadUsesNothingUp(t *testing.T) {
	e := newEnv(t)
	address := e.start()
	r := httptest.NewRequest(http.MethodGet, strings.TrimPrefix(address, testLinkURL), http.NoBody)
	r.Header.Set("Sec-Purpose", "prefetch;prerender")
	w := httptest.NewRecorder()
	e.routes.ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable || e.link.State().URL != address {
		t.Errorf("status %d, address %q", w.Code, e.link.State().URL)
	}
}

// The page in between is left out only where the browser surely comes back: Google leads to a public name, or all are on one machine.
func TestPageInBetween(t *testing.T) {
	const public, lan, here = "https://photos.example.org/oauth/callback", "http://192.168.1.10:8099", "http://localhost:8099"
	for _, tt := range []struct {
		redirect, pages, from string
		between               bool
	}{
		{testRedirect, lan, "192.168.1.77:50000", true},
		{testRedirect, lan, "127.0.0.1:50000", true}, // a reverse proxy on this machine
		{testRedirect, here, "127.0.0.1:50000", false},
		{testRedirect, here, "[::1]:50000", false},
		{testRedirect, here, "172.17.0.1:50000", true}, // of a container, the machine around it
		{public, lan, "192.168.1.77:50000", false},
		{public, "https://photos.example.org", "127.0.0.1:50000", false},
	} {
		e := newEnv(t)
		e.cfg.RedirectURL, e.cfg.LinkURL = tt.redirect, tt.pages
		e.restart()
		address := e.start()
		w := e.getFrom(tt.from, strings.TrimPrefix(address, tt.pages))
		if got := w.Code == http.StatusOK; got != tt.between {
			t.Errorf("%v: status %d", tt, w.Code)
		}
		if !tt.between {
			continue
		}
		google := e.sim.Endpoints("").AuthURL
		for _, want := range []string{`href="` + google, `target="_blank" rel="noopener noreferrer"`, testRedirect, `<form method="post" action="../link/finish">`} {
			wantText(t, w.Body.String(), want)
		}
		// A phone loads the page again when the person comes back to it.
		w = e.getFrom(tt.from, strings.TrimPrefix(address, tt.pages))
		wantText(t, w.Body.String(), `<form method="post"`)
	}
}

// The form does what Google would have done, once; it takes the address with whatever a telephone puts around it.
func TestForm(t *testing.T) {
	e := newEnv(t)
	wantText(t, e.paste("").Body.String(), "<form")
	wantText(t, e.paste("http://localhost:8099/oauth/callback?state=AbC&code=4%2F0Axyz").Body.String(), "older than ten minutes")
	wantText(t, e.paste(strings.Repeat("x", 1<<20)).Body.String(), "copy the whole of it")
	denied := strings.Replace(e.allow(e.consentPage(), sam), "code=", "error=access_denied&x=", 1)
	if w := e.paste(denied); w.Code != http.StatusForbidden || e.failure == nil {
		t.Errorf("status %d, reported %v", w.Code, e.failure)
	}
	back := e.allow(e.consentPage(), sam)
	if w := e.paste(" <" + back + ">\n"); w.Code != http.StatusOK || e.link.State().Account.Email != sam.Email {
		t.Errorf("status %d, %v\n%s", w.Code, e.link.State().Account, w.Body)
	}
	if w := e.paste(back); w.Code != http.StatusGone || strings.Contains(w.Body.String(), "<form") {
		t.Errorf("a second time: status %d\n%s", w.Code, w.Body)
	}
	wrong := e.allow(e.consentPage(), mara)
	if w := e.paste(wrong); w.Code != http.StatusConflict || e.link.State().Account.Email != sam.Email {
		t.Errorf("another account: status %d, %v", w.Code, e.link.State().Account)
	}
}

// Whoever knows the entry's address sees how it stands, and neither an account nor anything to begin or finish a link with.
func TestEntryPage(t *testing.T) {
	e := newEnv(t)
	page := func() string { t.Helper(); return e.getFrom("192.168.1.66:1", "/entry/home").Body.String() }
	check := func(form bool, words ...string) {
		t.Helper()
		text := page()
		for _, word := range words {
			wantText(t, text, word)
		}
		if strings.Contains(text, "<form") != form {
			t.Errorf("form: %v\n%s", !form, text)
		}
		for _, secret := range append(e.allSecrets(), sam.Email, sam.Name, sam.ID, mara.Email, "href=") {
			if secret != "" && strings.Contains(text, secret) {
				t.Errorf("%q is on the page", secret)
			}
		}
	}
	check(false, "Entry home is not linked", "press “Link account”")
	if got, want := e.link.Page(), testLinkURL+"/entry/home"; got != want {
		t.Errorf("the page is at %s, want %s", got, want)
	}
	code := e.start()[len(testLinkURL+auth.LinkPath):]
	check(true, "is not linked", "for 10 more minutes", "attribute url of “Link status”")
	if strings.Contains(page(), code) {
		t.Error("the one-time code is on the page")
	}
	e.linkTo(sam)
	check(false, "Entry home is linked", "Nothing has to be done")
	e.paste(e.allow(e.consentPage(), mara))
	check(false, "Entry home is linked", "Something went wrong last")
	e.sim.Revoke(sam.ID)
	_, _ = e.albums()
	check(false, "Entry home has to be linked again", "Uploads wait")
	e.start()
	check(true, "has to be linked again")
}

// A browser that goes away in the middle, or asks again at once, does not spoil the link.
func TestCallbackSurvivesTheBrowser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		back := e.allow(e.consentPage(), sam)
		r := httptest.NewRequest(http.MethodGet, back, http.NoBody).WithContext(cancelled(t))
		w := httptest.NewRecorder()
		e.routes.ServeHTTP(w, r)
		if w.Code != http.StatusOK || e.link.State().Status != auth.Linked {
			t.Errorf("status %d, %s", w.Code, e.link.State().Status)
		}
		w = e.get(back)
		if w.Code != http.StatusGone || !strings.Contains(w.Body.String(), "Entry home is linked to Sam Example") {
			t.Errorf("reload: status %d\n%s", w.Code, w.Body)
		}
	})
}

func TestRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		ask := func(from string) int { return e.getFrom(from, "/link/guess").Code }
		for range visitBurst {
			if got := ask("[2001:db8::1]:1"); got != http.StatusGone {
				t.Fatalf("status %d", got)
			}
		}
		if got := ask("[2001:db8::2]:2"); got != http.StatusTooManyRequests {
			t.Errorf("the same network: status %d", got)
		}
		if got := ask("192.168.1.10:1"); got != http.StatusGone {
			t.Errorf("another visitor: status %d", got)
		}
		time.Sleep(time.Second)
		if got := ask("[2001:db8::2]:2"); got != http.StatusGone {
			t.Errorf("a second later: status %d", got)
		}
	})
}
