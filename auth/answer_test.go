package auth

import (
	"errors"
	"html"
	"net/url"
	"strings"
	"testing"

	"gphotos2mqtt/auth/authtest"
)

func TestPastedAddress(t *testing.T) {
	g := newGoogle()
	forms := map[string]func(string) string{
		"as it is":     func(s string) string { return s },
		"spaces":       func(s string) string { return "\n  " + s + "\r\n" },
		"quotes":       func(s string) string { return `"` + s + `"` },
		"brackets":     func(s string) string { return "<" + s + ">" },
		"query alone":  func(s string) string { return s[strings.Index(s, "?")+1:] },
		"html":         html.EscapeString,
		"fragment":     func(s string) string { return s + "#" },
		"another host": func(s string) string { return strings.Replace(s, "localhost:8099", "nas", 1) },
	}
	for name, form := range forms {
		l := open(t, g.config("home"), new(authtest.Vault))
		if _, err := l.FinishAddress(t.Context(), form(g.consent(t, consentPage(t, l), sam))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	l := open(t, g.config("home"), new(authtest.Vault))
	page := consentPage(t, l)
	state := query(t, page).Get("state")
	for _, bad := range []string{
		"", "hello", "?", testRedirect, testRedirect + "?state=" + state, testRedirect + "?code=4/0",
		testRedirect + "?code=&state=" + state, testRedirect + "?code=1&code=2&state=" + state,
		testRedirect + "?code=%zz&state=" + state, testRedirect + "?error=access_denied&code=1&state=" + state,
		testRedirect + "?code=1&state=" + state + "&x=" + strings.Repeat("x", MaxQuery),
		"https://accounts.google.com/signin/oauth/error?authError=%21%21", "https://accounts.google.com/?authError=CgA",
	} {
		_, err := l.FinishAddress(t.Context(), bad)
		if !errors.Is(err, ErrAddress) {
			t.Errorf("%.100q: %v", bad, err)
		}
		if strings.Contains(err.Error(), state) {
			t.Errorf("%.100q: the state is in the error", bad)
		}
	}
	if _, err := l.FinishAddress(t.Context(), "code=&state="+state); !errors.Is(err, ErrAddress) {
		t.Errorf("no code: %v", err)
	}
	_, err := l.FinishAddress(t.Context(), page)
	wantError(t, err, ErrAddress, "address of Google's page")
	if _, err := l.FinishAddress(t.Context(), g.consent(t, page, sam)); err != nil {
		t.Errorf("bad pastes used up the state: %v", err)
	}
}

func FuzzFinishAddress(f *testing.F) {
	g := newGoogle()
	l, err := Open(f.Context(), g.config("home"), testKey, new(authtest.Vault))
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{
		testRedirect + "?state=abc&code=4%2F0A&scope=a%20b", "state=abc&code=1", "?error=access_denied&state=abc",
		"https://accounts.google.com/signin/oauth/error?authError=" +
			url.QueryEscape("Cg5pbnZhbGlkX2NsaWVudA=="), "&amp;;#?", "authError=Cv8",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, address string) {
		_, err := l.FinishAddress(t.Context(), address)
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Code == "" || len(e.Message) > 500 {
			t.Fatalf("err = %v", err)
		}
		if l.State().Status != Unlinked || g.count("token authorization_code") != 0 {
			t.Fatal("an address without a state of ours had an effect")
		}
	})
}
