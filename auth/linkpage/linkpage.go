// Package linkpage is what a person's browser sees of linking: the one-time address, which forwards to Google, the address to which Google
// sends the browser back, their pages, and the server for both. What they do is package auth's.
package linkpage

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/netutil"
	"golang.org/x/time/rate"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/auth/secret"
)

// Limits: all there is to guard against is a visitor who holds connections or sends without end.
const (
	finishLimit    = 20 * time.Second // for completing a link: two or three calls to Google while a person looks at a white page
	visitRate      = rate.Limit(1)    // one visitor's requests per second
	visitBurst     = 20               // of the same; a link takes three requests, and a hasty person reloads a few times
	maxVisitors    = 1024             // remembered at a time
	maxHeader      = 16 << 10         // twice the longest query
	maxBody        = 32 << 10         // of the form: the longest query, each byte of it written as three
	maxConnections = 64               // further ones wait, so that strangers cannot use up the process's file descriptors
)

// Paths beside auth's. All pages lie two levels deep, so that their form finds finishPath behind a reverse proxy's prefix, too.
const finishPath = "/link/finish" // takes the form; no code is like it

// Handler serves /link/<code>, which leads to Google, /oauth/callback, to which Google sends the browser back, /link/finish, which takes
// what a form on these pages sends in its place, and /entry/<name>, which says how the entry stands; / is one sentence, anything else is
// not found.
//
// Whoever reaches it may know all addresses but the codes: they learn whether an entry exists and is linked, not to whom, and can begin
// and finish nothing. Codes and states exist only after Start, and decide alone which entry is meant, whatever the Host header. links gives
// those that there are now, and report gets the error of every link that failed here; the page does not show its cause.
func Handler(links func() []*auth.Link, report func(entry string, err error)) http.Handler {
	return (&pages{links: links, report: report}).guarded()
}

// pages are what is served of some links.
type pages struct {
	links  func() []*auth.Link
	report func(entry string, err error)
	ask    Ask // nil: there are no other links
}

func (p *pages) mux() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+auth.LinkPath+"{code}", p.forward)
	mux.HandleFunc("GET "+auth.CallbackPath, func(w http.ResponseWriter, r *http.Request) {
		if !passive(w, r) {
			p.finish(w, r, r.URL.RawQuery)
		}
	})
	mux.HandleFunc("POST "+finishPath, func(w http.ResponseWriter, r *http.Request) { // a form that is too long has no address
		p.finish(w, r, r.PostFormValue("address"))
	})
	mux.HandleFunc("GET "+auth.EntryPath+"{entry}", p.stand)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { homePage.write(w) })
	return mux
}

func (p *pages) guarded() http.Handler {
	limit, mux := &limiter{of: make(map[netip.Prefix]*rate.Limiter)}, p.mux()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // what every answer needs
		guard(w.Header(), policy)
		switch {
		case !limit.allow(visitor(r)):
			w.Header().Set("Retry-After", "10")
			hastyPage.write(w)
		case len(r.URL.RawQuery) > auth.MaxQuery:
			errorPage(nil, auth.ErrAddress).write(w)
		default:
			mux.ServeHTTP(w, r)
		}
	})
}

func guard(h http.Header, policy string) {
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "no-referrer") // addresses here hold codes
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
}

// forward leads to Google. A person whose browser Google may send to another machine's localhost first gets a page with the form.
func (p *pages) forward(w http.ResponseWriter, r *http.Request) {
	if passive(w, r) {
		return
	}
	l, consent, err := auth.Visit(p.links(), secret.Text(r.PathValue("code")))
	if l == nil {
		p.elsewhere(w, r, "", errorPage(nil, err).write)
	} else if err != nil {
		errorPage(l, err).write(w)
	} else if _, local := l.Redirect(); !local || l.Local() && visitor(r).IsLoopback() { // elsewhere than here a proxy may be the visitor
		http.Redirect(w, r, consent, http.StatusFound) //nolint:gosec // G710: the consent page of the settings
	} else {
		awayPage(l, consent).write(w)
	}
}

// finish completes a link, also when the browser goes away: the state has been used by then, and the person would have to begin again.
func (p *pages) finish(w http.ResponseWriter, r *http.Request, address string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), finishLimit)
	defer cancel()
	l, err := auth.FinishAny(ctx, p.links(), address)
	switch {
	case err == nil:
		linkedPage(l).write(w)
	case l == nil && !errors.Is(err, auth.ErrAddress):
		p.elsewhere(w, r, address, errorPage(nil, err).write)
	case l == nil:
		errorPage(nil, err).write(w)
	default:
		p.report(l.Entry(), err)
		errorPage(l, err).write(w)
	}
}

// stand says how an entry stands.
func (p *pages) stand(w http.ResponseWriter, r *http.Request) {
	for _, l := range p.links() {
		if l.Entry() == r.PathValue("entry") {
			entryPage(l).write(w)
			return
		}
	}
	p.elsewhere(w, r, "", func(w http.ResponseWriter) { http.NotFound(w, r) })
}

// passive answers what is no visit of a person: a HEAD, or a browser that loads ahead. Neither uses anything up.
func passive(w http.ResponseWriter, r *http.Request) bool {
	if strings.Contains(r.Header.Get("Sec-Purpose"), "prefetch") {
		w.WriteHeader(http.StatusServiceUnavailable) // makes the browser ask again when the person goes there
		return true
	}
	return r.Method == http.MethodHead
}

func visitor(r *http.Request) netip.Addr {
	peer, _ := netip.ParseAddrPort(r.RemoteAddr)
	return peer.Addr().Unmap()
}

// Serve serves the handler on the TCP address until ctx ends, then returns nil after links being completed had up to 20 seconds to end.
func Serve(ctx context.Context, addr string, h http.Handler) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("serve linking on %s: %w", addr, err)
	}
	return serve(ctx, listener, h)
}

func serve(ctx context.Context, listener net.Listener, h http.Handler) error {
	server := &http.Server{
		Handler: http.MaxBytesHandler(h, maxBody), MaxHeaderBytes: maxHeader, ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout: 10 * time.Second, WriteTimeout: finishLimit + 10*time.Second, IdleTimeout: 30 * time.Second,
	}
	stopped := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(stopped)
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishLimit)
		defer cancel()
		if server.Shutdown(limit) != nil {
			_ = server.Close() // what is cut here has had its time
		}
	})
	err := server.Serve(netutil.LimitListener(listener, maxConnections))
	if cancel() {
		return fmt.Errorf("serve linking: %w", errors.Join(err, server.Close()))
	}
	<-stopped
	return nil
}
