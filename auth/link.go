// Package auth keeps which entry is linked to which Google account: it makes one-time addresses for linking, completes links, keeps their
// tokens sealed in a [Vault], and hands out an *http.Client that carries the account's access token.
//
// An entry is unlinked, linking, linked or relink. Only a person makes a link, from [Link.Start] to [FinishAny] or [Link.FinishAddress].
// Only Google or [Link.Unlink] ends one: when Google no longer takes the refresh token, the entry is relink until the same account is
// linked again, and every request fails with [ErrRelink]. A network error or a failing Google changes nothing.
//
// Tokens, codes, verifiers and states are in requests to Google and under the seal, and in no error, State or String. All methods may be
// called by many goroutines. The package does not log: what there is to know is in the returned error and in [State].
//
// A link has two locks, taken in this order: the writer lock serialises all that changes the stored record and is held while Google is
// asked and the vault is written; mu guards what is in memory and is never held across I/O or a callback. Google's side:
// https://developers.google.com/identity/protocols/oauth2/web-server
package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"

	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/bridge/wake"
)

// Google's addresses. https://accounts.google.com/.well-known/openid-configuration
const (
	googleAuthURL     = "https://accounts.google.com/o/oauth2/v2/auth"
	googleTokenURL    = "https://oauth2.googleapis.com/token" //nolint:gosec // G101: an address, not a credential
	googleRevokeURL   = "https://oauth2.googleapis.com/revoke"
	googleUserInfoURL = "https://openidconnect.googleapis.com/v1/userinfo"
)

const (
	googleLimit = 30 * time.Second // for one call to Google's OAuth addresses, which answer within a second when they are well
	saveLimit   = 10 * time.Second // for one write to the vault, which is not given up because a caller went away
	maxAnswer   = 64 << 10         // the answers have a dozen short fields
)

// Config is the settings of one entry's link.
type Config struct {
	Entry                                     string      // the record's name in the vault, and part of what its seal covers
	ClientID                                  string      // of an OAuth client in Google's console
	ClientSecret                              secret.Text // of the same
	AuthURL, TokenURL, RevokeURL, UserInfoURL string      // Google's when empty
	// RedirectURL is where Google sends the browser afterwards, exactly as registered in Google's console. It must pass CheckRedirect.
	RedirectURL string
	// LinkURL is where a browser reaches linkpage.Handler, such as http://192.168.1.10:8099. Empty: Start gives Google's page itself.
	LinkURL string
	// InUse reports whether another entry is linked to the account. Google revokes a whole grant of an account and project, not one token,
	// so a grant in use elsewhere is forgotten instead. nil: no other entry exists.
	InUse func(accountID string) bool
	// Attempts keeps the attempts to link, which another process then can finish. nil: they are of this process alone.
	Attempts Vault
	Base     http.RoundTripper // carries all requests, those of Client too; http.DefaultTransport when nil
}

// Vault keeps one sealed record an entry. What it is given is encrypted and authenticated already.
type Vault interface {
	Load(ctx context.Context, entry string) ([]byte, error)      // nil when there is none
	Save(ctx context.Context, entry string, sealed []byte) error // durable when it returns nil
	Delete(ctx context.Context, entry string) error              // nil also when there is none
}

// Link is one entry's link. Only one of an entry may be in use, over all processes that share a vault: it holds the record in memory.
type Link struct {
	cfg       Config
	key       secret.Key
	vault     Vault
	oauth     *oauth2.Config
	google    *http.Client       // for the OAuth addresses
	changed   wake.Flag          // Watch
	refreshes singleflight.Group // by record
	writer    wake.Lock          // a refresh, a new link and an unlink never overwrite each other
	keeping   wake.Lock          // held while attempts are kept
	unsaved   *record            // what Google gave and the vault did not take yet; owner: writer

	mu       sync.Mutex // owns everything below; rec changes under writer too
	rec      *record    // nil: unlinked
	attempts []*attempt // the oldest first
	failure  string     // what went wrong at the last attempt to link
	refused  string     // why Google last gave no access token, when that is the OAuth client's fault; a new token ends it
}

