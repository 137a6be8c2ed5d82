package photosim

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// exchange is one request on its way through the simulator.
type exchange struct {
	w     http.ResponseWriter
	r     *http.Request
	place place
	route string
	fault *Fault // nil: none; per-item and paging faults are carried out by the handlers
}

// serve routes a request, counts it, carries out faults, and hands it to its endpoint.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/_sim/") {
		s.serveControl(w, r)
		return
	}
	r = overridden(r)
	p, ok := locate(r)
	var e endpoint
	if ok {
		e, ok = find(p, r)
	}
	if !ok {
		e = endpoint{"unknown", (*Server).serveNothing}
	}
	call := s.stats.begin(e.name)
	defer call.end()
	cw := &countingWriter{ResponseWriter: w, call: call}
	r.Body = &countingBody{ReadCloser: r.Body, call: call, line: &s.line, ctx: r.Context()}
	x := &exchange{w: cw, r: r, place: p, route: e.name, fault: s.takeFault(e.name)}
	if x.fault != nil && x.fault.Mode != "" {
		s.serveFault(x, e)
		return
	}
	e.serve(s, x)
}

// serveNothing answers what is no address of the simulator.
func (s *Server) serveNothing(x *exchange) {
	writeHTML(x.w, http.StatusNotFound, "Error 404 (Not Found)!!1", "The requested URL was not found on this server. That’s all we know.")
}

// pause waits the configured delay of a route. It reports false when the client left meanwhile.
func (s *Server) pause(ctx context.Context, route string) bool {
	s.mu.Lock()
	d := s.delayLocked(route)
	s.mu.Unlock()
	return sleep(ctx, d.Base)
}

func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// maxBody bounds every body that is not media, in bytes.
const maxBody = 4 << 20

// readBody reads a small body whole; *apiError 413 when it is not small.
func readBody(r *http.Request) ([]byte, error) {
	size := r.ContentLength
	if size > maxBody {
		return nil, &apiError{code: http.StatusRequestEntityTooLarge, status: "INVALID_ARGUMENT", message: "Request payload size exceeds the limit: 4194304 bytes."}
	}
	if size >= 0 {
		buf := make([]byte, size)
		_, err := io.ReadFull(r.Body, buf)
		return buf, err
	}
	buf, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err == nil && len(buf) > maxBody {
		err = &apiError{code: http.StatusRequestEntityTooLarge, status: "INVALID_ARGUMENT", message: "Request payload size exceeds the limit: 4194304 bytes."}
	}
	return buf, err
}

// abort cuts the connection without an answer.
func abort() { panic(http.ErrAbortHandler) }

// write sends an answer whose whole body is at hand.
func write(w http.ResponseWriter, status int, contentType string, body []byte) {
	h := w.Header()
	if contentType != "" {
		h.Set("Content-Type", contentType)
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "private")
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may be gone; there is nobody else to tell
}

func writeText(w http.ResponseWriter, status int, text string) {
	write(w, status, "text/plain; charset=utf-8", []byte(text))
}

// fail sends err; an error that is no refusal means the client's body broke off.
func (x *exchange) fail(err error) {
	r, ok := errors.AsType[refusal](err)
	if !ok {
		abort()
	}
	x.refuse(r, "")
}
