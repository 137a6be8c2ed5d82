package auth

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Unlink forgets the entry's account; any account may be linked afterwards. With revoke Google ends the grant
// first, unless another entry uses the same account. If that fails (ErrUnavailable), nothing has changed. It is
// no error when the entry is not linked.
func (l *Link) Unlink(ctx context.Context, revoke bool) error {
	if err := l.acquire(ctx); err != nil {
		return because(ErrUnavailable, "", err)
	}
	defer l.release()
	r := l.current()
	if revoke && r != nil && r.Refresh != "" && !l.cfg.InUse(r.Account.ID) {
		// A stop after this and before Delete leaves a dead grant: the entry comes up as relink, and can be
		// unlinked again. The other order could leave a living grant that nobody here knows of.
		if err := l.revoke(ctx, r.Refresh); err != nil {
			return err
		}
	}
	if err := l.vault.Delete(ctx, l.cfg.Entry); err != nil {
		return because(ErrVault, "", fmt.Errorf("delete link of entry %s: %w", l.cfg.Entry, err))
	}
	l.mu.Lock()
	l.failure = ""
	l.drop(func(*attempt) bool { return true })
	l.mu.Unlock()
	l.set(nil)
	return nil
}

// revoke ends the whole grant of the token's account and this Google Cloud project. 400 means that there is
// nothing left to end. https://developers.google.com/identity/protocols/oauth2/web-server#tokenrevoke
func (l *Link) revoke(ctx context.Context, token Secret) error {
	form := url.Values{"token": {string(token)}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.cfg.RevokeURL, strings.NewReader(form))
	if err != nil {
		return because(ErrUnavailable, "", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := l.google.Do(req)
	if err == nil {
		defer discard(resp)
		if resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusBadRequest {
			return nil
		}
		err = fmt.Errorf("revoke: status %d", resp.StatusCode)
	}
	return because(ErrUnavailable, "Google could not be asked to end the access, so nothing was changed. Try again, "+
		"or unlink without revoking and remove the access at https://myaccount.google.com/permissions.", err)
}
