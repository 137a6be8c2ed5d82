package photosim

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
)

// Defaults of Config; the names of the default account and client are fixed so that examples can be copied.
const (
	DefaultAccountID    = "100000000000000000001"
	DefaultAccountEmail = "sam@example.com"
	DefaultClientID     = "photosim.apps.googleusercontent.com"
	DefaultClientSecret = "photosim-secret"
	DefaultProject      = "123456789012"
)

// Config describes one simulated Google. The zero value is one account, one client, no quotas and Google's own lives.
type Config struct {
	// Accounts are the people who can sign in, in the order of the account chooser. Default: one, "Sam Example".
	Accounts []Account
	// Clients are the registered OAuth clients. Default: one "Web application" client of project 123456789012.
	Clients []Client
	// Quotas turns on 10,000 Library requests and 75,000 byte requests a day per project (reset at midnight Pacific time) and
	// 30 writes a minute per user. The rule of one writer at a time per user is always on.
	Quotas bool
	// DailyRequests replaces the 10,000 when above zero.
	DailyRequests int
	// WritesPerMinute replaces the 30 when above zero.
	WritesPerMinute int
	// UploadsAreWrites lets POST /v1/uploads count against the writes a minute. Google's documents define no "write"; the
	// default leaves uploads out, because a client may send them in parallel.
	UploadsAreWrites bool
	// UploadsUnmetered takes POST /v1/uploads out of the daily requests. The documentation counts them (default), one client
	// measured that Google does not.
	UploadsUnmetered bool
	// AccessTokenLife is how long an access token works. Default 3599 s.
	AccessTokenLife time.Duration
	// BaseURLLife is how long a base URL works. Default 60 min.
	BaseURLLife time.Duration
	// VideoProcessing is how long a new video stays PROCESSING before it is READY. Default 0: ready at once.
	VideoProcessing time.Duration
	// MaxPhoto and MaxVideo are the largest uploads in bytes. Defaults 200 MB and 20 GB.
	MaxPhoto, MaxVideo int64
	// Dir holds media too large for memory, in a folder of its own that Close removes. Default os.TempDir().
	Dir string
	// MemoryPerFile is the size in bytes up to which a file's bytes stay in memory. Default 4 MiB. However small the files, at
	// most 256 MiB stay in memory altogether.
	MemoryPerFile int64
}

// Account is one Google account.
type Account struct {
	ID     string // stable id, "sub" in user info; digits
	Name   string
	Email  string
	Domain string // Workspace domain, sent as "hd"; empty for a consumer account
	// BlockedScopes are refused on the consent page with admin_policy_enforced, as a Workspace administrator can arrange.
	BlockedScopes []string
}

// Client is one OAuth client of a Google Cloud project.
type Client struct {
	ID     string
	Secret string
	// Project is the project number. Items are visible to clients of the project that made them.
	Project string
	// RedirectURIs are compared character for character.
	RedirectURIs []string
	// Desktop is the type "Desktop app" in place of "Web application": the client registers no redirect URI, may name any path
	// and port of a loopback address, and gets a refresh token without access_type.
	// https://developers.google.com/identity/protocols/oauth2/native-app
	Desktop bool
	// Testing is the publishing status "Testing": refresh tokens with Photos scopes die after 7 days.
	// https://developers.google.com/identity/protocols/oauth2#expiration
	Testing bool
	// Organization, when set, lets only accounts of this Workspace domain sign in; others see org_internal.
	Organization string
	// Deleted clients are known and refused with deleted_client.
	Deleted bool
	// Disabled clients are known and refused with disabled_client: by their owner or by Google.
	Disabled bool
	// APIDisabled means the project has not enabled the Photos Library API: every call is refused with 403.
	APIDisabled bool
}

