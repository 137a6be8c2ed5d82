package auth

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/auth/authtest"
)

func TestAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGoogle()
		l := open(t, g.config("home"), new(authtest.Vault))
		page := consentPage(t, l)
		back := g.consent(t, page, sam)
		time.Sleep(attemptLife - time.Nanosecond)
		if l.State().Status != Linking {
			t.Error("over before its time")
		}
		drain(l)
		time.Sleep(time.Nanosecond)
		<-l.Watch()
		if s := l.State(); s.Status != Unlinked || s.URL != "" {
			t.Errorf("after ten minutes: %+v", s)
		}
		if _, err := l.FinishAddress(t.Context(), back); !errors.Is(err, ErrExpired) {
			t.Errorf("a late answer: %v", err)
		}
		if n := g.count("token authorization_code"); n != 0 {
			t.Errorf("%d exchanges for a late answer", n)
		}

		first := consentPage(t, l)
		for range maxAttempts {
			l.Start()
		}
		if _, err := l.FinishAddress(t.Context(), g.consent(t, first, sam)); !errors.Is(err, ErrExpired) {
			t.Errorf("a replaced attempt: %v", err)
		}
		back = g.consent(t, consentPage(t, l), sam)
		if _, err := l.FinishAddress(t.Context(), back); err != nil {
			t.Fatal(err)
		}
		if _, err := l.FinishAddress(t.Context(), back); !errors.Is(err, ErrUsed) {
			t.Errorf("a second time: %v", err)
		}
		if len(l.attempts) != 1 || !l.attempts[0].state.used {
			t.Error("one-time addresses are left after linking")
		}
		_ = l.Unlink(t.Context(), true)
		if _, err := l.FinishAddress(t.Context(), "code=4/0&state="+query(t, back).Get("state")); !errors.Is(err, ErrExpired) {
			t.Errorf("after unlinking: %v", err)
		}
	})
}

func TestStateOfAnotherEntry(t *testing.T) {
	g, vault := newGoogle(), new(authtest.Vault)
	home, garden := open(t, g.config("home"), vault), open(t, g.config("garden"), vault)
	back := g.consent(t, consentPage(t, home), sam)
	if _, err := garden.FinishAddress(t.Context(), back); !errors.Is(err, ErrExpired) {
		t.Errorf("another entry's state: %v", err)
	}
	_, back, _ = strings.Cut(back, "?")
	if at, err := FinishAny(t.Context(), []*Link{garden, home}, back); at != home || err != nil {
		t.Errorf("callback: %v", err)
	}
	if home.State().Status != Linked || garden.State().Status != Unlinked {
		t.Error("the wrong entry was linked")
	}
}

func TestStartWithoutEndpoint(t *testing.T) {
	g := newGoogle()
	cfg := g.config("home")
	cfg.LinkURL = ""
	l := open(t, cfg, new(authtest.Vault))
	inv := l.Start()
	page := inv.URL
	if !strings.HasPrefix(page, googleAuthURL+"?") || l.State().URL != page || inv.Consent != page {
		t.Fatalf("Start gave %+v", inv)
	}
	if _, err := l.FinishAddress(t.Context(), g.consent(t, page, sam)); err != nil {
		t.Fatal(err)
	}
}
