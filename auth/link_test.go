package auth

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gphotos2mqtt/auth/authtest"
	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/bridge/wake"
)

var testKey = secret.Key{1, 2, 3}

func open(t *testing.T, cfg Config, vault Vault) *Link {
	t.Helper()
	l, err := Open(t.Context(), cfg, testKey, vault)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// consentPage starts linking, opens the one-time address and gives Google's.
func consentPage(t *testing.T, l *Link) string {
	t.Helper()
	return visit(t, l, l.Start().URL)
}

// visit opens a one-time address and gives Google's.
func visit(t *testing.T, l *Link, address string) string {
	t.Helper()
	code, ok := strings.CutPrefix(address, "http://192.168.1.10:8099"+LinkPath)
	at, consent, err := Visit([]*Link{l}, secret.Text(code))
	if !ok || err != nil || at != l {
		t.Fatalf("%s: %v", address, err)
	}
	return consent
}

// link links the entry to the account.
func link(t *testing.T, g *google, l *Link, a Account, scopes ...string) {
	t.Helper()
	got, err := l.FinishAddress(t.Context(), g.consent(t, consentPage(t, l), a, scopes...))
	if err != nil {
		t.Fatal(err)
	}
	if got != a {
		t.Fatalf("linked %+v, want %+v", got, a)
	}
}

func TestLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGoogle()
		l := open(t, g.config("home"), new(authtest.Vault))
		if diff := cmp.Diff(State{Status: Unlinked}, l.State()); diff != "" {
			t.Fatalf("at first (-want +got):\n%s", diff)
		}
		inv := l.Start()
		address, expires := inv.URL, inv.Expires
		<-l.Watch()
		want := State{Status: Linking, URL: address, Expires: expires}
		if diff := cmp.Diff(want, l.State()); diff != "" {
			t.Fatalf("after Start (-want +got):\n%s", diff)
		}
		if got := time.Until(expires); got != attemptLife {
			t.Errorf("expires in %v", got)
		}
		consent := visit(t, l, address)
		<-l.Watch()
		want.URL = "" // works once
		if diff := cmp.Diff(want, l.State()); diff != "" {
			t.Fatalf("after the one-time address (-want +got):\n%s", diff)
		}
		_, back, _ := strings.Cut(g.consent(t, consent, sam), "?")
		if at, err := FinishAny(t.Context(), []*Link{l}, back); at != l || err != nil {
			t.Fatalf("callback: %v", err)
		}
		<-l.Watch()
		want = State{Status: Linked, Account: sam, Scopes: parseScopes(strings.Join(Scopes, " ")), Granted: wake.Wall()}
		if diff := cmp.Diff(want, l.State()); diff != "" {
			t.Fatalf("after the callback (-want +got):\n%s", diff)
		}
		if !l.State().Has(ScopeAppend) || !l.State().Has("https://www.googleapis.com/auth/userinfo.email") {
			t.Error("Has does not know a granted scope")
		}
	})
}

func TestRestartGoesOn(t *testing.T) {
	g, vault := newGoogle(), new(authtest.Vault)
	first := open(t, g.config("home"), vault)
	link(t, g, first, sam)
	second := open(t, g.config("home"), vault)
	if diff := cmp.Diff(first.State(), second.State()); diff != "" {
		t.Errorf("after a restart (-before +after):\n%s", diff)
	}
	if status := get(t, second); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	if n := g.count("token refresh_token"); n != 0 {
		t.Errorf("%d refreshes for a stored token that is fresh", n)
	}
}

// With another key the entry has to be linked again, to whichever account, and with the old key back it goes on as it was.
func TestOtherKey(t *testing.T) {
	g, vault, _ := linked(t)
	before, _ := vault.Load(t.Context(), "home")
	other, err := Open(t.Context(), g.config("home"), secret.Key{9}, vault)
	if err != nil {
		t.Fatal(err)
	}
	s := other.State()
	if s.Status != Relink || len(s.Missing) > 0 || !strings.Contains(s.Reason, "another secret key") || !strings.Contains(s.Reason, "GPHOTOS_SECRET_KEY") {
		t.Errorf("state %+v", s)
	}
	if err := getError(t, other); !errors.Is(err, ErrRelink) {
		t.Errorf("err = %v", err)
	}
	if after, _ := vault.Load(t.Context(), "home"); !bytes.Equal(before, after) {
		t.Error("the stored link was changed")
	}
	if s := open(t, g.config("home"), vault).State(); s.Status != Linked {
		t.Errorf("with the old key again: %+v", s)
	}
	link(t, g, other, mara)
	if s := other.State(); s.Status != Linked || s.Account != mara || s.Reason != "" {
		t.Errorf("linked again: %+v", s)
	}
}

