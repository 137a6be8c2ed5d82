// Package linkpage is what a person's browser sees of linking: the one-time address, which forwards to Google, the address to which Google
// sends the browser back, their pages, and the server for both. What they do is package auth's.
package linkpage

import (
	"cmp"
	"context"
	"crypto/sha256"
	_ "embed" // the page and its style
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
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
	maxBody        = 4 << 10          // no request has one
	maxConnections = 64               // further ones wait, so that strangers cannot use up the process's file descriptors
)

// Handler serves GET and HEAD of /link/<code>, which forwards to Google, and of /oauth/callback, to which Google sends the browser back;
// anything else is not found. It gives nothing away to a visitor without a code: codes and states exist only after Start, and decide alone
// which entry is meant, whatever the Host header. report gets the error of every link that failed here; the page does not show its cause.
func Handler(links []*auth.Link, report func(entry string, err error)) http.Handler {
	limit := &limiter{of: make(map[netip.Prefix]*rate.Limiter)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+auth.LinkPath+"{code}", func(w http.ResponseWriter, r *http.Request) { forward(w, r, links) })
	mux.HandleFunc("GET "+auth.CallbackPath, func(w http.ResponseWriter, r *http.Request) { callback(w, r, links, report) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // what every answer needs
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "no-referrer") // addresses here hold codes
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		switch {
		case !limit.allow(visitor(r)):
			h.Set("Retry-After", "10")
			hastyPage.write(w)
		case len(r.URL.RawQuery) > auth.MaxQuery:
			errorPage(nil, auth.ErrAddress).write(w)
		default:
			mux.ServeHTTP(w, r)
		}
	})
}

// forward leads to Google. A browser on another machine, which Google will send to its own localhost, is first told what to do then.
func forward(w http.ResponseWriter, r *http.Request, links []*auth.Link) {
	if passive(w, r) {
		return
	}
	l, consent, err := auth.Visit(links, secret.Text(r.PathValue("code")))
	if err != nil {
		errorPage(l, err).write(w)
	} else if _, local := l.Redirect(); local && !visitor(r).IsLoopback() {
		awayPage(l, consent).write(w)
	} else {
		http.Redirect(w, r, consent, http.StatusFound) //nolint:gosec // G710: the consent page of the settings
	}
}

// callback completes a link, also when the browser goes away: the state has been used by then, and the person would have to begin again.
func callback(w http.ResponseWriter, r *http.Request, links []*auth.Link, report func(entry string, err error)) {
	if passive(w, r) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), finishLimit)
	defer cancel()
	l, err := auth.FinishAny(ctx, links, r.URL.RawQuery)
	if err == nil {
		linkedPage(l).write(w)
		return
	}
	if l != nil {
		report(l.Entry(), err)
	}
	errorPage(l, err).write(w)
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

// limiter bounds requests per IPv4 address or household's IPv6 network. Behind a reverse proxy all are one: no header is believed.
type limiter struct {
	mu sync.Mutex // guards of
	of map[netip.Prefix]*rate.Limiter
}

