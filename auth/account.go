package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode"
)

const (
	maxUserInfo = 64 << 10 // the answer has a dozen short fields
	maxID       = 255      // https://developers.google.com/identity/openid-connect/openid-connect#an-id-tokens-payload
	maxName     = 200      // of a name or an e-mail address that is shown; RFC 5321 allows 254 for the latter
)

var errAccount = errors.New("the answer names no account")

// account asks Google whose token this is. It needs one of the scopes openid, email and profile.
// https://developers.google.com/identity/openid-connect/openid-connect#obtaininguserprofileinformation
func (l *Link) account(ctx context.Context, access Secret) (Account, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.cfg.UserInfoURL, http.NoBody)
	if err != nil {
		return Account{}, because(ErrUnavailable, "", err)
	}
	req.Header.Set("Authorization", bearer(access))
	resp, err := l.google.Do(req)
	if err != nil {
		return Account{}, because(ErrUnavailable, "", err)
	}
	defer discard(resp)
	cause := fmt.Errorf("userinfo: status %d", resp.StatusCode)
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusUnauthorized, http.StatusForbidden:
		return Account{}, because(ErrRefused, "Google did not say which account this is, so nothing was linked. "+
			"Ask for a new link and leave the boxes for the name and the e-mail address ticked.", cause)
	default:
		return Account{}, because(ErrUnavailable, "", cause)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxUserInfo))
	if err != nil {
		return Account{}, because(ErrUnavailable, "", fmt.Errorf("userinfo: %w", err))
	}
	a, err := parseAccount(body)
	if err != nil {
		return Account{}, because(ErrUnavailable, "", fmt.Errorf("userinfo: %w", err))
	}
	return a, nil
}

// parseAccount reads the OpenID form and the older one that has `id` in place of `sub`.
func parseAccount(body []byte) (Account, error) {
	var info struct {
		Sub, ID, Name, Email string
	}
	if err := json.Unmarshal(body, &info); err != nil {
		return Account{}, errAccount // the decoder's own error may quote the answer
	}
	id := info.Sub
	if id == "" {
		id = info.ID
	}
	if id == "" || len(id) > maxID || strings.ContainsFunc(id, unprintable) {
		return Account{}, errAccount
	}
	return Account{ID: id, Name: shown(info.Name), Email: shown(info.Email)}, nil
}

// shown makes a stranger's text fit for a topic, a page and a terminal.
func shown(s string) string {
	s = strings.Map(func(r rune) rune {
		if unprintable(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if runes := []rune(s); len(runes) > maxName {
		s = string(runes[:maxName])
	}
	return strings.TrimSpace(s)
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

func bearer(access Secret) string { return "Bearer " + string(access) }

// discard reads the little that may be left of an answer, so that its connection can be used again.
func discard(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, maxUserInfo)
	_ = resp.Body.Close()
}
