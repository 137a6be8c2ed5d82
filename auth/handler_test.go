package auth

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestHandlerServesTwoPathsOnly(t *testing.T) {
	g := newGoogle()
	l := open(t, g.config("home"), new(MemoryVault))
	l.Start()
	code := string(l.attempts[0].code)
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
		{"GET", "/oauth/callback?" + strings.Repeat("x", maxQuery+1), 400},
		{"GET", "/link/" + code, 302},
		{"GET", "/link/" + code, 410},
	}
	for _, tt := range tests {
		r := httptest.NewRequest(tt.method, tt.target, http.NoBody)
		r.RemoteAddr = "127.0.0.1:1"
		r.Host = "evil.example"
		w := httptest.NewRecorder()
		Handler([]*Link{l}).ServeHTTP(w, r)
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
	g := newGoogle()
	l := open(t, g.config("home"), new(MemoryVault))
	address := l.Start().URL
	r := httptest.NewRequest(http.MethodGet, strings.TrimPrefix(address, "http://192.168.1.10:8099"), http.NoBody)
	r.Header.Set("Sec-Purpose", "prefetch;prerender")
	w := httptest.NewRecorder()
	Handler([]*Link{l}).ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable || l.State().URL != address {
		t.Errorf("status %d, address %q", w.Code, l.State().URL)
	}
}

func TestBrowserOnAnotherMachine(t *testing.T) {
	g := newGoogle()
	for redirect, away := range map[string]bool{testRedirect: true, "https://photos.example.org/oauth/callback": false} {
		cfg := g.config("home")
		cfg.RedirectURL = redirect
		l := open(t, cfg, new(MemoryVault))
		address := l.Start().URL
		r := httptest.NewRequest(http.MethodGet, strings.TrimPrefix(address, "http://192.168.1.10:8099"), http.NoBody)
		r.RemoteAddr = "192.168.1.77:50000"
		w := httptest.NewRecorder()
		Handler([]*Link{l}).ServeHTTP(w, r)
		if got := w.Code == http.StatusOK; got != away {
			t.Errorf("%s: status %d", redirect, w.Code)
		}
		if away && (!strings.Contains(w.Body.String(), `href="`+googleAuthURL) || !strings.Contains(w.Body.String(), testRedirect)) {
			t.Errorf("the page does not say how to go on:\n%s", w.Body)
		}
	}
}

// A browser that goes away in the middle, or asks again at once, does not spoil the link.
func TestCallbackSurvivesTheBrowser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGoogle()
		l := open(t, g.config("home"), new(MemoryVault))
		back := g.consent(t, consentPage(t, l), sam)
		h := Handler([]*Link{l})
		r := httptest.NewRequest(http.MethodGet, back, http.NoBody).WithContext(cancelled(t))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusOK || l.State().Status != Linked {
			t.Errorf("status %d, %s", w.Code, l.State().Status)
		}
		w = visit(h, back)
		if w.Code != http.StatusGone || !strings.Contains(w.Body.String(), "Entry home is linked to Sam Example") {
			t.Errorf("reload: status %d\n%s", w.Code, w.Body)
		}
	})
}

func TestRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGoogle()
		h := Handler([]*Link{open(t, g.config("home"), new(MemoryVault))})
		ask := func(from string) int {
			r := httptest.NewRequest(http.MethodGet, "/link/guess", http.NoBody)
			r.RemoteAddr = from
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w.Code
		}
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
