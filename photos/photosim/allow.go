package photosim

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Allow does what a person does in a browser at the address of a consent page: the person of the account (id or e-mail
// address) ticks every box and presses Continue. It returns the address that the browser is sent back to.
func (s *Server) Allow(ctx context.Context, consentURL, account string) (string, error) {
	a, ok := s.account(account)
	page, err := url.Parse(consentURL)
	if !ok || err != nil {
		return "", fmt.Errorf("allow access to account %q: unknown, or no consent page", account)
	}
	form := url.Values{"decision": {"allow"}, "account": {a.ID}, "scope": strings.Fields(page.Query().Get("scope"))}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, consentURL, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := s.Transport().RoundTrip(req)
	if err != nil {
		return "", err
	}
	back := resp.Header.Get("Location")
	if back == "" {
		err = fmt.Errorf("the consent page answers %s", resp.Status)
	}
	return back, errors.Join(err, resp.Body.Close())
}
