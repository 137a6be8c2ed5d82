package auth

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

// linkPath is followed by the code of a one-time address.
const linkPath = "/link/"

// finishLimit bounds completing a link: two or three calls to Google while a person looks at a white page.
const finishLimit = 20 * time.Second

// endpoint serves the two addresses that a person's browser visits.
type endpoint struct {
	links []*Link
	pages *pages
	limit *limiter
}

// Handler serves GET and HEAD of /link/<code>, which forwards to Google, and of /oauth/callback, to which Google
// sends the browser back; anything else is not found. It gives nothing away to a visitor who has no code: codes
// and states exist only after Start, and decide alone which entry is meant. The Host header is not looked at.
func Handler(links []*Link) http.Handler {
	e := &endpoint{links: links, pages: newPages(), limit: &limiter{of: make(map[netip.Prefix]*rate.Limiter)}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+linkPath+"{code}", e.link)
	mux.HandleFunc("GET "+callbackPath, e.callback)
	return e.guard(mux)
}

// guard does what every answer needs.
func (e *endpoint) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", e.pages.policy)
		h.Set("Referrer-Policy", "no-referrer") // addresses here hold codes
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		if !e.limit.allow(visitor(r)) {
			h.Set("Retry-After", "10")
			e.pages.write(w, hastyPage)
			return
		}
		if len(r.URL.RawQuery) > maxQuery {
			e.pages.write(w, errorPage(nil, ErrAddress))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// link forwards to Google. When Google will send the browser to localhost and this browser is on another
// machine, a page first says that the last address will not load, and what to do with it.
func (e *endpoint) link(w http.ResponseWriter, r *http.Request) {
	if passive(w, r) {
		return
	}
	for _, l := range e.links {
		address, err := l.open(Secret(r.PathValue("code")))
		switch {
		case err == nil && l.comesBack(visitor(r)):
			http.Redirect(w, r, address, http.StatusFound) //nolint:gosec // G710: the consent page of the settings
			return
		case err == nil:
			e.pages.write(w, awayPage(l, address))
			return
		case !errors.Is(err, ErrExpired): // ErrExpired: no address of this entry
			e.pages.write(w, errorPage(l, err))
			return
		}
	}
	e.pages.write(w, errorPage(nil, ErrExpired))
}

// callback completes a link. It is not given up when the browser goes away: the state has been used by then, and
// the person would have to begin again.
func (e *endpoint) callback(w http.ResponseWriter, r *http.Request) {
	if passive(w, r) {
		return
	}
	ans, err := parseAnswer(r.URL.RawQuery)
	if err != nil {
		e.pages.write(w, errorPage(nil, err))
		return
	}
	for _, l := range e.links {
		if !l.knows(ans.state) {
			continue
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), finishLimit)
		defer cancel()
		if _, err := l.finish(ctx, ans); err != nil {
			l.cfg.Report(err)
			e.pages.write(w, errorPage(l, err))
			return
		}
		e.pages.write(w, linkedPage(l))
		return
	}
	err = ErrExpired
	if ans.refusal != "" {
		err = explain(ans.refusal, "", "the redirect address", nil)
	}
	e.pages.write(w, errorPage(nil, err))
}

// passive answers what is no visit of a person: a HEAD, or a browser that loads ahead. Neither uses anything up.
func passive(w http.ResponseWriter, r *http.Request) bool {
	if strings.Contains(r.Header.Get("Sec-Purpose"), "prefetch") {
		w.WriteHeader(http.StatusServiceUnavailable) // makes the browser ask again when the person goes there
		return true
	}
	return r.Method == http.MethodHead
}

// comesBack reports whether the visitor's browser will reach the redirect address.
func (l *Link) comesBack(visitor netip.Addr) bool {
	u, err := url.Parse(l.cfg.RedirectURL)
	return err != nil || !isLoopback(u.Hostname()) || visitor.IsLoopback()
}

// visitor is the peer of the connection; the zero address when that has none.
func visitor(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return peer.Addr().Unmap()
}
