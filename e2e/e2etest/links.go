package e2etest

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"
	"golang.org/x/sync/errgroup"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/photos/photosim"
)

// Accounts are so many people, for as many entries.
func Accounts(count int) (accounts []photosim.Account) {
	for n := range count {
		accounts = append(accounts, photosim.Account{
			ID: fmt.Sprintf("1%020d", n+1), Name: fmt.Sprintf("Person %d", n+1), Email: fmt.Sprintf("person%d@example.com", n+1),
		})
	}
	return accounts
}

// LinkAll links entries of a bridge that does not run, in the order of the simulated Google's accounts, each to one of them.
func LinkAll(tb testing.TB, data, google, redirect string, accounts []photosim.Account, entries []string) {
	tb.Helper()
	Must(tb, os.MkdirAll(data, 0o700))
	key, err := secret.KeyFile(filepath.Join(data, "secret.key"))
	Must(tb, err)
	log, _ := logtest.NewNullLogger()
	s, err := store.Open(tb.Context(), store.Config{Dir: data, Key: &key, Log: logrus.NewEntry(log)})
	Must(tb, err)
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	at := (*photosim.Server)(nil).Endpoints(google)
	link := func(ctx context.Context, entry string, account photosim.Account) error {
		l, err := auth.Open(ctx, auth.Config{
			Entry: entry, ClientID: photosim.DefaultClientID, ClientSecret: photosim.DefaultClientSecret, RedirectURL: redirect,
			AuthURL: at.AuthURL, TokenURL: at.TokenURL, RevokeURL: at.RevokeURL, UserInfoURL: at.UserInfoURL, Base: browser.Transport,
		}, key, s.Links())
		if err != nil {
			return err
		}
		consent := l.Start().URL
		back, err := browser.PostForm(consent, url.Values{
			"decision": {"allow"}, "account": {account.ID}, "scope": auth.Scopes,
		})
		if err != nil {
			return err
		}
		_ = back.Body.Close()
		_, err = l.FinishAddress(ctx, back.Header.Get("Location"))
		return err
	}
	g, ctx := errgroup.WithContext(tb.Context())
	g.SetLimit(32) // whose saves share commits
	for n, entry := range entries {
		g.Go(func() error { return link(ctx, entry, accounts[n]) })
	}
	Must(tb, g.Wait())
	Must(tb, s.Close())
}
