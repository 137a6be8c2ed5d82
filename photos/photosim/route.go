package photosim

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// service is one of Google's hosts; its value is the path prefix that stands in for the host.
type service string

const (
	accounts   service = "accounts"
	oauth2     service = "oauth2"
	openid     service = "openid"
	www        service = "www"
	libraryAPI service = "library"
	byteHost   service = "bytes"
	videoHost  service = "videos"
)

// hostNames are Google's hosts that the simulator stands in for.
var hostNames = map[service]string{
	accounts:   "accounts.google.com",
	oauth2:     "oauth2.googleapis.com",
	openid:     "openidconnect.googleapis.com",
	www:        "www.googleapis.com",
	libraryAPI: "photoslibrary.googleapis.com",
	byteHost:   "lh3.googleusercontent.com",
	videoHost:  "video-downloads.googleusercontent.com",
}

// Hosts returns the host names of Google that the simulator answers for.
func Hosts() []string {
	names := make([]string, 0, len(hostNames))
	for _, s := range []service{accounts, oauth2, openid, www, libraryAPI, byteHost, videoHost} {
		names = append(names, hostNames[s])
	}
	return names
}

// place says how a request reached the simulator, so that addresses in answers lead back the same way.
type place struct {
	service service
	path    string // below the host or prefix, decoded
	byHost  bool
	base    string // scheme and authority, when not by host
}

// locate finds the service by Host header first, then by path prefix.
func locate(r *http.Request) (place, bool) {
	host, _, _ := strings.Cut(strings.ToLower(r.Host), ":")
	for s, name := range hostNames {
		if host == name {
			return place{service: s, path: r.URL.Path, byHost: true}, true
		}
	}
	first, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	s := service(first)
	if _, ok := hostNames[s]; !ok {
		return place{}, false
	}
	return place{service: s, path: "/" + rest, base: scheme(r) + "://" + r.Host}, true
}

func scheme(r *http.Request) string {
	switch {
	case r.URL.Scheme != "": // in process, or an absolute address sent to a proxy
		return r.URL.Scheme
	case r.TLS != nil:
		return "https"
	}
	return "http"
}

// url is the base address of a service for the client of this request.
func (p place) url(s service) string {
	if p.byHost {
		return "https://" + hostNames[s]
	}
	return p.base + "/" + string(s)
}

// endpoint is one operation of the simulator under the name that stats, faults and delays use.
type endpoint struct {
	name  string
	serve func(*Server, *exchange)
}

// find maps a request to its endpoint; false is a 404.
func find(p place, r *http.Request) (endpoint, bool) {
	if p.service == libraryAPI {
		return findLibrary(p.path, r)
	}
	if p.service == byteHost {
		return endpoint{"bytes", (*Server).serveBytes}, true
	}
	if p.service == videoHost {
		return endpoint{"videos", (*Server).serveVideo}, true
	}
	e, ok := accountRoutes[string(p.service)+p.path]
	return e, ok
}

// accountRoutes are the OAuth addresses, with the older ones that libraries still use.
var accountRoutes = map[string]endpoint{
	"accounts/o/oauth2/v2/auth":                 {"oauth.authorize", (*Server).serveConsent},
	"accounts/o/oauth2/auth":                    {"oauth.authorize", (*Server).serveConsent},
	"accounts/o/oauth2/token":                   {"oauth.token", (*Server).serveToken},
	"accounts/o/oauth2/revoke":                  {"oauth.revoke", (*Server).serveRevoke},
	"accounts/.well-known/openid-configuration": {"oauth.discovery", (*Server).serveDiscovery},
	"oauth2/token":                              {"oauth.token", (*Server).serveToken},
	"oauth2/revoke":                             {"oauth.revoke", (*Server).serveRevoke},
	"www/oauth2/v3/token":                       {"oauth.token", (*Server).serveToken},
	"www/oauth2/v4/token":                       {"oauth.token", (*Server).serveToken},
	"www/oauth2/v3/certs":                       {"oauth.certs", (*Server).serveCerts},
	"openid/v1/userinfo":                        {"oauth.userinfo", (*Server).serveUserInfo},
	"www/oauth2/v1/userinfo":                    {"oauth.userinfo", (*Server).serveUserInfo},
	"www/oauth2/v2/userinfo":                    {"oauth.userinfo", (*Server).serveUserInfo},
	"www/oauth2/v3/userinfo":                    {"oauth.userinfo", (*Server).serveUserInfo},
}

// otherRoutes are those that no table of addresses has.
var otherRoutes = []string{"uploads.raw", "uploads.start", "uploads.send", "uploads.query", "uploads.cancel", "bytes", "videos", "discovery", "unknown"}

// checkRoute holds a pattern to the routes that there are: one that matches nothing would do nothing, and nobody would notice.
func checkRoute(pattern string) error {
	known := func(route string) bool { return matches(pattern, route) }
	for _, e := range accountRoutes {
		if known(e.name) {
			return nil
		}
	}
	for _, m := range methods {
		if known(m.name) {
			return nil
		}
	}
	if slices.ContainsFunc(otherRoutes, known) {
		return nil
	}
	return fmt.Errorf("route %q is none of the simulator's", pattern)
}
