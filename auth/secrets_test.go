package auth

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/auth/authtest"
	"gphotos2mqtt/auth/secret"
)

// traces collects everything that a run shows to people and programs.
type traces struct {
	t    *testing.T
	text strings.Builder
}

func (tr *traces) error(err error) {
	tr.t.Helper()
	if err == nil {
		tr.t.Fatal("no error")
	}
	for ; err != nil; err = errors.Unwrap(err) {
		fmt.Fprintf(&tr.text, "%v\n%+v\n%#v\n", err, err, err)
	}
}

func (tr *traces) link(l *Link) {
	s := l.State()
	document, err := json.Marshal(s)
	if err != nil {
		tr.t.Fatal(err)
	}
	fmt.Fprintf(&tr.text, "%+v\n%s\n%v\n%+v\n%#v\n%d\n", s, document, l, l, l, l)
}

// callback is Google's redirect back; package linkpage shows that its page has no secret either.
func (tr *traces) callback(l *Link, address string) error {
	_, query, _ := strings.Cut(address, "?")
	at, err := FinishAny(tr.t.Context(), []*Link{l}, query)
	tr.link(l)
	fmt.Fprintf(&tr.text, "%v\n%+v\n%#v\n", at, at, at)
	return err
}

// noSecret fails the test for each secret that was shown, plain, in an address or in hex.
func (tr *traces) noSecret(secrets []string) {
	tr.t.Helper()
	text := tr.text.String()
	for _, secret := range secrets {
		for _, form := range []string{secret, url.QueryEscape(secret), hex.EncodeToString([]byte(secret))} {
			if at := strings.Index(text, form); at >= 0 {
				tr.t.Errorf("%.12s… is shown in …%s…", secret, text[max(0, at-200):at])
			}
		}
	}
	if len(secrets) < 50 || len(text) < 10000 {
		tr.t.Errorf("%d secrets in %d bytes: the run was not whole", len(secrets), len(text))
	}
}

func TestNothingPrintsASecret(t *testing.T) {
	hidden := secret.Text("hunter2-hunter2")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t"} {
		got := fmt.Sprintf(verb, struct {
			C Config
			R record
		}{Config{ClientSecret: hidden}, record{Access: hidden, Refresh: hidden}})
		if strings.Contains(got, "hunter2") || strings.Contains(got, hex.EncodeToString([]byte("hunter2"))) {
			t.Errorf("%s prints %s", verb, got)
		}
	}
}

// A whole life of a link, with a Google that repeats in its errors all it has ever heard.
func TestNoSecretIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, vault, tr := newGoogle(), new(authtest.Vault), &traces{t: t}
		cfg := g.config("home")
		l := open(t, cfg, vault)
		gossip := func(status int, code string) func(string) *reply {
			return func(kind string) *reply {
				if kind == "api" {
					return nil
				}
				return oauthError(status, code, strings.Join(g.allSecrets(), " "))
			}
		}
		finish := func(a Account) error {
			back := g.consent(t, consentPage(t, l), a)
			_, err := l.FinishAddress(t.Context(), back)
			return err
		}
		for code := range refusals {
			g.fail = gossip(400, code)
			tr.error(finish(sam))
			tr.link(l)
		}
		g.fail = gossip(500, "oops")
		tr.error(finish(sam))
		tr.error(tr.callback(l, g.consent(t, consentPage(t, l), sam)))

		g.fail = nil
		back := g.consent(t, consentPage(t, l), sam)
		if err := tr.callback(l, back); err != nil {
			t.Error(err)
		}
		tr.error(tr.callback(l, back))
		tr.error(tr.callback(l, strings.Replace(back, "state=", "state=x", 1)))
		tr.link(l)
		tr.error(finish(mara))
		g.fail = only("userinfo", jsonAnswer(403, strings.Join(g.allSecrets(), " ")))
		tr.error(finish(sam))

		time.Sleep(g.life)
		for _, fail := range []func(string) *reply{
			gossip(500, "oops"), gossip(401, "invalid_client"), gossip(400, "odd"),
			func(string) *reply { return jsonAnswer(200, strings.Join(g.allSecrets(), " ")) },
		} {
			g.fail = fail
			tr.error(getError(t, l))
			tr.link(l)
		}
		g.fail = gossip(500, "oops")
		tr.error(l.Unlink(t.Context(), true))
		g.fail = gossip(400, "invalid_grant")
		tr.error(getError(t, l))
		tr.link(l)
		other, err := Open(t.Context(), cfg, secret.Key{9}, vault)
		if err != nil {
			t.Error(err)
		}
		tr.link(other)
		tr.error(getError(t, other))
		sealed, _ := vault.Load(t.Context(), "home")
		tr.text.Write(sealed)

		tr.noSecret(append(g.allSecrets(), string(testKey[:])))
	})
}