// Open loads the entry's link from the vault. It reports every wrong setting at once, ErrRedirect among them. A record that the key does
// not open makes the entry relink, and says why: the others go on, and so does this one when the old key is back.
func Open(ctx context.Context, cfg Config, key secret.Key, vault Vault) (*Link, error) {
	cfg, err := cfg.complete()
	if key == (secret.Key{}) {
		_, noKey := secret.ReadKey("")
		err = errors.Join(err, noKey)
	}
	if err != nil {
		return nil, err
	}
	l := &Link{
		cfg: cfg, key: key, vault: vault, changed: wake.NewFlag(), writer: wake.NewLock(), keeping: wake.NewLock(),
		google: &http.Client{Transport: cfg.Base, CheckRedirect: refuseRedirect, Timeout: googleLimit},
		oauth: &oauth2.Config{
			ClientID: cfg.ClientID, ClientSecret: string(cfg.ClientSecret), RedirectURL: cfg.RedirectURL, Scopes: Scopes,
			// Google takes the client's credentials in the form; naming that saves a refused first try.
			Endpoint: oauth2.Endpoint{AuthURL: cfg.AuthURL, TokenURL: cfg.TokenURL, AuthStyle: oauth2.AuthStyleInParams},
		},
	}
	sealed, err := vault.Load(ctx, cfg.Entry)
	if err != nil {
		return nil, ErrVault.because(fmt.Errorf("load link of entry %s: %w", cfg.Entry, err))
	}
	if sealed != nil {
		l.rec, err = unseal(key, cfg.Entry, sealed)
		if e, ok := errors.AsType[*Error](err); ok { // what is stored stays until the account is linked again
			l.rec = &record{Reason: e.Message}
		}
	}
	l.takeUp(ctx)
	return l, nil
}

func (c Config) complete() (Config, error) {
	c.AuthURL, c.TokenURL = cmp.Or(c.AuthURL, googleAuthURL), cmp.Or(c.TokenURL, googleTokenURL)
	c.RevokeURL, c.UserInfoURL = cmp.Or(c.RevokeURL, googleRevokeURL), cmp.Or(c.UserInfoURL, googleUserInfoURL)
	c.Base = cmp.Or(c.Base, http.DefaultTransport)
	c.LinkURL = strings.TrimRight(c.LinkURL, "/")
	if c.InUse == nil {
		c.InUse = func(string) bool { return false }
	}
	err := CheckRedirect(c.RedirectURL)
	if c.Entry == "" {
		err = errors.Join(err, errors.New("the entry has no name"))
	}
	if c.ClientID == "" || c.ClientSecret == "" {
		err = errors.Join(err, errors.New("the client id or the client secret is empty: copy both from the OAuth client in Google's console"))
	}
	u, bad := url.Parse(c.LinkURL)
	if c.LinkURL != "" && (bad != nil || u.Host == "" || u.RawQuery != "" || u.Scheme != "http" && u.Scheme != "https") {
		err = errors.Join(err, errors.New("the base of one-time addresses must be like http://192.168.1.10:8099"))
	}
	return c, err
}

// Entry is the entry's name.
func (l *Link) Entry() string { return l.cfg.Entry }

// Redirect gives the address to which Google sends the browser back, and whether only a browser on this machine reaches it.
func (l *Link) Redirect() (address string, local bool) {
	u, err := url.Parse(l.cfg.RedirectURL)
	return l.cfg.RedirectURL, err == nil && IsLoopback(u.Hostname())
}

// Format prints the entry's name and status whatever the verb: fmt would otherwise print the fields, and tokens with them.
func (l *Link) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "link of entry %s: %s", l.cfg.Entry, l.State().Status)
}

// Page is the address of the entry's own page, which is always the same and holds no secret; "" without Config.LinkURL.
func (l *Link) Page() string {
	if l.cfg.LinkURL == "" {
		return ""
	}
	return l.cfg.LinkURL + EntryPath + l.cfg.Entry
}

// Local reports whether a browser reaches the pages from this machine alone.
func (l *Link) Local() bool {
	u, err := url.Parse(l.cfg.LinkURL)
	return err == nil && IsLoopback(u.Hostname())
}

func (l *Link) current() *record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rec
}

// save stores the record. The caller holds the writer lock.
func (l *Link) save(ctx context.Context, r *record) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveLimit)
	defer cancel()
	sealed, err := r.seal(l.key, l.cfg.Entry)
	if err == nil {
		err = l.vault.Save(ctx, l.cfg.Entry, sealed)
	}
	if err != nil {
		err = ErrVault.because(fmt.Errorf("save link of entry %s: %w", l.cfg.Entry, err))
	}
	return err
}

// set makes the record the one in use; nil unlinks. The caller holds the writer lock.
func (l *Link) set(r *record) {
	l.unsaved = nil
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.rec
	if old == nil || r == nil || old.Reason != r.Reason || l.refused != "" ||
		!old.Granted.Equal(r.Granted) || !slices.Equal(old.Scopes, r.Scopes) {
		l.changed.Set()
	}
	l.rec, l.refused = r, ""
}

