package auth

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"

	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/bridge/wake"
)

// Client gives a client for Google's Photos APIs. It adds the entry's access token to every request and replaces the token a minute before
// it ends. After a 401 it repeats the request once with a new token; for a body without http.Request.GetBody the caller gets the 401.
//
// A second 401 is the caller's too. Its requests fail, findable with errors.Is, with ErrUnlinked, ErrRelink, ErrClient, ErrRefused,
// ErrUnavailable and ErrVault; nothing has been sent to the API then, but before an error that follows a 401. No redirect is followed: the token is Google's.
func (l *Link) Client() *http.Client {
	return &http.Client{Transport: transport{l}, CheckRedirect: refuseRedirect}
}

type transport struct{ link *Link }

func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, body := req.Context(), req.Body
	token, err := t.link.token(ctx, "")
	if err != nil {
		if body != nil {
			_ = body.Close()
		}
		return nil, err
	}
	resp, err := t.send(req, body, token)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	token, err = t.link.token(ctx, token)
	if err == nil && body != nil && body != http.NoBody {
		if req.GetBody == nil {
			return resp, nil
		}
		body, err = req.GetBody()
	}
	discard(resp)
	if err != nil {
		return nil, err
	}
	return t.send(req, body, token) // a second 401 is Google's own contradiction: the link stands until the token endpoint ends it
}

// send leaves the caller's request as it was, as http.RoundTripper demands.
func (t transport) send(req *http.Request, body io.ReadCloser, token secret.Text) (*http.Response, error) {
	out := req.Clone(req.Context())
	out.Body = body
	out.Header.Set("Authorization", "Bearer "+string(token))
	return t.link.cfg.Base.RoundTrip(out)
}

// token gives an access token, never the refused one. While the refresh fails and the link stands, an old one is used to its very end.
func (l *Link) token(ctx context.Context, refused secret.Text) (secret.Text, error) {
	r := l.current()
	access, err := r.access()
	if err != nil || refused == "" && r.fresh(early) || refused != "" && access != refused {
		return access, err
	}
	if err = l.refresh(ctx, r); err == nil {
		return l.current().access()
	}
	if refused == "" && !errors.Is(err, ErrRelink) && r.fresh(0) {
		return access, nil
	}
	return "", err
}

