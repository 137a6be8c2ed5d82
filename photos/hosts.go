package photos

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"gphotos2mqtt/auth/secret"
)

// What Google answers is believed about photos, not about the house that the bridge runs in: an address in an answer counts only when it is
// of a host below, on the default port, by https. No hop of a redirect is exempt. Config.Library, when it is not Google's own, is one more
// such host, and the only one that may speak http: there the simulator serves everything.
var (
	// Base URLs are on lh3.googleusercontent.com and its like, and "=dv" leads to video-downloads.googleusercontent.com, seen in
	// gilesknap/gphotos-sync issues 131 and 301. https://developers.google.com/photos/library/guides/access-media-items#base-urls
	mediaHosts = regexp.MustCompile(`^([a-z0-9-]+\.)*googleusercontent\.com$`)
	// Sessions: https://developers.google.com/photos/library/guides/resumable-uploads#initiating; the others serve Google's other uploads.
	uploadHosts = regexp.MustCompile(`^(photoslibrary|upload|uploads|www)\.googleapis\.com$`)
	// Product URLs: https://developers.google.com/photos/library/reference/rest/v1/mediaItems
	productHosts = regexp.MustCompile(`^photos\.google\.com$`)
	// In sentences: "Enable it by visiting https://console.developers.google.com/…", and https://cloud.google.com, https://support.google.com.
	helpHosts = regexp.MustCompile(`^((console\.)?(cloud|developers)|support|myaccount|accounts)\.google\.com$`)
)

// plainAddress are the letters of an address that every reader takes apart alike, and that end no quotation.
var plainAddress = regexp.MustCompile(`^[A-Za-z0-9%&()*+,./:;=?@_~!$-]+$`)

const maxHops = 5 // redirects of one download; Google was seen to need one

var errForeign = errors.New("the answer leads to a host that is not Google's")

// foreign is errForeign with the host alone: the rest of an address is a secret.
func foreign(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "":
		return fmt.Errorf("%w: no host", errForeign)
	case u.Scheme != "https":
		return fmt.Errorf("%w: %s, by %s", errForeign, shorten(plain(u.Host), 80), shorten(plain(u.Scheme), 20))
	}
	return fmt.Errorf("%w: %s", errForeign, shorten(plain(u.Host), 80))
}

// trusts tells whether an address is of one of Google's hosts, or of the simulator.
func (c *Client) trusts(address string, hosts *regexp.Regexp) bool {
	if c.own == nil || googles(address, hosts) {
		return googles(address, hosts)
	}
	u, ok := parts(address)
	return ok && u.Host != "" && u.Scheme == c.own.Scheme && u.Host == c.own.Host
}

func googles(address string, hosts *regexp.Regexp) bool {
	u, ok := parts(address)
	return ok && u.Scheme == "https" && (u.Host == u.Hostname() || u.Port() == "443") && hosts.MatchString(strings.ToLower(u.Hostname()))
}

func parts(address string) (*url.URL, bool) {
	u, err := url.Parse(address)
	return u, err == nil && u.User == nil && plainAddress.MatchString(address)
}

// owns tells whether a session is an address of this Google, so that the access token and the bytes may go there.
func (c *Client) owns(session secret.Text) bool {
	hosts := uploadHosts
	if c.own != nil {
		hosts = nowhere // its tokens are none of Google's
	}
	return c.trusts(string(session), hosts)
}

var nowhere = regexp.MustCompile(`a^`)

// hop refuses the redirect of a download that leads elsewhere. It does not tell the next host the address of the last.
func (c *Client) hop(next *http.Request, via []*http.Request) error {
	next.Header.Del("Referer")
	if len(via) > maxHops {
		return errors.New("the answer is a redirect without an end")
	} else if !c.trusts(next.URL.String(), mediaHosts) {
		return foreign(next.URL.String())
	}
	return nil
}

// believe takes the addresses out of an answer that are not Google's, since they would be published, opened or fetched.
func (c *Client) believe(op string, out any) {
	var refused error
	keep := func(address string, hosts *regexp.Regexp, suffixed bool) string {
		queried := suffixed && strings.Contains(address, "?") // the suffix would not end the path
		if address == "" || c.trusts(address, hosts) && !queried {
			return address
		}
		refused = foreign(address)
		return ""
	}
	item := func(i *Item) {
		i.BaseURL = secret.Text(keep(string(i.BaseURL), mediaHosts, true))
		i.ProductURL = keep(i.ProductURL, productHosts, false)
	}
	album := func(a *Album) {
		a.CoverURL = secret.Text(keep(string(a.CoverURL), mediaHosts, true))
		a.ProductURL = keep(a.ProductURL, productHosts, false)
	}
	switch out := out.(type) {
	case *Item:
		item(out)
	case *ItemPage:
		each(out.Items, item)
	case *Album:
		album(out)
	case *AlbumPage:
		each(out.Albums, album)
	case *results:
		each(out.Got, func(r *result) { item(&r.Item) })
		each(out.Created, func(r *result) { item(&r.Item) })
	}
	if refused != nil && c.foreign != nil {
		c.foreign(&Error{Kind: Untrusted, Op: op, Status: http.StatusOK, Err: refused})
	}
}

func each[T any](all []T, do func(*T)) {
	for i := range all {
		do(&all[i])
	}
}
