package photosim

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Lives of OAuth's secrets, https://developers.google.com/identity/protocols/oauth2#expiration
const (
	codeLife        = 10 * time.Minute        // SIM: Google's is not documented
	testingLife     = 7 * 24 * time.Hour      // refresh tokens of a client in publishing status Testing
	unusedLife      = 6 * 30 * 24 * time.Hour // refresh tokens that are not used
	maxRefreshCount = 100                     // live refresh tokens per account and client
)

// grants is everything OAuth keeps. It is guarded by Server.mu.
type grants struct {
	consents map[consent]scopeSet // what a person has granted a project, over all its clients
	codes    map[string]*authCode
	access   map[string]*accessToken
	refresh  map[string]*refreshToken
	minted   uint64 // order of refresh tokens made in the same instant
}

type consent struct{ account, project string }

// authCode is a one-time code on its way from the consent page to the token endpoint.
type authCode struct {
	account, client, redirect string
	scopes                    scopeSet
	offline                   bool // a refresh token comes with it: access_type=offline and a real consent, or a desktop client
	challenge, method         string
	nonce                     string
	expires                   time.Time
	used                      bool
}

type accessToken struct {
	account, client, project string
	scopes                   scopeSet
	expires                  time.Time
}

type refreshToken struct {
	account, client, project string
	scopes                   scopeSet
	order                    uint64
	used                     time.Time
	expires                  time.Time // zero: never
}

func newGrants() *grants {
	return &grants{
		consents: make(map[consent]scopeSet), codes: make(map[string]*authCode),
		access: make(map[string]*accessToken), refresh: make(map[string]*refreshToken),
	}
}

// secret returns prefix and n random bytes in URL-safe base64.
func secret(prefix string, n int) string {
	raw := make([]byte, n)
	_, _ = rand.Read(raw) // never fails, by its documentation
	return prefix + base64.RawURLEncoding.EncodeToString(raw)
}

func (g *grants) addCode(c *authCode) string {
	now := time.Now()
	maps.DeleteFunc(g.codes, func(_ string, c *authCode) bool { return now.After(c.expires.Add(codeLife)) })
	code := secret("4/0A", 54)
	g.codes[code] = c
	return code
}

func (g *grants) addAccess(account string, c Client, scopes scopeSet, life time.Duration) string {
	now := time.Now()
	if len(g.access) >= 1000 {
		maps.DeleteFunc(g.access, func(_ string, t *accessToken) bool { return now.After(t.expires) })
	}
	token := secret("ya29.a0", 156)
	g.access[token] = &accessToken{account: account, client: c.ID, project: c.Project, scopes: scopes, expires: now.Add(life)}
	return token
}

func (g *grants) addRefresh(account string, c Client, scopes scopeSet) string {
	now := time.Now()
	g.minted++
	t := &refreshToken{account: account, client: c.ID, project: c.Project, scopes: scopes, order: g.minted, used: now}
	if c.Testing && slices.ContainsFunc(scopes, func(s string) bool { return !signIn(s) }) {
		t.expires = now.Add(testingLife)
	}
	g.dropOldest(account, c.ID)
	token := secret("1//0g", 72)
	g.refresh[token] = t
	return token
}

// dropOldest makes room for one more refresh token: beyond 100 the oldest dies without notice.
func (g *grants) dropOldest(account, client string) {
	var live []string
	for name, t := range g.refresh {
		if t.account == account && t.client == client {
			live = append(live, name)
		}
	}
	if len(live) < maxRefreshCount {
		return
	}
	delete(g.refresh, slices.MinFunc(live, func(a, b string) int { return cmp.Compare(g.refresh[a].order, g.refresh[b].order) }))
}

// liveRefresh returns a refresh token that still works.
func (g *grants) liveRefresh(name string) (*refreshToken, bool) {
	t, ok := g.refresh[name]
	if !ok {
		return nil, false
	}
	now := time.Now()
	if !t.expires.IsZero() && !now.Before(t.expires) || now.Sub(t.used) >= unusedLife {
		delete(g.refresh, name)
		return nil, false
	}
	return t, true
}