// refresh replaces the access token, once however many ask. A caller that leaves gets its context's error; the refresh goes on and is kept.
func (l *Link) refresh(ctx context.Context, r *record) error {
	done := l.refreshes.DoChan(fmt.Sprintf("%p", r), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), googleLimit)
		defer cancel()
		return nil, l.renew(ctx, r)
	})
	select {
	case result := <-done:
		return result.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// renew stores new tokens before use. A stop before loses them: the old refresh token still works, unless replaced; then link again.
func (l *Link) renew(ctx context.Context, r *record) error {
	if err := l.writer.Lock(ctx); err != nil {
		return ErrUnavailable.because(err)
	}
	defer l.writer.Unlock()
	if l.current() != r { // linked, unlinked or refreshed in the meantime
		return nil
	}
	if l.unsaved == nil { // else the vault failed last time: Google is not asked twice
		asking := context.WithValue(ctx, oauth2.HTTPClient, l.google)
		tok, err := l.oauth.TokenSource(asking, &oauth2.Token{RefreshToken: string(r.Refresh)}).Token()
		if err != nil {
			cause := l.tokenError(err)
			l.refusedClient(cause)
			if e, ok := errors.AsType[*oauth2.RetrieveError](err); ok && e.ErrorCode == "invalid_grant" && !errors.Is(cause, ErrUnavailable) {
				return l.end(ctx, r, endReason(r, wake.Wall()), cause.Err)
			}
			return cause
		}
		if l.unsaved, err = r.renewed(tok); err != nil {
			return err
		}
	}
	err := l.save(ctx, l.unsaved)
	if err == nil {
		l.set(l.unsaved)
	}
	return err
}

// end makes the record relink. A stop before it is stored: the next start finds out anew. Unlink needs the token. Caller holds writer lock.
func (l *Link) end(ctx context.Context, r *record, reason string, cause error) error {
	next := *r
	next.Access, next.Reason = "", reason
	err := l.save(ctx, &next)
	l.set(&next)
	return ErrRelink.say(reason, errors.Join(cause, err))
}

// refusedClient keeps why Google gives no access token although the link stands, for State. The caller holds the writer lock.
func (l *Link) refusedClient(why *Error) {
	if errors.Is(why, ErrClient) || errors.Is(why, ErrRefused) {
		l.update(func() { l.refused = why.Message })
	}
}

// Unlink forgets the entry's account; any account may be linked afterwards. With revoke Google ends the grant first, unless another entry
// uses the same account. If that fails (ErrUnavailable), nothing has changed. It is no error when the entry is not linked.
func (l *Link) Unlink(ctx context.Context, revoke bool) error {
	if err := l.writer.Lock(ctx); err != nil {
		return ErrUnavailable.because(err)
	}
	defer l.writer.Unlock()
	if r := l.current(); revoke && r != nil && r.Refresh != "" && !l.cfg.InUse(r.Account.ID) {
		// A stop between this and Delete leaves a dead grant, and the entry relink. The other order could leave an unknown living grant.
		if err := l.revoke(ctx, r.Refresh); err != nil {
			return err
		}
	}
	if err := l.vault.Delete(ctx, l.cfg.Entry); err != nil {
		return ErrVault.because(fmt.Errorf("delete link of entry %s: %w", l.cfg.Entry, err))
	}
	l.update(func() { l.failure, l.attempts = "", nil })
	l.set(nil)
	return nil
}

// revoke ends the whole grant of the token's account and this Google Cloud project. 400 means that there is nothing left to end.
// https://developers.google.com/identity/protocols/oauth2/web-server#tokenrevoke
func (l *Link) revoke(ctx context.Context, token secret.Text) error {
	status, _, err := l.call(ctx, l.cfg.RevokeURL, url.Values{"token": {string(token)}}, "")
	if status == http.StatusOK || status == http.StatusBadRequest {
		return nil
	}
	return ErrUnavailable.say("Google could not be asked to end the access, so nothing was changed. Try again, or unlink without revoking "+
		"and remove the access at https://myaccount.google.com/permissions.", cmp.Or(err, fmt.Errorf("revoke: status %d", status)))
}

// https://developers.google.com/identity/protocols/oauth2/web-server#exchange-authorization-code and
// https://developers.google.com/identity/protocols/oauth2#size
const (
	early       = time.Minute // before its end an access token is replaced, so that none ends on its way
	assumedLife = time.Hour   // of a token without expires_in
	maxToken    = 8 << 10     // what is stored; Google says to allow for 2048 bytes for an access token and 512 for a refresh token
)

// record is all that is known of an entry's account. It is never changed, only replaced: equal pointers mean that nothing has happened.
type record struct {
	Account Account     `json:"account"`
	Scopes  []string    `json:"scopes"` // granted, as parseScopes gives them
	Access  secret.Text `json:"access_token"`
	Expires time.Time   `json:"expires"`
	Refresh secret.Text `json:"refresh_token"`
	Granted time.Time   `json:"granted"`          // when the person allowed the access
	Until   time.Time   `json:"until,omitzero"`   // when Google said that the grant ends; zero when it did not say
	Renewed time.Time   `json:"renewed"`          // when Google last gave an access token
	Reason  string      `json:"reason,omitempty"` // why the account must be linked again; empty while the link works
}

// renewed gives the record with a new answer's tokens. oauth2 repeats an absent refresh token; no scope means as asked (RFC 6749, 5.1).
func (r *record) renewed(tok *oauth2.Token) (*record, error) {
	if len(tok.AccessToken) > maxToken || len(tok.RefreshToken) > maxToken {
		return nil, ErrUnavailable.because(errors.New("a token of more than 8 KiB"))
	}
	next := *r
	next.Access, next.Refresh = secret.Text(tok.AccessToken), secret.Text(tok.RefreshToken)
	next.Renewed = wake.Wall() // timers stand still while a machine sleeps, this does not
	next.Expires = next.Renewed.Add(assumedLife)
	if !tok.Expiry.IsZero() {
		next.Expires = next.Renewed.Add(time.Until(tok.Expiry))
	}
	if scope, ok := tok.Extra("scope").(string); ok && scope != "" {
		next.Scopes = parseScopes(scope)
	}
	return &next, nil
}

// fresh tells whether the access token lasts for more than some time. The clock may have been set back since Google gave it.
func (r *record) fresh(more time.Duration) bool {
	return wake.Left(r.Expires, r.Expires.Sub(r.Renewed)+slack) > more
}

// access gives the access token, or the error of an entry whose account cannot be used.
func (r *record) access() (secret.Text, error) {
	switch {
	case r == nil:
		return "", ErrUnlinked
	case r.Reason != "":
		return "", ErrRelink.say(r.Reason, nil)
	}
	return r.Access, nil
}

func (r *record) seal(key secret.Key, entry string) ([]byte, error) {
	plain, err := json.Marshal(struct { //nolint:gosec // G117: it is sealed below
		*record
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}{r, string(r.Access), string(r.Refresh)})
	return key.Seal(plain, entry), err
}

// LinkedAccount is the id of the account that an entry is linked to by what the vault has, whoever holds the entry's Link; "" = none.
func LinkedAccount(ctx context.Context, key secret.Key, vault Vault, entry string) (id string, err error) {
	sealed, err := vault.Load(ctx, entry)
	if err != nil || sealed == nil {
		return "", err
	}
	r, err := unseal(key, entry, sealed)
	if err != nil {
		return "", err
	}
	return r.Account.ID, nil
}

// unseal is the way back. Its errors are ErrSealed with a sentence that says which is wrong, the key or the record.
func unseal(key secret.Key, entry string, sealed []byte) (*record, error) {
	r := new(record)
	plain, err := key.Open(sealed, entry)
	if errors.Is(err, secret.ErrOtherKey) {
		return nil, ErrSealed.say(fmt.Sprintf("The link of entry %s was %v. Put the old key back into GPHOTOS_SECRET_KEY or the key file and "+
			"start the bridge again, or link the account again.", entry, err), nil)
	}
	if err == nil && (json.Unmarshal(plain, r) != nil || r.Account.ID == "") {
		err = errors.New("no record under the seal") // the decoder's own error may quote the record
	}
	if err != nil {
		return nil, ErrSealed.say(fmt.Sprintf("The stored link of entry %s is damaged. Restore the data folder from a backup, or link "+
			"the account again.", entry), err)
	}
	return r, nil
}
