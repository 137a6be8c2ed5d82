package auth

import (
	"errors"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

const (
	// early is how long before its end an access token is replaced, so that none ends on its way.
	early = time.Minute
	// assumedLife is taken for a token without expires_in; Google's live for one hour.
	// https://developers.google.com/identity/protocols/oauth2/web-server#exchange-authorization-code
	assumedLife = time.Hour
	// maxToken bounds what is stored. Google says to allow for 2048 bytes for an access token and 512 for a
	// refresh token. https://developers.google.com/identity/protocols/oauth2#size
	maxToken = 8 << 10
)

// record is all that is known of an entry's account. A record is never changed, only replaced by another, so
// that two pointers are equal exactly when nothing has happened in between.
type record struct {
	Account Account
	Scopes  []string  // granted, as parseScopes gives them
	Access  Secret    // access token
	Expires time.Time // of the access token
	Refresh Secret    // refresh token
	Granted time.Time // when the person allowed the access
	Until   time.Time // when Google said that the grant ends; zero when it did not say
	Renewed time.Time // when Google last gave an access token
	Reason  string    // why the account must be linked again; empty while the link works
}

// newRecord makes the record of a code exchange's answer.
func newRecord(tok *oauth2.Token) (*record, error) {
	if tok.RefreshToken == "" {
		return nil, because(ErrRefused, "Google gave no refresh token. Remove this app's access at "+
			"https://myaccount.google.com/permissions, then ask for a new link.", nil)
	}
	now := time.Now().UTC()
	r, err := (&record{Scopes: parseScopes(strings.Join(Scopes, " ")), Granted: now}).renewed(tok)
	if err != nil {
		return nil, err
	}
	// Only for time-based access. https://developers.google.com/identity/protocols/oauth2#expiration
	if seconds, ok := tok.Extra("refresh_token_expires_in").(float64); ok && seconds > 0 && seconds < 1e9 {
		r.Until = now.Add(time.Duration(seconds) * time.Second)
	}
	return r, nil
}

// renewed gives the record with the tokens of a new answer. A refresh normally brings no refresh token, and
// golang.org/x/oauth2 then repeats the old one. No scope in the answer means: as asked for (RFC 6749, 5.1).
func (r *record) renewed(tok *oauth2.Token) (*record, error) {
	if len(tok.AccessToken) > maxToken || len(tok.RefreshToken) > maxToken {
		return nil, because(ErrUnavailable, "", errors.New("a token of more than 8 KiB"))
	}
	next := *r
	next.Access = Secret(tok.AccessToken)
	next.Refresh = Secret(tok.RefreshToken)
	next.Renewed = time.Now().UTC() // UTC drops the monotonic reading, which stands still while a machine sleeps
	next.Expires = tok.Expiry.UTC()
	if tok.Expiry.IsZero() {
		next.Expires = next.Renewed.Add(assumedLife)
	}
	if scope, ok := tok.Extra("scope").(string); ok && scope != "" {
		next.Scopes = parseScopes(scope)
	}
	return &next, nil
}

// ended gives the record of a grant that is over. The refresh token stays for Unlink: it may be dead or not.
func (r *record) ended(reason string) *record {
	next := *r
	next.Access, next.Reason = "", reason
	return &next
}

// fresh reports whether the access token may still be sent.
func (r *record) fresh() bool { return time.Now().Add(early).Before(r.Expires) }

// works gives nil, or the error of an entry whose account cannot be used.
func (r *record) works() error {
	switch {
	case r == nil:
		return ErrUnlinked
	case r.Reason != "":
		return because(ErrRelink, r.Reason, nil)
	default:
		return nil
	}
}