func (g *grants) liveAccess(name string) (*accessToken, bool) {
	t, ok := g.access[name]
	if !ok || !time.Now().Before(t.expires) {
		return nil, false
	}
	return t, true
}

// revoke ends the whole grant that a token belongs to: all tokens of that account and project, and the consent.
func (g *grants) revoke(token string) bool {
	var c consent
	if t, ok := g.access[token]; ok {
		c = consent{t.account, t.project}
	} else if t, ok := g.liveRefresh(token); ok {
		c = consent{t.account, t.project}
	} else {
		return false
	}
	g.revokeConsent(c)
	return true
}

func (g *grants) revokeConsent(c consent) {
	delete(g.consents, c)
	maps.DeleteFunc(g.access, func(_ string, t *accessToken) bool { return t.account == c.account && t.project == c.project })
	maps.DeleteFunc(g.refresh, func(_ string, t *refreshToken) bool { return t.account == c.account && t.project == c.project })
}

// GrantRequest asks for tokens without a consent page.
type GrantRequest struct {
	Account string   `json:"account"` // id or e-mail address; default the first account
	Client  string   `json:"client"`  // client id; default the first client
	Scopes  []string `json:"scopes"`  // default the three Photos Library scopes, openid, email and profile
}

// Grant is what GrantRequest yields.
type Grant struct {
	AccessToken  string    `json:"access_token"`
	RefreshToken string    `json:"refresh_token"`
	Scope        string    `json:"scope"`
	Expiry       time.Time `json:"expiry"`
}

// Grant gives tokens as if the account had allowed all the scopes. Unknown accounts, clients and scopes are errors.
func (s *Server) Grant(r GrantRequest) (Grant, error) {
	a, ok := s.account(r.Account)
	if !ok {
		return Grant{}, fmt.Errorf("account %q is unknown", r.Account)
	}
	c, ok := s.client(cmp.Or(r.Client, s.cfg.Clients[0].ID))
	if !ok {
		return Grant{}, fmt.Errorf("client %q is unknown", r.Client)
	}
	scopes := newScopes(r.Scopes...)
	if len(scopes) == 0 {
		scopes = newScopes(scopeAppend, scopeRead, scopeEdit, scopeOpenID, scopeEmail, scopeProfile)
	}
	if n := scopes.unknown(); n != "" {
		return Grant{}, fmt.Errorf("scope %q is unknown", n)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := consent{a.ID, c.Project}
	s.grants.consents[key] = s.grants.consents[key].union(scopes)
	return Grant{
		AccessToken:  s.grants.addAccess(a.ID, c, scopes, s.cfg.AccessTokenLife),
		RefreshToken: s.grants.addRefresh(a.ID, c, scopes),
		Scope:        scopes.String(), Expiry: time.Now().Add(s.cfg.AccessTokenLife),
	}, nil
}

// Revoke ends access as the person would in the Google account's settings: for a token, or with an account id or e-mail address
// for all projects. It reports whether there was anything to end.
func (s *Server) Revoke(tokenOrAccount string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.account(tokenOrAccount)
	if !ok || tokenOrAccount == "" {
		return s.grants.revoke(tokenOrAccount)
	}
	found := false
	for c := range s.grants.consents {
		if c.account == a.ID {
			s.grants.revokeConsent(c)
			found = true
		}
	}
	return found
}

// account finds an account by id or e-mail address; "" is the first.
func (s *Server) account(name string) (Account, bool) {
	if name == "" {
		return s.cfg.Accounts[0], true
	}
	i := slices.IndexFunc(s.cfg.Accounts, func(a Account) bool { return a.ID == name || a.Email == name })
	if i < 0 {
		return Account{}, false
	}
	return s.cfg.Accounts[i], true
}

func (s *Server) client(id string) (Client, bool) {
	i := slices.IndexFunc(s.cfg.Clients, func(c Client) bool { return c.ID == id })
	if i < 0 {
		return Client{}, false
	}
	return s.cfg.Clients[i], true
}
