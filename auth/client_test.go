package auth

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/auth/authtest"
)

// get makes one API request and gives its status.
func get(t *testing.T, l *Link) int {
	t.Helper()
	status, _, err := send(t.Context(), l, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	return status
}

// getError makes one API request that must fail.
func getError(t *testing.T, l *Link) error {
	t.Helper()
	status, _, err := send(t.Context(), l, http.NoBody)
	if err == nil {
		t.Fatalf("status %d, want an error", status)
	}
	return err
}

// send makes one API request; the fake answers with its body.
func send(ctx context.Context, l *Link, body io.Reader) (status int, answer string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, apiURL, body)
	if err != nil {
		return 0, "", err
	}
	resp, err := l.Client().Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

// linked gives a link that works.
func linked(t *testing.T) (*google, *authtest.Vault, *Link) {
	t.Helper()
	g, vault := newGoogle(), new(authtest.Vault)
	l := open(t, g.config("home"), vault)
	link(t, g, l, sam)
	return g, vault, l
}

func TestRefreshBeforeTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, vault, l := linked(t)
		time.Sleep(g.life - early - time.Nanosecond)
		if get(t, l); g.count("token refresh_token") != 0 {
			t.Error("refreshed a fresh token")
		}
		time.Sleep(time.Nanosecond)
		if status := get(t, l); status != 200 || g.count("token refresh_token") != 1 {
			t.Errorf("status %d, %d refreshes a minute before the end", status, g.count("token refresh_token"))
		}
		again := open(t, g.config("home"), vault)
		if again.current().Access != l.current().Access || again.current().Refresh != l.current().Refresh {
			t.Error("the refreshed token was not stored")
		}
	})
}

func TestOneRefreshForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _, l := linked(t)
		g.hold = make(chan struct{})
		time.Sleep(g.life)
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if status := get(t, l); status != 200 {
					t.Errorf("status %d", status)
				}
			})
		}
		synctest.Wait()
		close(g.hold)
		wg.Wait()
		if n := g.count("token refresh_token"); n != 1 {
			t.Errorf("%d refreshes for 50 requests", n)
		}
		if n := g.count("api"); n != 50 {
			t.Errorf("%d API requests", n)
		}
	})
}

func TestCancelledCallerFailsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _, l := linked(t)
		g.hold = make(chan struct{})
		time.Sleep(g.life)
		first, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, _, err := send(first, l, http.NoBody); !errors.Is(err, context.Canceled) {
				t.Errorf("first: %v", err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			if status := get(t, l); status != 200 {
				t.Errorf("second: status %d", status)
			}
		})
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(g.hold)
		wg.Wait()
		if n := g.count("token refresh_token"); n != 1 {
			t.Errorf("%d refreshes", n)
		}
	})
}

// Who gives up is told at once; the refresh goes on, and what it gets is kept.
func TestRefreshOutlivesItsCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _, l := linked(t)
		g.hold = make(chan struct{})
		time.Sleep(g.life)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if _, _, err := send(ctx, l, http.NoBody); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("err = %v", err)
		}
		if waited := time.Since(start); waited != time.Second {
			t.Errorf("waited %v", waited)
		}
		close(g.hold)
		synctest.Wait()
		if status := get(t, l); status != 200 {
			t.Errorf("the next request: status %d", status)
		}
		if n := g.count("token refresh_token"); n != 1 {
			t.Errorf("%d refreshes: the token was not kept", n)
		}
	})
}

// A refresh that Google does not answer ends by itself, and the next request makes another.
func TestRefreshEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _, l := linked(t)
		g.hold = make(chan struct{}) // never opened
		time.Sleep(g.life)
		start := time.Now()
		if err := getError(t, l); !errors.Is(err, ErrUnavailable) || time.Since(start) != googleLimit {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		g.set(func() { g.hold = nil })
		if status := get(t, l); status != 200 {
			t.Errorf("the next request: status %d", status)
		}
	})
}

// A refresh that waits while the entry is unlinked must not bring the link back.
func TestUnlinkBeatsAWaitingRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, vault, l := linked(t)
		time.Sleep(g.life)
		goOn := make(chan struct{})
		g.fail = func(kind string) *reply {
			if kind == "revoke" {
				<-goOn
			}
			return nil
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := l.Unlink(t.Context(), true); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			if err := getError(t, l); !errors.Is(err, ErrUnlinked) {
				t.Errorf("err = %v", err)
			}
		})
		synctest.Wait()
		close(goOn)
		wg.Wait()
		if sealed, _ := vault.Load(t.Context(), "home"); sealed != nil || g.count("token refresh_token") != 0 {
			t.Error("the refresh went on with a link that is gone")
		}
	})
}

func TestRotatedRefreshTokenIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, vault, _ := linked(t)
		g.rotate = true
		for range 3 {
			time.Sleep(g.life)
			l := open(t, g.config("home"), vault)
			if status := get(t, l); status != 200 {
				t.Fatalf("status %d", status)
			}
		}
	})
}

// faultyVault fails to save while broken.
type faultyVault struct {
	authtest.Vault

	broken bool
}

func (v *faultyVault) Save(ctx context.Context, entry string, sealed []byte) error {
	if v.broken {
		return errors.New("disk full")
	}
	return v.Vault.Save(ctx, entry, sealed)
}

func TestNothingIsUsedBeforeItIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, vault := newGoogle(), new(faultyVault)
		l := open(t, g.config("home"), vault)
		link(t, g, l, sam)
		g.rotate = true
		time.Sleep(g.life)
		vault.broken = true
		for range 2 {
			if err := getError(t, l); !errors.Is(err, ErrVault) || !strings.Contains(err.Error(), "disk full") {
				t.Errorf("err = %v", err)
			}
		}
		if n := g.count("api"); n != 0 {
			t.Errorf("%d API requests with a token that is not stored", n)
		}
		vault.broken = false
		if status := get(t, l); status != 200 {
			t.Errorf("status %d", status)
		}
		if n := g.count("token refresh_token"); n != 1 {
			t.Errorf("%d refreshes: the rotated token was thrown away", n)
		}
	})
}

func TestUnauthorizedIsRepeatedOnce(t *testing.T) {
	g, _, l := linked(t)
	g.killAccess()
	status, body, err := send(t.Context(), l, strings.NewReader("all of the body"))
	if err != nil || status != 200 || body != "all of the body" {
		t.Errorf("status %d, body %q, %v", status, body, err)
	}
	if r, a := g.count("token refresh_token"), g.count("api"); r != 1 || a != 2 {
		t.Errorf("%d refreshes, %d API requests", r, a)
	}
}

func TestOneForcedRefreshForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _, l := linked(t)
		g.killAccess()
		g.hold = make(chan struct{})
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if status := get(t, l); status != 200 {
					t.Errorf("status %d", status)
				}
			})
		}
		synctest.Wait()
		close(g.hold)
		wg.Wait()
		if n := g.count("token refresh_token"); n != 1 {
			t.Errorf("%d refreshes for 20 refused requests", n)
		}
		if l.State().Status != Linked {
			t.Error("the link ended")
		}
	})
}

func TestUnauthorizedBodyThatCannotBeRepeated(t *testing.T) {
	g, _, l := linked(t)
	g.killAccess()
	status, _, err := send(t.Context(), l, io.MultiReader(strings.NewReader("once")))
	if err != nil || status != 401 || g.count("token refresh_token") != 1 {
		t.Errorf("status %d, %d refreshes, %v", status, g.count("token refresh_token"), err)
	}
	if status := get(t, l); status != 200 {
		t.Errorf("the next request: status %d", status)
	}
}

// Google contradicts itself: it gives tokens and does not take them. That ends no link.
func TestUnauthorizedWithANewToken(t *testing.T) {
	g, vault, l := linked(t)
	g.fail = only("api", jsonAnswer(401, "{}"))
	for range 3 {
		if status := get(t, l); status != 401 {
			t.Fatalf("status %d", status)
		}
	}
	if s := open(t, g.config("home"), vault).State(); s.Status != Linked {
		t.Errorf("stored state %+v", s)
	}
	if n := g.count("api"); n != 6 {
		t.Errorf("%d API requests", n)
	}
	g.fail = nil
	if status := get(t, l); status != 200 {
		t.Errorf("later: status %d", status)
	}
}

func TestNoRedirectIsFollowed(t *testing.T) {
	g, _, l := linked(t)
	g.fail = only("api", &reply{status: 307, location: "https://elsewhere.test/"})
	if status := get(t, l); status != 307 || g.count("api") != 1 {
		t.Errorf("status %d after %d requests", status, g.count("api"))
	}
}
