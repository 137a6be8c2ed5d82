package linkpage

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"gphotos2mqtt/auth"
)

// Ask carries a visit to all other processes that serve links, and gives each of their answers to found, until one is the right one or ctx
// ends. It reports whether all of them have answered.
type Ask func(ctx context.Context, visit []byte, found func(answer []byte) (enough bool)) (all bool)

// Shared is Handler for links of which others are in other processes: a visit that is of none here is theirs. answer takes what their Ask
// brings, with nothing in it when that is not for a link here. The visitor's limit counts where the visitor is.
func Shared(
	links func() []*auth.Link, report func(entry string, err error), ask Ask,
) (handler http.Handler, answer func(ctx context.Context, visit []byte) []byte) {
	answering := (&pages{links: links, report: report}).mux()
	return (&pages{links: links, report: report, ask: ask}).guarded(), func(ctx context.Context, text []byte) []byte {
		var v visit
		if json.Unmarshal(text, &v) != nil {
			return nil
		}
		r, err := v.request(ctx)
		if err != nil {
			return nil
		}
		given := &answered{header: http.Header{}}
		answering.ServeHTTP(given, r)
		return given.encode()
	}
}

// A visit is a request to the pages, in so far as they look at it.
type visit struct {
	Method  string `json:"method"`
	Target  string `json:"target"` // path and query
	Peer    string `json:"peer"`
	Address string `json:"address,omitempty"` // of the form
}

func (v visit) request(ctx context.Context) (*http.Request, error) {
	form := url.Values{"address": {v.Address}}.Encode()
	r, err := http.NewRequestWithContext(ctx, v.Method, v.Target, strings.NewReader(form))
	if err == nil {
		r.RemoteAddr = v.Peer
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r, err
}

// elsewhere answers a visit that is of no link here: as a process that has the link answers it, or by none.
func (p *pages) elsewhere(w http.ResponseWriter, r *http.Request, address string, none func(http.ResponseWriter)) {
	if given, ok := w.(*answered); ok {
		given.foreign = true
		return
	}
	if p.ask == nil {
		none(w)
		return
	}
	text, err := json.Marshal(visit{r.Method, r.URL.RequestURI(), r.RemoteAddr, address})
	if err != nil {
		none(w)
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), finishLimit)
	defer cancel()
	var given *answered
	all := p.ask(ctx, text, func(answer []byte) bool {
		given = decode(answer)
		return given != nil
	})
	switch {
	case given != nil:
		for name, value := range given.Headers {
			w.Header().Set(name, value)
		}
		w.WriteHeader(given.Status)
		_, _ = w.Write(given.Page) // fails when the visitor has gone
	case all:
		none(w)
	default:
		movingPage.write(w)
	}
}

var movingPage = page{
	Status: http.StatusServiceUnavailable, Title: "Not ready yet", Text: []string{
		"The part of the bridge that this page belongs to does not answer just now, or is moving to another machine.",
	}, Next: "Wait half a minute, then load this page again. If it then says that the address is not known, ask for a new link.",
}

// answered is an answer on its way from one process to another.
type answered struct {
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Page    []byte            `json:"page"`

	header  http.Header
	page    bytes.Buffer
	foreign bool // it is of no link here
}

func (a *answered) Header() http.Header         { return a.header }
func (a *answered) Write(p []byte) (int, error) { return a.page.Write(p) }
func (a *answered) WriteHeader(status int)      { a.Status = status }

// encode is empty for what is of no link here.
func (a *answered) encode() []byte {
	if a.foreign {
		return nil
	}
	a.Headers, a.Page = map[string]string{}, a.page.Bytes()
	for _, name := range []string{"Content-Type", "Location"} {
		if value := a.header.Get(name); value != "" {
			a.Headers[name] = value
		}
	}
	text, err := json.Marshal(a)
	if err != nil {
		return nil
	}
	return text
}

func decode(text []byte) *answered {
	var a answered
	if len(text) == 0 || json.Unmarshal(text, &a) != nil || a.Status < 200 || a.Status > 599 {
		return nil
	}
	return &a
}
