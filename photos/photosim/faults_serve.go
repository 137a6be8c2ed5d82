package photosim

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// serveFault carries out a fault that concerns the whole request.
func (s *Server) serveFault(x *exchange, e endpoint) {
	f := x.fault
	switch f.Mode {
	case Empty, Repeat, Late:
		e.serve(s, x)
		return
	case Lose:
		s.serveUnseen(x, e, x.r.Body)
		s.hold(x.r.Context(), time.Duration(f.For))
		if f.Status == 0 && f.Error == "" {
			abort()
		}
	case Cut:
		s.serveBroken(x, e)
		s.hold(x.r.Context(), time.Duration(f.For))
		abort()
	case Stall:
		s.stall(x, e)
		abort()
	case Sticky:
	case Refuse, Garble:
		s.serveBroken(x, e)
		if !s.hold(x.r.Context(), time.Duration(f.For)) {
			abort()
		}
	}
	f.answer(x)
}

// serveBroken lets the endpoint have the first After bytes of the body and then an error. It never has the whole body, so a
// request that asks for a change is not done.
func (s *Server) serveBroken(x *exchange, e endpoint) {
	if x.fault.After == nil || x.r.ContentLength == 0 {
		return
	}
	left := *x.fault.After
	if x.r.ContentLength > 0 {
		left = min(left, x.r.ContentLength-1)
	}
	s.serveUnseen(x, e, &brokenBody{x.r.Body, left})
}

// serveUnseen lets the endpoint do its work on the given body and throws the answer away. A cut by the endpoint is swallowed.
func (s *Server) serveUnseen(x *exchange, e endpoint, body io.ReadCloser) {
	defer func() {
		if p := recover(); p != nil && p != any(http.ErrAbortHandler) {
			panic(p)
		}
	}()
	unseen := *x
	unseen.fault = nil
	unseen.w = &discardWriter{header: make(http.Header)}
	unseen.r = x.r.WithContext(x.r.Context())
	unseen.r.Body = body
	e.serve(s, &unseen)
}

// stall holds the request in the middle of its body, or after all of it. The endpoint is done by then: an upload session is free
// for the client's next try.
func (s *Server) stall(x *exchange, e endpoint) {
	s.serveBroken(x, e)
	if x.fault.After == nil {
		_, _ = io.Copy(io.Discard, x.r.Body) // a client that leaves ends the hold below
	}
	s.hold(x.r.Context(), x.fault.long())
}

// hold waits; it reports false when the client left or the server was reset or closed before the time was over.
func (s *Server) hold(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	s.mu.Lock()
	released := s.released
	s.mu.Unlock()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
	case <-released:
	}
	return false
}

// answer sends what the fault promises.
func (f *Fault) answer(x *exchange) {
	for _, k := range slices.Sorted(maps.Keys(f.Header)) {
		x.w.Header().Set(k, f.Header[k])
	}
	status, body, named := f.Status, f.Body, f.Error
	if f.Mode == Sticky && named == "" && status == 0 && body == "" {
		named = "concurrent_write"
	}
	switch {
	case named != "":
		r := FaultErrors[named]()
		if status != 0 {
			r = r.as(status)
		}
		x.refuse(r, f.Form)
		return
	case f.Mode == Garble && body == "" && strings.HasPrefix(x.route, "uploads."):
		if status == 0 {
			status = http.StatusOK
		}
		x.sendJSON(status, envelope{envelopeBody{Code: 500, Message: "Internal error encountered.", Status: "INTERNAL"}})
		return
	case f.Mode == Garble && body == "":
		if status == 0 {
			status = http.StatusBadGateway
		}
		writeHTML(x.w, status, "Error 502 (Server Error)!!1", "The server encountered a temporary error and could not complete your request.")
		return
	case status == 0:
		status = http.StatusServiceUnavailable
	}
	kind := x.w.Header().Get("Content-Type")
	if kind == "" && strings.HasPrefix(strings.TrimSpace(body), "{") {
		kind = typeJSON
	} else if kind == "" {
		kind = "text/plain; charset=utf-8"
	}
	write(x.w, status, kind, []byte(body))
}

// brokenBody ends with an error after some bytes, as a body does whose connection was cut.
type brokenBody struct {
	io.ReadCloser
	left int64
}

func (b *brokenBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// discardWriter takes an answer nobody sees.
type discardWriter struct{ header http.Header }

func (w *discardWriter) Header() http.Header         { return w.header }
func (w *discardWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w *discardWriter) WriteHeader(int)             {}
