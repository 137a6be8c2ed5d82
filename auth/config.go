package auth

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// Google's addresses. https://developers.google.com/identity/protocols/oauth2/web-server and
// https://accounts.google.com/.well-known/openid-configuration
const (
	googleAuthURL     = "https://accounts.google.com/o/oauth2/v2/auth"
	googleTokenURL    = "https://oauth2.googleapis.com/token" //nolint:gosec // G101: an address, not a credential
	googleRevokeURL   = "https://oauth2.googleapis.com/revoke"
	googleUserInfoURL = "https://openidconnect.googleapis.com/v1/userinfo"
)

// googleLimit bounds one call to Google's OAuth addresses, which answer within a second when they are well.
const googleLimit = 30 * time.Second

// Config is the settings of one entry's link.
type Config struct {
	// Entry is the entry's name: the record's name in the vault, and part of what its seal covers.
	Entry string
	// ClientID and ClientSecret are those of an OAuth client in Google's console. Both are required.
	ClientID     string
	ClientSecret Secret
	// AuthURL, TokenURL, RevokeURL and UserInfoURL are Google's when empty.
	AuthURL, TokenURL, RevokeURL, UserInfoURL string
	// RedirectURL is where Google sends the browser afterwards, character for character as registered in
	// Google's console. It must pass CheckRedirect.
	RedirectURL string
	// LinkURL is the base of one-time addresses as a person's browser reaches Handler, such as
	// http://192.168.1.10:8099. Empty: Start gives the address of Google's page itself.
	LinkURL string
	// InUse reports whether another entry is linked to the account. Google revokes a whole grant of an account
	// and project, not one token, so a grant in use elsewhere is forgotten instead. nil: no other entry exists.
	InUse func(accountID string) bool
	// Report gets the error of every link that failed in a browser, whose page shows the sentence and not the cause.
	// nil: it is dropped. Errors of Finish and FinishAddress are returned instead.
	Report func(err error)
	// Base carries all requests, those of Client too; http.DefaultTransport when nil.
	Base http.RoundTripper
}

// complete fills in the defaults and reports everything that is wrong with the settings.
func (c Config) complete() (Config, error) {
	for at, standard := range map[*string]string{
		&c.AuthURL: googleAuthURL, &c.TokenURL: googleTokenURL,
		&c.RevokeURL: googleRevokeURL, &c.UserInfoURL: googleUserInfoURL,
	} {
		if *at == "" {
			*at = standard
		}
	}
	if c.Base == nil {
		c.Base = http.DefaultTransport
	}
	if c.InUse == nil {
		c.InUse = func(string) bool { return false }
	}
	if c.Report == nil {
		c.Report = func(error) {}
	}
	c.LinkURL = strings.TrimRight(c.LinkURL, "/")

	var errs []error
	if c.Entry == "" {
		errs = append(errs, errors.New("the entry has no name"))
	}
	if c.ClientID == "" || c.ClientSecret == "" {
		errs = append(errs, fmt.Errorf("entry %s: the client id or the client secret is empty: "+
			"copy both from the OAuth client in Google's console", c.Entry))
	}
	if err := CheckRedirect(c.RedirectURL); err != nil {
		errs = append(errs, fmt.Errorf("entry %s: %w", c.Entry, err))
	}
	if u, err := url.Parse(c.LinkURL); c.LinkURL != "" &&
		(err != nil || u.Host == "" || u.RawQuery != "" || u.Scheme != "http" && u.Scheme != "https") {
		errs = append(errs, fmt.Errorf("entry %s: the base of one-time addresses must be like "+
			"http://192.168.1.10:8099", c.Entry))
	}
	return c, errors.Join(errs...)
}

func (c Config) oauth() *oauth2.Config {
	return &oauth2.Config{
		ClientID:     c.ClientID,
		ClientSecret: string(c.ClientSecret),
		RedirectURL:  c.RedirectURL,
		Scopes:       Scopes,
		// Google takes the client's credentials in the form; naming that saves a refused first try.
		Endpoint: oauth2.Endpoint{AuthURL: c.AuthURL, TokenURL: c.TokenURL, AuthStyle: oauth2.AuthStyleInParams},
	}
}

// google is the client for the OAuth addresses: no redirect is followed with a secret on board.
func (c Config) google() *http.Client {
	return &http.Client{Transport: c.Base, CheckRedirect: refuseRedirect, Timeout: googleLimit}
}

func refuseRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
