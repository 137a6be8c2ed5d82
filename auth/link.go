// Package auth keeps which entry is linked to which Google account. It makes one-time addresses for linking,
// completes links, keeps their tokens sealed in a Vault, serves the two addresses that a browser visits, and
// hands out an *http.Client that carries the account's access token.
//
// An entry is unlinked, linking, linked or relink. Only a person makes a link: Start gives an address that leads
// to Google's consent page, and Finish, FinishAddress or Handler take what Google sent the browser back with.
// Only Google or Unlink ends one: when Google no longer takes the refresh token, the entry is relink until the
// same account is linked again, and every request fails with ErrRelink. A network error or a failing Google
// changes nothing.
//
// Tokens, codes, verifiers and states are Secrets: they are in requests to Google and under the seal, and in no
// error, State, page or String. All methods may be called by many goroutines. The package does not log: what
// there is to know is in the returned error and in State, and Watch tells when to look.
//
// Google's side: https://developers.google.com/identity/protocols/oauth2/web-server
package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

// saveLimit bounds one write to the vault. A write is not given up because a caller went away.
const saveLimit = 10 * time.Second

// Link is one entry's link. At most one Link of an entry may be in use, over all processes that share a vault:
// it holds the record in memory.
type Link struct {
	cfg     Config
	key     Key
	vault   Vault
	oauth   *oauth2.Config
	google  *http.Client
	changed chan struct{} // Watch

	turn    chan struct{} // held by the one who changes the stored record
	unsaved *record       // what Google gave and the vault did not take yet; guarded by turn

	mu       sync.Mutex
	rec      *record // nil: unlinked
	attempts []*attempt
	failure  string // what went wrong at the last attempt to link
	flight   *flight
}

// Open loads the entry's link from the vault. It reports every wrong setting at once, ErrRedirect among them,
// and ErrSealed when the record was sealed with another key or is damaged.
func Open(ctx context.Context, cfg Config, key Key, vault Vault) (*Link, error) {
	cfg, err := cfg.complete()
	if key == (Key{}) {
		err = errors.Join(err, errKeyText)
	}
	if err != nil {
		return nil, err
	}
	l := &Link{
		cfg: cfg, key: key, vault: vault, oauth: cfg.oauth(), google: cfg.google(),
		changed: make(chan struct{}, 1), turn: make(chan struct{}, 1),
	}
	sealed, err := vault.Load(ctx, cfg.Entry)
	if err != nil {
		return nil, because(ErrVault, "", fmt.Errorf("load link of entry %s: %w", cfg.Entry, err))
	}
	if sealed != nil {
		if l.rec, err = key.unseal(cfg.Entry, sealed); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// Entry gives the entry's name.
func (l *Link) Entry() string { return l.cfg.Entry }

// String names the entry and its status.
func (l *Link) String() string {
	return "link of entry " + l.cfg.Entry + ": " + string(l.State().Status)
}

// Format prints String whatever the verb: fmt would otherwise print the fields, and tokens with them.
func (l *Link) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, l.String()) }

// acquire waits for the right to change the record. Google is asked and the vault is written under it, so that
// a refresh, a new link and an unlink never overwrite each other.
func (l *Link) acquire(ctx context.Context) error {
	select {
	case l.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *Link) release() { <-l.turn }

func (l *Link) current() *record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rec
}

// save stores the record. The caller holds the turn.
func (l *Link) save(ctx context.Context, r *record) error {
	sealed, err := l.key.seal(l.cfg.Entry, r)
	if err != nil {
		return because(ErrVault, "", err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveLimit)
	defer cancel()
	if err := l.vault.Save(ctx, l.cfg.Entry, sealed); err != nil {
		return because(ErrVault, "", fmt.Errorf("save link of entry %s: %w", l.cfg.Entry, err))
	}
	return nil
}

// set makes the record the one in use; nil unlinks. The caller holds the turn.
func (l *Link) set(r *record) {
	l.unsaved = nil
	l.mu.Lock()
	old := l.rec
	l.rec = r
	l.mu.Unlock()
	if old == nil || r == nil || old.Reason != r.Reason || !slices.Equal(old.Scopes, r.Scopes) {
		l.notify()
	}
}
