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

func TestHandlerServesTwoPathsOnly(t *testing.T) {
	e := newEnv(t)
	code := strings.TrimPrefix(e.start(), testLinkURL+auth.LinkPath)
	tests := []struct {
		method, target string
		want           int
	}{
		{"GET", "/", 404},
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
		{"GET", "/link/" + code, 302},
		{"GET", "/link/" + code, 410},
	}
	for _, tt := range tests {
		r := httptest.NewRequest(tt.method, tt.target, http.NoBody)
		r.RemoteAddr = "127.0.0.1:1"
		r.Host = "evil.example"
		w := httptest.NewRecorder()
		Handler([]*auth.Link{e.link}, e.report).ServeHTTP(w, r)
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
		if tt.method == "HEAD" && w.Body.Len() > 0 {
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

func TestBrowserOnAnotherMachine(t *testing.T) {
	for redirect, away := range map[string]bool{testRedirect: true, "https://photos.example.org/oauth/callback": false} {
		e := newEnv(t)
		e.cfg.RedirectURL = redirect
		e.restart()
		w := e.getFrom("192.168.1.77:50000", e.start())
		if got := w.Code == http.StatusOK; got != away {
			t.Errorf("%s: status %d", redirect, w.Code)
		}
		google := e.sim.Endpoints("").AuthURL
		if away && (!strings.Contains(w.Body.String(), `href="`+google) || !strings.Contains(w.Body.String(), testRedirect)) {
			t.Errorf("the page does not say how to go on:\n%s", w.Body)
		}
	}
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
