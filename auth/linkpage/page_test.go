package linkpage

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/photos/photosim"
)

var odd = photosim.Account{ID: "3003", Name: `<script>alert("x")</script>`, Email: "odd@example.com"}

// The page of every outcome, as text to be read; the style is cut out.
func TestPages(t *testing.T) {
	new1 := func(account photosim.Account) *auth.Link {
		e := newEnv(t, odd)
		e.linkTo(account)
		return e.link
	}
	linked, half := new1(sam), newEnv(t)
	half.answer("token", 200, `{"access_token":"a","refresh_token":"r","scope":"openid profile `+auth.ScopeAppend+`"}`)
	half.answer("v1/userinfo", 200, `{"sub":"2002","name":"Mara Example","email":"mara@example.com"}`)
	half.linkTo(mara)
	relink := newEnv(t)
	relink.linkTo(sam)
	relink.sim.Revoke(sam.ID)
	if _, err := relink.albums(); !errors.Is(err, auth.ErrRelink) {
		t.Fatal(err)
	}
	unlinked, linking := newEnv(t), newEnv(t)
	linking.start()
	tokenError := func(status int, code, description string) error {
		e := newEnv(t)
		e.answer("token", status, fmt.Sprintf(`{"error":%q,"error_description":%q}`, code, description))
		_, err := e.link.FinishAddress(t.Context(), e.allow(e.consentPage(), sam))
		return err
	}
	wrong := &auth.Error{
		Code: auth.ErrWrongAccount.Code, Message: "The entry is linked to A, and the account chosen at Google was B.",
	}
	pages := []struct {
		name string
		page page
	}{
		{"linked", linkedPage(linked)},
		{"unticked", linkedPage(half.link)},
		{"odd-name", linkedPage(new1(odd))},
		{"away", awayPage(unlinked.link, unlinked.sim.Endpoints("").AuthURL+"?a=1&b=2")},
		{"denied", errorPage(unlinked.link, auth.ErrDenied)},
		{"wrong-account", errorPage(linked, wrong)},
		{"relink", errorPage(relink.link, auth.ErrDenied)},
		{"expired", errorPage(nil, auth.ErrExpired)},
		{"used", errorPage(linked, auth.ErrUsed)},
		{"address", errorPage(nil, auth.ErrAddress)},
		{"client", errorPage(unlinked.link, tokenError(401, "invalid_client", "Unauthorized"))},
		{"redirect", errorPage(unlinked.link, tokenError(400, "redirect_uri_mismatch", ""))},
		{"policy", errorPage(unlinked.link, tokenError(400, "admin_policy_enforced", ""))},
		{"unavailable", errorPage(unlinked.link, auth.ErrUnavailable)},
		{"vault", errorPage(unlinked.link, auth.ErrVault)},
		{"hasty", hastyPage},
		{"home", homePage},
		{"entry-linked", entryPage(linked)},
		{"entry-unticked", entryPage(half.link)},
		{"entry-relink", entryPage(relink.link)},
		{"entry-unlinked", entryPage(unlinked.link)},
		{"entry-linking", entryPage(linking.link)},
		{"led", errorPage(linking.link, auth.ErrUsed)},
	}
	style := regexp.MustCompile(`(?s)<style>(.*)</style>\n`)
	space := regexp.MustCompile(`(?m)^\s*\n`)
	var files []txtar.File
	for _, p := range pages {
		w := httptest.NewRecorder()
		p.page.write(w)
		text := w.Body.String()
		sum := sha256.Sum256([]byte(style.FindStringSubmatch(text)[1]))
		if hash := base64.StdEncoding.EncodeToString(sum[:]); !strings.Contains(policy, "'sha256-"+hash+"'") {
			t.Fatalf("%s: the policy forbids the style: %s", p.name, policy)
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

// consentCodes are the error codes of Google that package auth knows.
var consentCodes = []string{
	"access_denied", "redirect_uri_mismatch", "invalid_client", "deleted_client", "unauthorized_client", "invalid_request",
	"admin_policy_enforced", "org_internal", "disallowed_useragent", "invalid_grant", "invalid_scope",
	"unsupported_grant_type", "unsupported_response_type", "server_error", "temporarily_unavailable",
}

// Every error that linking can end with has a title and a status.
func TestEveryLinkErrorHasAPage(t *testing.T) {
	for _, err := range []error{
		auth.ErrDenied, auth.ErrExpired, auth.ErrUsed, auth.ErrAddress, auth.ErrWrongAccount, auth.ErrClient, auth.ErrRefused,
		auth.ErrUnavailable, auth.ErrVault, http.ErrServerClosed,
	} {
		if p := errorPage(nil, err); p.Title == "" || p.Status < 400 || p.Text[0] == "" {
			t.Errorf("%v: %+v", err, p)
		}
	}
	e := newEnv(t)
	for _, code := range consentCodes {
		e.restart() // with a visitor who has not asked yet
		_, err := auth.FinishAny(t.Context(), nil, "error="+code)
		if p := errorPage(nil, err); p.Title == "" || strings.Contains(p.Text[0], "{") {
			t.Errorf("%s: %+v", code, p)
		}
		u, err := url.Parse(e.consentPage())
		if err != nil {
			t.Fatal(err)
		}
		w := e.get(testRedirect + "?error=" + code + "&state=" + u.Query().Get("state"))
		failed, _ := errors.AsType[*auth.Error](e.failure)
		if failed == nil || w.Code != titles[failed.Code].status {
			t.Errorf("%s: status %d, %v", code, w.Code, e.failure)
		}
	}
}
