package auth

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// The page of every outcome, as text to be read; the style is cut out.
func TestPages(t *testing.T) {
	g := newGoogle()
	link1 := func() *Link { l := open(t, g.config("home"), new(MemoryVault)); link(t, g, l, sam); return l }
	relink := func() *Link { l := link1(); l.set(l.rec.ended("Google ended the link.")); return l }
	unlinked := open(t, g.config("home"), new(MemoryVault))
	half := open(t, g.config("home"), new(MemoryVault))
	link(t, g, half, mara, ScopeAppend, "openid", "profile")
	odd := link1()
	odd.rec.Account.Name = `<script>alert("x")</script>`

	wrong := because(ErrWrongAccount, "The entry is linked to A, and the account chosen at Google was B.", nil)
	pages := []struct {
		name string
		page page
	}{
		{"linked", linkedPage(link1())},
		{"unticked", linkedPage(half)},
		{"odd-name", linkedPage(odd)},
		{"away", awayPage(unlinked, googleAuthURL+"?a=1&b=2")},
		{"denied", errorPage(unlinked, ErrDenied)},
		{"wrong-account", errorPage(link1(), wrong)},
		{"relink", errorPage(relink(), ErrDenied)},
		{"expired", errorPage(nil, ErrExpired)},
		{"used", errorPage(link1(), ErrUsed)},
		{"address", errorPage(nil, ErrAddress)},
		{"client", errorPage(unlinked, explain("invalid_client", "Unauthorized", testRedirect, nil))},
		{"redirect", errorPage(unlinked, explain("redirect_uri_mismatch", "", testRedirect, nil))},
		{"policy", errorPage(unlinked, explain("admin_policy_enforced", "", testRedirect, nil))},
		{"unavailable", errorPage(unlinked, ErrUnavailable)},
		{"vault", errorPage(unlinked, ErrVault)},
		{"hasty", hastyPage},
	}
	style := regexp.MustCompile(`(?s)<style>(.*)</style>\n`)
	space := regexp.MustCompile(`(?m)^\s*\n`)
	var files []txtar.File
	for _, p := range pages {
		w := httptest.NewRecorder()
		ps := newPages()
		ps.write(w, p.page)
		text := w.Body.String()
		sum := sha256.Sum256([]byte(style.FindStringSubmatch(text)[1]))
		if hash := base64.StdEncoding.EncodeToString(sum[:]); !strings.Contains(ps.policy, "'sha256-"+hash+"'") {
			t.Fatalf("%s: the policy forbids the style: %s", p.name, ps.policy)
		}
		if w.Code < 200 || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: status %d, %v", p.name, w.Code, w.Header())
		}
		for _, bad := range []string{"<script", "<img", " style=", " src=", "onload", "{{"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s: the page has %s", p.name, bad)
			}
		}
		_, main, _ := strings.Cut(style.ReplaceAllString(text, ""), "<body>\n")
		main, _, _ = strings.Cut(main, "</body>")
		files = append(files, txtar.File{
			Name: p.name + " " + http.StatusText(w.Code), Data: []byte(space.ReplaceAllString(main, "")),
		})
	}
	golden(t, "pages", files)
}

// Every error that linking can end with has a title and a status.
func TestEveryLinkErrorHasAPage(t *testing.T) {
	for _, err := range []error{
		ErrDenied, ErrExpired, ErrUsed, ErrAddress, ErrWrongAccount, ErrClient, ErrRefused, ErrUnavailable, ErrVault,
		http.ErrServerClosed,
	} {
		if p := errorPage(nil, err); p.Title == "" || p.Status < 400 || p.Text[0] == "" {
			t.Errorf("%v: %+v", err, p)
		}
	}
	for code := range refusals {
		if p := errorPage(nil, explain(code, "", testRedirect, nil)); p.Title == "" || strings.Contains(p.Text[0], "{") {
			t.Errorf("%s: %+v", code, p)
		}
	}
}
