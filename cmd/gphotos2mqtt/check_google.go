package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/photos"
)

const (
	googleWait = 15 * time.Second // for one answer of Google's, which come within a second
	clockSlack = 5 * time.Minute  // what a clock may be wrong by: tokens and offers to link last longer, days of quota are cut closer
)

// google asks each address that the bridge uses for anything at all: that it answers is what counts, and its clock.
func (k *check) google(ctx context.Context) {
	c, looked := k.config, map[string]bool{}
	for _, address := range []string{
		cmp.Or(c.GoogleTokenURL, "https://oauth2.googleapis.com/token"),
		cmp.Or(c.GoogleAuthURL, "https://accounts.google.com/o/oauth2/v2/auth"),
		cmp.Or(c.GoogleUserInfoURL, "https://openidconnect.googleapis.com/v1/userinfo"),
		cmp.Or(c.GoogleLibraryURL, photos.DefaultLibrary),
	} {
		u, err := url.Parse(address)
		if err != nil || looked[u.Host] {
			continue // what cannot be read is told with the settings
		}
		looked[u.Host] = true
		a, err := get(ctx, u.Scheme+"://"+u.Host+"/")
		if err != nil {
			k.offline = true
			const advice = "look whether this machine reaches the internet, at its DNS, its proxy (HTTPS_PROXY) and its firewall"
			k.say(lineBad, "google", "%s cannot be reached: %v; %s", u.Host, errors.Unwrap(err), cmp.Or(wake.WrongClock(err), advice))
			continue
		}
		k.say(lineOK, "google", "%s answers", u.Host)
		if len(looked) == 1 {
			k.clock(a.date)
		}
	}
}

func (k *check) clock(date string) {
	there, err := http.ParseTime(date)
	if err != nil {
		return
	}
	if off := time.Since(there).Round(time.Minute); off.Abs() >= clockSlack {
		k.say(lineBad, "clock", "it is wrong by %s (%s here, %s at Google): set it, or let it be set from the network (NTP)", off.Abs(),
			time.Now().UTC().Format(time.DateTime), there.UTC().Format(time.DateTime))
		return
	}
	k.say(lineOK, "clock", "it is right")
}

// An answer is what get was given.
type answer struct {
	code               int
	status, date, page string
	to                 url.URL // where a redirect leads; zero without one
}

// get asks without following redirects, and reads at most so much of a page that Google's error is in it.
func get(ctx context.Context, address string) (a answer, err error) {
	ctx, cancel := context.WithTimeout(ctx, googleWait)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return answer{}, err
	}
	ask := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer ask.CloseIdleConnections()
	resp, err := ask.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close() //nolint:errcheck // only read from
	page, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	a = answer{code: resp.StatusCode, status: resp.Status, date: resp.Header.Get("Date"), page: string(page)}
	if to, err := resp.Location(); err == nil {
		a.to = *to
	}
	return a, nil
}

// clients tries each OAuth client once.
func (k *check) clients(ctx context.Context) {
	var raw [32]byte
	_, _ = rand.Read(raw[:]) // never fails
	key, err := secret.ReadKey(hex.EncodeToString(raw[:]))
	if err != nil {
		k.say(lineBad, "oauth client", "%v", err)
		return
	}
	tried := map[string]bool{}
	for _, e := range k.config.Entries {
		if tried[e.ClientID] {
			continue
		}
		tried[e.ClientID] = true
		link, err := auth.Open(ctx, auth.Config{
			Entry: e.Name, ClientID: e.ClientID, ClientSecret: e.ClientSecret, RedirectURL: k.config.RedirectURL(),
			AuthURL: k.config.GoogleAuthURL, TokenURL: k.config.GoogleTokenURL, RevokeURL: k.config.GoogleRevokeURL,
			UserInfoURL: k.config.GoogleUserInfoURL, InUse: func(string) bool { return false },
		}, key, noVault{})
		if err == nil {
			err = k.tryClient(ctx, link)
		}
		if err != nil {
			k.say(lineBad, "oauth client", "%v", err)
			continue
		}
		k.say(lineOK, "oauth client", "Google knows it, its secret, and the redirect address %s", k.config.RedirectURL())
		if !k.online {
			k.say(lineNote, "oauth client", "that the Photos Library API is enabled and the app published shows once an account is linked")
		}
	}
}

// refusedCode is how Google names a refusal on the page that a person sees, such as "Error 400: redirect_uri_mismatch".
var refusedCode = regexp.MustCompile(`\b(redirect_uri_mismatch|(?:invalid|deleted|disabled|restricted|unauthorized)_client|org_internal|` +
	`invalid_scope|invalid_request|policy_enforced|admin_policy_enforced|access_denied)\b`)

// tryClient opens the consent page as a browser would, which shows whether Google knows the client and the redirect address, and then
// exchanges a code that does not exist: to who has the right secret Google says that the code is wrong, and to others nothing of codes.
func (k *check) tryClient(ctx context.Context, link *auth.Link) error {
	offer := link.Start()
	consent, err := url.Parse(offer.URL)
	if err != nil {
		return err
	}
	shown, err := get(ctx, offer.URL)
	if err != nil {
		return err
	}
	code, refused := "", shown.code >= http.StatusBadRequest
	if hidden := shown.to.Query().Get("authError"); hidden != "" { // where Google redirects to its page of errors
		text, _ := base64.RawURLEncoding.DecodeString(strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(hidden))
		code, refused = refusedCode.FindString(string(text)), true // the text as far as it can be read
	} else if refused {
		code = refusedCode.FindString(shown.page)
	}
	back := url.Values{"state": consent.Query()["state"], "code": {"gphotos2mqtt-check"}}
	switch {
	case code != "":
		back = url.Values{"state": back["state"], "error": {code}}
	case refused:
		return fmt.Errorf("google refuses to show its consent page (%s): open %s in a browser to see why", shown.status, offer.URL)
	}
	_, err = link.FinishAddress(ctx, k.config.RedirectURL()+"?"+back.Encode())
	if errors.Is(err, auth.ErrExpired) {
		return nil // of the code, which is wrong; client, secret and redirect address are right
	}
	if told, ok := errors.AsType[*auth.Error](err); ok {
		return errors.New(told.Message)
	}
	return err
}

// noVault keeps nothing: check links nobody.
type noVault struct{}

func (noVault) Load(context.Context, string) ([]byte, error) { return nil, nil }
func (noVault) Save(context.Context, string, []byte) error   { return nil }
func (noVault) Delete(context.Context, string) error         { return nil }