func TestWrongAccount(t *testing.T) {
	for _, relink := range []bool{false, true} {
		g := newGoogle()
		l := open(t, g.config("home"), new(authtest.Vault))
		link(t, g, l, sam)
		if relink {
			g.set(func() { clear(g.refresh) })
			g.killAccess()
			if err := getError(t, l); !errors.Is(err, ErrRelink) {
				t.Fatal(err)
			}
		}
		before := l.current()
		page := consentPage(t, l)
		if hint := query(t, page).Get("login_hint"); hint != sam.ID {
			t.Errorf("login_hint %q", hint)
		}
		_, err := l.FinishAddress(t.Context(), g.consent(t, page, mara))
		if !errors.Is(err, ErrWrongAccount) {
			t.Fatalf("err = %v, want ErrWrongAccount", err)
		}
		for _, name := range []string{sam.String(), mara.String()} {
			if !strings.Contains(err.Error(), name) {
				t.Errorf("%q does not name %s", err, name)
			}
		}
		if s := l.State(); relink && (s.Status != Relink || s.Reason != before.Reason || !strings.HasPrefix(s.Failure, "The entry is linked")) {
			t.Errorf("state %+v", s)
		}
		if l.current() != before {
			t.Error("the old link was touched")
		}
		if len(g.revoked) != 1 || g.revoked[0] == string(before.Refresh) {
			t.Errorf("revoked %d tokens; want the new one", len(g.revoked))
		}
		link(t, g, l, sam) // the right account still may
		if s := l.State(); s.Status != Linked || s.Reason+s.Failure != "" {
			t.Errorf("state %+v", s)
		}
	}
}

// Google revokes by account and project: an account that another entry uses must not be revoked by a slip here.
func TestGrantInUseElsewhereIsNotRevoked(t *testing.T) {
	g := newGoogle()
	cfg := g.config("home")
	cfg.InUse = func(id string) bool { return id == mara.ID }
	l := open(t, cfg, new(authtest.Vault))
	link(t, g, l, sam)
	if _, err := l.FinishAddress(t.Context(), g.consent(t, consentPage(t, l), mara)); !errors.Is(err, ErrWrongAccount) {
		t.Fatal(err)
	}
	if err := l.Unlink(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	link(t, g, l, mara)
	if err := l.Unlink(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if len(g.revoked) != 0 {
		t.Errorf("revoked %d grants", len(g.revoked))
	}
}

func TestUntickedBoxes(t *testing.T) {
	g := newGoogle()
	l := open(t, g.config("home"), new(authtest.Vault))
	link(t, g, l, sam, ScopeRead, "openid", "email", "profile")
	s := l.State()
	if diff := cmp.Diff([]string{ScopeAppend, ScopeEdit}, s.Missing); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{features[ScopeAppend], features[ScopeEdit]}, s.Off()); diff != "" {
		t.Errorf("off (-want +got):\n%s", diff)
	}
	if s.Has(ScopeAppend) || !s.Has(ScopeRead) || s.Status != Linked {
		t.Errorf("state %+v", s)
	}
}

func query(t *testing.T, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

func drain(l *Link) {
	for {
		select {
		case <-l.Watch():
		default:
			return
		}
	}
}

func TestOpenReportsEverySetting(t *testing.T) {
	cfg := Config{RedirectURL: "http://nas.local:8099/oauth/callback", LinkURL: "nas.local"}
	_, err := Open(t.Context(), cfg, secret.Key{}, new(authtest.Vault))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"no name", "client secret", "ends with .local", "one-time addresses", "32 random bytes"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in:\n%v", want, err)
		}
	}
	if !errors.Is(err, ErrRedirect) {
		t.Error("not an ErrRedirect")
	}
}

func TestUnlink(t *testing.T) {
	g, vault := newGoogle(), new(authtest.Vault)
	l := open(t, g.config("home"), vault)
	link(t, g, l, sam)
	token := l.current().Refresh
	g.fail = only("revoke", jsonAnswer(503, ""))
	if err := l.Unlink(t.Context(), true); !errors.Is(err, ErrUnavailable) || l.State().Status != Linked {
		t.Fatalf("Google down: %v, %s", err, l.State().Status)
	}
	g.fail = nil
	if err := l.Unlink(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(g.revoked, []string{string(token)}) {
		t.Error("the refresh token was not revoked")
	}
	if sealed, _ := vault.Load(context.Background(), "home"); sealed != nil || l.State().Status != Unlinked {
		t.Error("not forgotten")
	}
	if err := getError(t, l); !errors.Is(err, ErrUnlinked) {
		t.Errorf("a request after unlinking: %v", err)
	}
	if err := l.Unlink(t.Context(), true); err != nil {
		t.Errorf("unlink twice: %v", err)
	}
	link(t, g, l, mara)                // any account
	g.set(func() { clear(g.refresh) }) // revoked by the person already: Google answers 400
	if err := l.Unlink(t.Context(), true); err != nil {
		t.Errorf("a grant that is gone: %v", err)
	}
}
