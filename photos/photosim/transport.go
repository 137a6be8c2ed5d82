package photosim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
)

// Transport returns a RoundTripper that serves requests in process, without sockets: for any host it behaves like Handler.
// Bodies are streamed both ways. A request ends when its context does; a response whose body is neither read to its end nor
// closed keeps a goroutine until then. Under testing/synctest, call New inside the bubble.
func (s *Server) Transport() http.RoundTripper { return transport{s} }

type transport struct{ s *Server }

// RoundTrip starts the handler in a goroutine that Server.Close waits for, and returns when the handler answers.
func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL == nil || req.URL.Host == "" {
		closeBody(req)
		return nil, errors.New("photosim: request without a host")
	}
	if err := req.Context().Err(); err != nil {
		closeBody(req)
		return nil, err
	}
	if !t.s.enter() {
		closeBody(req)
		return nil, errors.New("photosim: server closed")
	}
	ctx, cancel := context.WithCancel(req.Context())
	in, body := serverRequest(ctx, req)
	pr, pw := io.Pipe()
	w := &pipeWriter{header: make(http.Header), pipe: pw, req: req, body: pr, cancel: cancel, answered: make(chan struct{})}
	stop := context.AfterFunc(req.Context(), func() { _ = pw.CloseWithError(req.Context().Err()) })
	go func() {
		defer t.s.inflight.Done()
		defer cancel()
		defer stop()
		defer closeQuietly(body)
		w.finish(runHandler(t.s, w, in))
	}()
	select {
	case <-w.answered:
	case <-req.Context().Done():
		closeQuietly(body) // unblocks a handler that reads from a client that stopped sending
		return nil, req.Context().Err()
	}
	if w.failed != nil {
		return nil, w.failed
	}
	return w.response, nil
}

// enter counts a request in, unless the server is closed.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.inflight.Add(1)
	return true
}

// runHandler reports a cut connection as an error, as a client would see it.
func runHandler(s *Server, w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			err = fmt.Errorf("photosim: connection cut: %w", io.ErrUnexpectedEOF)
		default:
			panic(p)
		}
	}()
	s.serve(w, r)
	return nil
}

// serverRequest turns a client's request into what a server sees.
func serverRequest(ctx context.Context, req *http.Request) (*http.Request, *clientBody) {
	in := req.Clone(ctx)
	in.Host = req.Host
	if in.Host == "" {
		in.Host = req.URL.Host
	}
	if in.Header == nil {
		in.Header = make(http.Header)
	}
	u := url.URL{Scheme: req.URL.Scheme, Path: req.URL.Path, RawPath: req.URL.RawPath, RawQuery: req.URL.RawQuery}
	in.URL, in.RequestURI = &u, u.RequestURI()
	body := &clientBody{ReadCloser: http.NoBody, promised: -1}
	switch {
	case req.Body == nil || req.Body == http.NoBody:
		in.ContentLength = 0
	case req.ContentLength > 0:
		body.ReadCloser, body.promised = req.Body, req.ContentLength
	default:
		body.ReadCloser, in.ContentLength = req.Body, -1
	}
	in.Body = body
	return in, body
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}

// clientBody holds a client to the length it announced and closes once.
type clientBody struct {
	io.ReadCloser
	promised int64 // -1: none
	read     int64
	once     sync.Once
}

func (b *clientBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	switch {
	case b.promised < 0:
	case b.read > b.promised, err == io.EOF && b.read < b.promised:
		return n, fmt.Errorf("photosim: ContentLength=%d with Body length %d: %w", b.promised, b.read, io.ErrUnexpectedEOF)
	case b.read == b.promised && err == nil:
		err = io.EOF
	}
	return n, err
}

func (b *clientBody) Close() error {
	b.once.Do(func() { _ = b.ReadCloser.Close() })
	return nil
}

// pipeWriter hands the answer over as soon as its head is written.
type pipeWriter struct {
	header   http.Header
	pipe     *io.PipeWriter
	body     *io.PipeReader
	req      *http.Request
	cancel   context.CancelFunc
	answered chan struct{} // closed once response or failed is set
	response *http.Response
	failed   error
}

// Header is the head of the answer, until WriteHeader.
func (w *pipeWriter) Header() http.Header { return w.header }

// WriteHeader makes the response; later calls are ignored.
func (w *pipeWriter) WriteHeader(code int) {
	if w.response != nil || code < 200 {
		return
	}
	length := int64(-1)
	if n, err := strconv.ParseInt(w.header.Get("Content-Length"), 10, 64); err == nil {
		length = n
	}
	w.response = &http.Response{
		Status: strconv.Itoa(code) + " " + http.StatusText(code), StatusCode: code,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header.Clone(), Body: &answerBody{w.body, w.req.Context(), w.cancel}, ContentLength: length, Request: w.req,
	}
	close(w.answered)
}

// Write streams the body; a HEAD request gets none.
func (w *pipeWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.req.Method == http.MethodHead {
		return len(p), nil
	}
	return w.pipe.Write(p)
}

func (w *pipeWriter) finish(err error) {
	if err == nil {
		w.WriteHeader(http.StatusOK)
		_ = w.pipe.Close()
		return
	}
	if w.response == nil {
		w.failed = err
		close(w.answered)
	}
	_ = w.pipe.CloseWithError(err)
}

// answerBody ends the request when the client closes it.
type answerBody struct {
	*io.PipeReader
	ctx    context.Context // of the client's request
	cancel context.CancelFunc
}

// Read fails as soon as the context has ended, whatever is on its way.
func (b *answerBody) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	return b.PipeReader.Read(p)
}

func (b *answerBody) Close() error {
	b.cancel()
	return b.PipeReader.Close()
}
