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
		resp, _, err := get(ctx, u.Scheme+"://"+u.Host+"/")
		if err != nil {
			k.offline = true
			const advice = "look whether this machine reaches the internet, at its DNS, its proxy (HTTPS_PROXY) and its firewall"
			k.say(lineBad, "google", "%s cannot be reached: %v; %s", u.Host, errors.Unwrap(err), cmp.Or(wake.WrongClock(err), advice))
			continue
		}
		k.say(lineOK, "google", "%s answers", u.Host)
		if len(looked) == 1 {
			k.clock(resp.Header.Get("Date"))
		}
	}
}

func (k *check) clock(date string) {
	there, err := http.ParseTime(date)
	if err != nil {
		return
	}
	if off := time.Since(there).Round(time.Second); off.Abs() > clockSlack {
		k.say(lineBad, "clock", "it is wrong by %s (%s here, %s at Google): set it, or let it be set from the network (NTP)", off.Abs(),
			time.Now().UTC().Format(time.DateTime), there.UTC().Format(time.DateTime))
		return
	}
	k.say(lineOK, "clock", "it is right")
}

// get asks without following redirects, and reads at most so much of a page that Google's error is in it.
func get(ctx context.Context, address string) (*http.Response, string, error) {
	ctx, cancel := context.WithTimeout(ctx, googleWait)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, "", err
	}
	ask := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer ask.CloseIdleConnections()
	resp, err := ask.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close() //nolint:errcheck // only read from
	page, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return resp, string(page), nil
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
	resp, page, err := get(ctx, offer.URL)
	if err != nil {
		return err
	}
	answer := url.Values{"state": consent.Query()["state"], "code": {"gphotos2mqtt-check"}}
	to, err := resp.Location()
	if errors.Is(err, http.ErrNoLocation) {
		to = &url.URL{}
	}
	if hidden := to.Query().Get("authError"); hidden != "" {
		text, _ := base64.RawURLEncoding.DecodeString(strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(hidden))
		page = string(text) // as far as it can be read
	} else if resp.StatusCode < http.StatusBadRequest {
		page = ""
	}
	if code := refusedCode.FindString(page); code != "" {
		answer = url.Values{"state": answer["state"], "error": {code}}
	} else if resp.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("google refuses to show its consent page (%s): open %s in a browser to see why", resp.Status, offer.URL)
	}
	_, err = link.FinishAddress(ctx, k.config.RedirectURL()+"?"+answer.Encode())
	if errors.Is(err, auth.ErrExpired) {
		return nil // of the code, which is wrong; client, secret and redirect address are right
	}
	if refused, ok := errors.AsType[*auth.Error](err); ok {
		return errors.New(refused.Message)
	}
	return err
}

// noVault keeps nothing: check links nobody.
type noVault struct{}

func (noVault) Load(context.Context, string) ([]byte, error) { return nil, nil }
func (noVault) Save(context.Context, string, []byte) error   { return nil }
func (noVault) Delete(context.Context, string) error         { return nil }