// allow says if the visitor may be served. When full, whole budgets are forgotten, else new ones refused; the addressless share one.
func (l *limiter) allow(visitor netip.Addr) bool {
	network, _ := visitor.Prefix(min(visitor.BitLen(), 64))
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of[network] == nil {
		if len(l.of) >= maxVisitors {
			maps.DeleteFunc(l.of, func(_ netip.Prefix, b *rate.Limiter) bool { return b.Tokens() >= visitBurst })
		}
		if len(l.of) >= maxVisitors {
			return false
		}
		l.of[network] = rate.NewLimiter(visitRate, visitBurst)
	}
	return l.of[network].Allow()
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

// The one page with its style: no script, no image, nothing from elsewhere, and a policy that lets nothing else in.
var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string

	pageTemplate = template.Must(template.New("page").Parse(strings.Replace(pageHTML, "STYLE", pageCSS, 1)))
	styleHash    = sha256.Sum256([]byte(pageCSS))
	policy       = "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(styleHash[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

type page struct {
	Status       int
	Good         bool
	Title, Entry string
	Text         []string // what happened
	Off          []string // features without their scope
	Steps        []string // what to do, in order
	Next         string   // what to do
	Go           string   // Google's page
}

// titles says per error code what happened; the error's own sentence says what to do.
var titles = map[string]struct {
	status int
	title  string
}{
	"link_denied":        {http.StatusForbidden, "Not linked: access was not allowed"},
	"link_expired":       {http.StatusGone, "This link is no longer valid"},
	"link_used":          {http.StatusGone, "This link has been used"},
	"bad_address":        {http.StatusBadRequest, "This address is incomplete"},
	"wrong_account":      {http.StatusConflict, "Not linked: this is another account"},
	"client_refused":     {http.StatusBadGateway, "Not linked: Google does not accept the settings"},
	"google_refused":     {http.StatusBadGateway, "Not linked: Google refused"},
	"google_unavailable": {http.StatusBadGateway, "Not linked: Google could not be reached"},
	"internal":           {http.StatusInternalServerError, "Not linked: the link could not be stored"},
}

var hastyPage = page{
	Status: http.StatusTooManyRequests, Title: "Too many requests", Text: []string{"Wait ten seconds, then load this page again."},
}

const nothingLeft = "Nothing is left to do: you can close this page."

func linkedPage(l *auth.Link) page {
	s := l.State()
	p := page{
		Status: http.StatusOK, Good: true, Entry: l.Entry(), Title: "Linked to Google Photos", Off: s.Off(), Next: nothingLeft,
		Text: []string{"Entry " + l.Entry() + " now uses the account of " + s.Account.String() + "."},
	}
	if len(p.Off) > 0 {
		p.Good, p.Title = false, "Linked, but not everything is allowed"
		p.Next = "To turn them on, ask for a new link and tick every box. If that is what you wanted, close this page."
	}
	return p
}

// errorPage says what went wrong, and how the entry stands now. The entry is unknown (nil) when the address holds no valid code or state.
func errorPage(l *auth.Link, err error) page {
	e, _ := errors.AsType[*auth.Error](err)
	e = cmp.Or(e, auth.ErrUnavailable)
	p := page{Status: titles[e.Code].status, Title: titles[e.Code].title, Text: []string{e.Message}, Next: howToAsk("the entry")}
	if l == nil {
		return p
	}
	p.Entry, p.Next = l.Entry(), howToAsk("entry "+l.Entry())
	switch s := l.State(); {
	case s.Status == auth.Relink:
		p.Text = append(p.Text, "Entry "+l.Entry()+" still has to be linked to "+s.Account.String()+" again.")
	case s.Status != auth.Linked:
		p.Text = append(p.Text, "Entry "+l.Entry()+" is not linked.")
	case errors.Is(err, auth.ErrWrongAccount): // its sentence says it
	case errors.Is(err, auth.ErrUsed): // a page that is loaded again
		p.Good, p.Text, p.Next = true, []string{"This address works once and has been used."}, nothingLeft
		fallthrough
	default:
		p.Text = append(p.Text, "Entry "+l.Entry()+" is linked to "+s.Account.String()+".")
	}
	return p
}

// awayPage goes before Google's page when the way back will not load in this browser.
func awayPage(l *auth.Link, consent string) page {
	redirect, _ := l.Redirect()
	return page{
		Status: http.StatusOK, Good: true, Entry: l.Entry(), Title: "Link entry " + l.Entry() + " to Google Photos", Go: consent,
		Text: []string{"gphotos2mqtt seems to run on another machine than this browser, so there is one more step at the end."},
		Steps: []string{
			"Continue to Google, choose the account and allow every box.",
			"The browser then ends on a page that does not load. That is as it should be: its address starts with " + redirect,
			"Within ten minutes, copy that whole address and send it to “Finish linking” of entry " + l.Entry() + " in Home Assistant, " +
				"publish it to the entry's topic request/link/finish, or paste it into the terminal where gphotos2mqtt link runs.",
		},
	}
}

func howToAsk(entry string) string {
	return "A new link: press “Link account” of " + entry + " in Home Assistant, publish an empty message to the entry's topic " +
		"request/link, or run gphotos2mqtt link in a terminal."
}

func (p page) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(p.Status)
	_ = pageTemplate.Execute(w, p) // fails when the visitor has gone
}
