package auth

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// callbackPath is where Google sends the browser back to, on every host.
const callbackPath = "/oauth/callback"

// examplePort stands in sentences where the address names no port.
const examplePort = "8099"

// privateNames are the last labels that home networks use and Google does not take, since they are on no public
// suffix list. RFC 6761, RFC 8375, and ICANN's resolution of 29 July 2024 on .internal.
var privateNames = []string{
	"local", "localhost", "localdomain", "lan", "home", "internal", "intranet", "private", "corp", "domain",
	"test", "example", "invalid", "onion", "arpa", "docker", "host", "router", "workgroup",
}

// CheckRedirect reports whether Google lets the address be registered for an OAuth client, by its published
// rules, and whether Handler serves it. The error is an ErrRedirect whose sentence says which rule is broken,
// which address to use instead, and where to register it.
// https://developers.google.com/identity/protocols/oauth2/web-server#uri-validation
func CheckRedirect(uri string) error {
	u, problem := redirectProblem(uri)
	if problem == "" {
		return nil
	}
	shown := ""
	if u != nil {
		shown = " " + u.Redacted()
	}
	return because(ErrRedirect, fmt.Sprintf("The redirect address%s %s. %s", shown, problem, redirectAdvice(u)), nil)
}

// redirectProblem gives the first broken rule, and the address as far as it can be read.
func redirectProblem(uri string) (*url.URL, string) {
	u, err := url.Parse(uri)
	switch {
	case uri == "":
		return nil, "is empty"
	case err != nil || len(uri) > 2048 || strings.ContainsFunc(uri, func(r rune) bool { return r <= ' ' || r > '~' }):
		return nil, "is not an address made of plain letters, digits and signs"
	case strings.HasPrefix(uri, "http://") == strings.HasPrefix(uri, "https://") || u.Host == "":
		return u, "does not start with http:// or https:// and a host"
	case u.User != nil:
		return u, "holds a user name, which Google does not take"
	case strings.ContainsAny(uri, `#*\`):
		return u, "holds one of the signs # * \\, which Google does not take"
	case strings.Contains(u.Path, "/..") || strings.Contains(u.Path, "/./"):
		return u, "holds a path with dots, which Google does not take"
	case u.RawQuery != "" || u.ForceQuery:
		return u, "has a query, which it may not"
	case !strings.HasSuffix(u.EscapedPath(), callbackPath):
		return u, "does not end with " + callbackPath
	}
	return u, hostProblem(u)
}

func hostProblem(u *url.URL) string {
	host := u.Hostname()
	if isLoopback(host) {
		return ""
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return "holds an IP address, which Google takes for this machine only (localhost, 127.0.0.1)"
	}
	labels := strings.Split(strings.ToLower(strings.TrimSuffix(host, ".")), ".")
	switch {
	case slices.Contains(labels, ""):
		return "holds a host name with an empty part"
	case len(labels) == 1:
		return "holds a host name without a public ending such as .com, which Google does not take"
	case slices.Contains(privateNames, labels[len(labels)-1]):
		return "holds a host name that ends with ." + labels[len(labels)-1] + ", which is not public and Google does not take"
	case u.Scheme != "https":
		return "starts with http://, which Google takes for localhost only"
	default:
		return ""
	}
}

// redirectAdvice says what to set and register. A public name only lacks https; anything else on a home network
// is reached through localhost, with a pasted address when the browser runs elsewhere.
func redirectAdvice(u *url.URL) string {
	better, paste := "", ""
	if u != nil && u.Scheme == "http" {
		if https := "https://" + u.Host + callbackPath; u.User == nil && CheckRedirect(https) == nil && !isLoopback(u.Hostname()) {
			better = https
		}
	}
	if better == "" {
		port := examplePort
		if u != nil && u.Port() != "" {
			port = u.Port()
		}
		better = "http://localhost:" + port + callbackPath
		paste = " A browser on another machine then ends on an address that does not load, which is pasted to finish linking."
	}
	return fmt.Sprintf("Use %s instead, and register exactly that address in Google's console (APIs & Services, "+
		"Credentials, your OAuth client) under Authorized redirect URIs.%s", better, paste)
}

// isLoopback reports whether Google takes the host as this machine.
func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
