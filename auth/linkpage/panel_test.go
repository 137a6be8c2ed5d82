package linkpage

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// TestPanel links an entry as somebody does who administers Home Assistant, and lets nobody else in.
func TestPanel(t *testing.T) {
	e := newEnv(t)
	panel := Panel(e.links, Supervisor, e.report)
	visit := func(peer, method, path string, form url.Values) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.RemoteAddr = peer + ":50000"
		w := httptest.NewRecorder()
		panel.ServeHTTP(w, r)
		return w
	}
	for _, stranger := range []string{"127.0.0.1", "192.168.1.77", "172.30.32.1"} {
		if w := visit(stranger, http.MethodGet, PanelPath, nil); w.Code != http.StatusForbidden || strings.Contains(w.Body.String(), "home") {
			t.Errorf("%s: %d %s", stranger, w.Code, w.Body)
		}
	}
	supervisor := Supervisor.String()
	w := visit(supervisor, http.MethodGet, PanelPath, nil)
	if body := w.Body.String(); w.Code != http.StatusOK || !strings.Contains(body, "Entry home has no Google account yet.") ||
		!strings.Contains(body, `action="begin"`) || !strings.Contains(w.Header().Get("Content-Security-Policy"), "frame-ancestors 'self'") {
		t.Errorf("%d %v %s", w.Code, w.Header(), body)
	}
	if w = visit(supervisor, http.MethodPost, "/panel/begin", url.Values{"entry": {"attic"}}); w.Code != http.StatusNotFound {
		t.Errorf("of an unknown entry: %d", w.Code)
	}
	w = visit(supervisor, http.MethodPost, "/panel/begin", url.Values{"entry": {"home"}})
	found := regexp.MustCompile(`class="go" href="([^"]+)" target="_blank"`).FindStringSubmatch(w.Body.String())
	if found == nil || !strings.Contains(w.Body.String(), `action="../link/finish"`) {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	back, err := e.sim.Allow(t.Context(), html.UnescapeString(found[1]), sam.ID)
	if err != nil {
		t.Fatal(err)
	}
	w = visit(supervisor, http.MethodPost, "/link/finish", url.Values{"address": {back}})
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Linked to Google Photos") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	w = visit(supervisor, http.MethodGet, PanelPath, nil)
	if body := w.Body.String(); !strings.Contains(body, "uses the account of Sam Example") || strings.Contains(body, "<form") {
		t.Error(body)
	}
}
