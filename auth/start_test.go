package auth

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGoogle()
		l := open(t, g.config("home"), new(MemoryVault))
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
		if len(l.attempts) != 1 || !l.attempts[0].used {
			t.Error("one-time addresses are left after linking")
		}
		_ = l.Unlink(t.Context(), true)
		if _, err := l.Finish(t.Context(), query(t, back).Get("state"), "4/0"); !errors.Is(err, ErrExpired) {
			t.Errorf("after unlinking: %v", err)
		}
	})
}

func TestStateOfAnotherEntry(t *testing.T) {
	g, vault := newGoogle(), new(MemoryVault)
	home, garden := open(t, g.config("home"), vault), open(t, g.config("garden"), vault)
	back := g.consent(t, consentPage(t, home), sam)
	if _, err := garden.FinishAddress(t.Context(), back); !errors.Is(err, ErrExpired) {
		t.Errorf("another entry's state: %v", err)
	}
	if w := visit(Handler([]*Link{garden, home}), back); w.Code != http.StatusOK {
		t.Errorf("status %d", w.Code)
	}
	if home.State().Status != Linked || garden.State().Status != Unlinked {
		t.Error("the wrong entry was linked")
	}
}

func TestStartWithoutEndpoint(t *testing.T) {
	g := newGoogle()
	cfg := g.config("home")
	cfg.LinkURL = ""
	l := open(t, cfg, new(MemoryVault))
	inv := l.Start()
	page := inv.URL
	if !strings.HasPrefix(page, googleAuthURL+"?") || l.State().URL != page || inv.Consent != page {
		t.Fatalf("Start gave %+v", inv)
	}
	if _, err := l.FinishAddress(t.Context(), g.consent(t, page, sam)); err != nil {
		t.Fatal(err)
	}
}