func (c Config) withDefaults() Config {
	if len(c.Accounts) == 0 {
		c.Accounts = []Account{{ID: DefaultAccountID, Name: "Sam Example", Email: DefaultAccountEmail}}
	}
	if len(c.Clients) == 0 {
		c.Clients = []Client{{
			ID: DefaultClientID, Secret: DefaultClientSecret, Project: DefaultProject,
			RedirectURIs: DefaultRedirectURIs(),
		}}
	}
	setDefault(&c.DailyRequests, 10_000)
	setDefault(&c.WritesPerMinute, 30)
	setDefault(&c.AccessTokenLife, 3599*time.Second)
	setDefault(&c.BaseURLLife, time.Hour)
	setDefault(&c.MaxPhoto, 200_000_000)
	setDefault(&c.MaxVideo, 20_000_000_000)
	setDefault(&c.MemoryPerFile, 4<<20)
	setDefault(&c.Dir, os.TempDir())
	return c
}

// DefaultRedirectURIs are the callbacks that the default client has registered: port 8099 with the path /oauth/callback, and the
// address that command line tools such as rclone use.
func DefaultRedirectURIs() []string {
	return []string{
		"http://localhost:8099/oauth/callback", "http://127.0.0.1:8099/oauth/callback",
		"http://localhost:53682/", "http://127.0.0.1:53682/",
	}
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Check reports every mistake in the configuration: missing or repeated ids and redirect URIs that Google would not register.
func (c Config) Check() error {
	var errs []error
	seen := make(map[string]bool)
	for i, a := range c.Accounts {
		if a.ID == "" || a.Email == "" || seen[a.ID] || seen[a.Email] {
			errs = append(errs, fmt.Errorf("account %d: needs an id and an email of its own", i))
		}
		seen[a.ID], seen[a.Email] = true, true
	}
	for i, k := range c.Clients {
		if k.ID == "" || k.Secret == "" || k.Project == "" || seen[k.ID] {
			errs = append(errs, fmt.Errorf("client %d: needs an id of its own, a secret and a project", i))
		}
		seen[k.ID] = true
		if k.Desktop && len(k.RedirectURIs) > 0 {
			errs = append(errs, fmt.Errorf("client %s: a desktop client has no redirect uris", k.ID))
		}
		for _, u := range k.RedirectURIs {
			if err := checkRedirectURI(u); err != nil {
				errs = append(errs, fmt.Errorf("client %s: redirect uri %q: %w", k.ID, u, err))
			}
		}
	}
	return errors.Join(errs...)
}

// checkRedirectURI applies the validation rules of
// https://developers.google.com/identity/protocols/oauth2/web-server#uri-validation. Of the public suffix list it knows only
// that names without a dot and the home-network endings are not on it.
func checkRedirectURI(raw string) error {
	u, err := url.Parse(raw)
	if err != nil {
		return err
	}
	host := u.Hostname()
	ip, ipErr := netip.ParseAddr(host)
	local := host == "localhost" || ipErr == nil && ip.IsLoopback()
	switch {
	case u.Scheme != "https" && (u.Scheme != "http" || !local):
		return errors.New("must be https, except for localhost")
	case host == "":
		return errors.New("needs a host")
	case u.User != nil:
		return errors.New("must not contain user information")
	case u.Fragment != "" || strings.Contains(raw, "#"):
		return errors.New("must not contain a fragment")
	case strings.Contains(raw, "*"):
		return errors.New("must not contain a wildcard")
	case strings.Contains(raw, "/..") || strings.Contains(raw, `\..`):
		return errors.New("must not contain a path that goes up")
	case ipErr == nil && !local:
		return errors.New("host must not be a raw IP address")
	case !local && !publicHost(host):
		return errors.New("host must end in a public top-level domain")
	}
	return nil
}

// takes reports whether the client may send a browser back to uri.
func (k Client) takes(uri string) bool {
	if !k.Desktop {
		return slices.Contains(k.RedirectURIs, uri)
	}
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "http" || u.User != nil || strings.Contains(uri, "#") {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && ip.IsLoopback()
}

func publicHost(host string) bool {
	i := strings.LastIndexByte(host, '.')
	if i < 0 {
		return false
	}
	switch strings.ToLower(host[i+1:]) {
	case "", "local", "lan", "home", "internal", "localdomain", "corp", "test", "invalid":
		return false
	}
	return true
}
