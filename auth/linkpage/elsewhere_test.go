package linkpage

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gphotos2mqtt/auth"
)

// newSharedEnv is a process without links, which a browser reaches, beside the one that has them. away: that one does not answer.
func newSharedEnv(t *testing.T, away *bool) *env {
	t.Helper()
	e := newEnv(t)
	nobody := func(context.Context, []byte, func([]byte) bool) bool { return true }
	_, answer := Shared(func() []*auth.Link { return []*auth.Link{e.link} }, e.report, nobody)
	e.routes, _ = Shared(func() []*auth.Link { return nil }, e.report, func(ctx context.Context, visit []byte, found func([]byte) bool) bool {
		if *away {
			return false
		}
		return !found(answer(ctx, visit))
	})
	return e
}

// Whichever process the browser reaches: the whole way of linking, with the form in place of the callback and without.
func TestShared(t *testing.T) {
	away := false
	e := newSharedEnv(t, &away)
	if w := e.get("/entry/home"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Entry home is not linked") {
		t.Errorf("status %d\n%s", w.Code, w.Body)
	}
	back := e.allow(e.consentPage(), sam)
	w := e.get(strings.TrimPrefix(back, "http://localhost:8099"))
	wantText(t, w.Body.String(), "Linked to Google Photos")
	for name, want := range map[string]string{"Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "Content-Type": "text/html; charset=utf-8"} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
	if got := e.link.State().Account.Email; got != sam.Email {
		t.Errorf("linked to %q", got)
	}
	wantText(t, e.paste(e.allow(e.consentPage(), mara)).Body.String(), "this is another account")
	if e.failure == nil {
		t.Error("the failure is not reported where it is")
	}
	for target, want := range map[string]int{"/entry/garden": 404, "/link/nope": 410, "/oauth/callback?state=x&code=y": 410, "/": 200} {
		if got := e.getFrom("192.168.1.9:1", target).Code; got != want {
			t.Errorf("%s: status %d, want %d", target, got, want)
		}
	}
}

// A link that leads straight to Google does so from any process.
func TestSharedForwards(t *testing.T) {
	away := false
	e := newSharedEnv(t, &away)
	e.cfg.RedirectURL = "https://photos.example.org/oauth/callback"
	routes := e.routes
	e.restart()
	e.routes = routes
	w := e.get(e.start())
	if w.Code != http.StatusFound || !strings.HasPrefix(w.Header().Get("Location"), e.sim.Endpoints("").AuthURL) {
		t.Errorf("status %d to %q", w.Code, w.Header().Get("Location"))
	}
}

// While the process with the link does not answer, a page says what to do, and nothing is used up; what is wrong is said all the same.
func TestSharedAway(t *testing.T) {
	away := false
	e := newSharedEnv(t, &away)
	back := e.allow(e.consentPage(), sam)
	away = true
	for target, want := range map[string]int{"/entry/home": 503, strings.TrimPrefix(back, "http://localhost:8099"): 503, "/oauth/callback": 400} {
		if w := e.get(target); w.Code != want {
			t.Errorf("%.30s: status %d, want %d", target, w.Code, want)
		}
	}
	wantText(t, e.get("/entry/home").Body.String(), "Wait half a minute")
	away = false
	wantText(t, e.get(strings.TrimPrefix(back, "http://localhost:8099")).Body.String(), "Linked to Google Photos")
}

// The visitor's limit counts although the answers come from elsewhere.
func TestSharedLimit(t *testing.T) {
	away := false
	e := newSharedEnv(t, &away)
	var w *httptest.ResponseRecorder
	for range visitBurst + 1 {
		w = e.get("/entry/home")
	}
	if w.Code != http.StatusTooManyRequests {
		t.Errorf("status %d", w.Code)
	}
}

func TestSharedTakesNothingElse(t *testing.T) {
	_, answer := Shared(func() []*auth.Link { return nil }, func(string, error) {}, nil)
	for _, visit := range []string{"", "{", `{"method": "G T", "target": "/"}`, `{"method": "GET", "target": "%zz"}`} {
		if got := answer(t.Context(), []byte(visit)); got != nil {
			t.Errorf("%s: %s", visit, got)
		}
	}
	for _, text := range []string{"", "null", `{"status": 7}`, `{"status": "x"}`} {
		if decode([]byte(text)) != nil {
			t.Errorf("%q is taken for an answer", text)
		}
	}
}
