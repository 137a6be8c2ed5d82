package auth

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/auth/authtest"
)

// A link that was begun in one process is finished in another one: before the person has opened the address, and after it.
func TestAttemptsAreKept(t *testing.T) {
	for name, opened := range map[string]bool{"the address was not opened yet": false, "it was": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, vault, attempts := newGoogle(), new(authtest.Vault), new(authtest.Vault)
				cfg := g.config("home")
				cfg.Attempts = attempts
				first := open(t, cfg, vault)
				invitation := first.Start()
				consent := invitation.Consent
				if opened {
					consent = visit(t, first, invitation.URL)
				}
				time.Sleep(5 * time.Minute)
				second := open(t, cfg, vault)
				want, got := first.State(), second.State()
				if want.Status != Linking || got.Status != want.Status || got.URL != want.URL || !got.Expires.Equal(want.Expires) {
					t.Errorf("state %+v, want %+v", got, want)
				}
				if !opened {
					consent = visit(t, second, invitation.URL)
				}
				_, back, _ := strings.Cut(g.consent(t, consent, sam), "?")
				if _, err := FinishAny(t.Context(), []*Link{second}, back); err != nil || second.State().Account != sam {
					t.Errorf("%v, %+v", err, second.State())
				}
				if _, err := FinishAny(t.Context(), []*Link{open(t, cfg, vault)}, back); !errors.Is(err, ErrExpired) && !errors.Is(err, ErrUsed) {
					t.Errorf("a third process takes the address again: %v", err)
				}
				sealed, _ := attempts.Load(t.Context(), "home")
				for _, secret := range g.secrets {
					if secret != "" && bytes.Contains(sealed, []byte(secret)) {
						t.Error("a secret is kept in the clear")
					}
				}
			})
		})
	}
}

// What is too old, or of another key or entry, is not taken up.
func TestAttemptsAreNotKeptForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, attempts := newGoogle(), new(authtest.Vault)
		cfg := g.config("home")
		cfg.Attempts = attempts
		first := open(t, cfg, new(authtest.Vault))
		first.Start()
		sealed, _ := attempts.Load(t.Context(), "home")
		_ = attempts.Save(t.Context(), "garden", sealed)
		garden := g.config("garden")
		garden.Attempts = attempts
		if s := open(t, garden, new(authtest.Vault)).State(); s.Status != Unlinked {
			t.Errorf("another entry's: %+v", s)
		}
		time.Sleep(attemptLife + time.Second)
		if s := open(t, cfg, new(authtest.Vault)).State(); s.Status != Unlinked {
			t.Errorf("after ten minutes: %+v", s)
		}
	})
}