// update changes what State shows of the attempts to link.
func (l *Link) update(change func()) {
	l.mu.Lock()
	change()
	l.mu.Unlock()
	l.changed.Set()
}

// call sends a form, or without one asks with the access token, and gives the answer's beginning.
func (l *Link) call(ctx context.Context, address string, form url.Values, access secret.Text) (status int, body []byte, err error) {
	method, header := http.MethodPost, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	if form == nil {
		method, header = http.MethodGet, http.Header{"Authorization": {"Bearer " + string(access)}}
	}
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, nil, err
	}
	req.Header = header
	resp, err := l.google.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer discard(resp)
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return resp.StatusCode, body, err
}

// discard reads the little that may be left of an answer, so that its connection can be used again.
func discard(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer)
	_ = resp.Body.Close()
}

func refuseRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// CallbackPath is where Google sends the browser back to, on every host.
const CallbackPath = "/oauth/callback"

// privateNames are on no public suffix list. RFC 6761, RFC 8375, and ICANN's resolution of 29 July 2024 on .internal.
var privateNames = []string{
	"local", "localhost", "localdomain", "lan", "home", "internal", "intranet", "private", "corp", "domain",
	"test", "example", "invalid", "onion", "arpa", "docker", "host", "router", "workgroup",
}

// CheckRedirect reports whether Google lets the address be registered for an OAuth client, and whether linkpage.Handler serves it. The
// error is an ErrRedirect whose sentence says which rule is broken, which address to use instead, and where to register it.
// https://developers.google.com/identity/protocols/oauth2/web-server#uri-validation
func CheckRedirect(uri string) error {
	u, err := url.Parse(uri)
	problem := "is not an address made of plain letters, digits and signs"
	if err != nil || uri == "" || len(uri) > 2048 || strings.ContainsFunc(uri, func(r rune) bool { return r <= ' ' || r > '~' }) {
		u = &url.URL{}
	} else if problem = redirectProblem(uri, u); problem == "" {
		return nil
	}
	if uri == "" {
		problem = "is empty"
	}
	return ErrRedirect.say(strings.TrimSpace("The redirect address "+u.Redacted())+" "+problem+". "+redirectAdvice(u), nil)
}

func redirectProblem(uri string, u *url.URL) string {
	host := u.Hostname()
	_, notIP := netip.ParseAddr(host)
	labels := strings.Split(strings.ToLower(strings.TrimSuffix(host, ".")), ".")
	last := labels[len(labels)-1]
	switch {
	case strings.HasPrefix(uri, "http://") == strings.HasPrefix(uri, "https://") || u.Host == "":
		return "does not start with http:// or https:// and a host"
	case u.User != nil:
		return "holds a user name, which Google does not take"
	case strings.ContainsAny(uri, `#*\`):
		return "holds one of the signs # * \\, which Google does not take"
	case strings.Contains(u.Path, "/..") || strings.Contains(u.Path, "/./"):
		return "holds a path with dots, which Google does not take"
	case u.RawQuery != "" || u.ForceQuery:
		return "has a query, which it may not"
	case !strings.HasSuffix(u.EscapedPath(), CallbackPath):
		return "does not end with " + CallbackPath
	case IsLoopback(host):
		return ""
	case notIP == nil:
		return "holds an IP address, which Google takes for this machine only (localhost, 127.0.0.1)"
	case slices.Contains(labels, ""):
		return "holds a host name with an empty part"
	case len(labels) == 1:
		return "holds a host name without a public ending such as .com, which Google does not take"
	case slices.Contains(privateNames, last):
		return "holds a host name that ends with ." + last + ", which is not public and Google does not take"
	case u.Scheme != "https":
		return "starts with http://, which Google takes for localhost only"
	}
	return ""
}

// redirectAdvice says what to register: a public name only lacks https; anything else is reached through localhost, if need be by pasting.
func redirectAdvice(u *url.URL) string {
	better, paste := "https://"+u.Host+CallbackPath, ""
	if u.Scheme != "http" || u.User != nil || IsLoopback(u.Hostname()) || CheckRedirect(better) != nil {
		better = "http://localhost:" + cmp.Or(u.Port(), "8099") + CallbackPath
		paste = " A browser on another machine then ends on an address that does not load, which is pasted to finish linking."
	}
	return fmt.Sprintf("Use %s instead, and register exactly that address in Google's console (APIs & Services, "+
		"Credentials, your OAuth client) under Authorized redirect URIs.%s", better, paste)
}

// IsLoopback reports whether the host is this machine, as Google takes it too.
func IsLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
