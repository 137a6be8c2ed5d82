package photosim

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// grace is how long requests may go on after Serve was told to stop.
const grace = 5 * time.Second

// Serve answers on ln until ctx ends, then lets requests finish for up to 5 seconds and returns nil. It closes ln.
//
// Without a CA it speaks plain HTTP. With one the same listener also takes TLS, with HTTP/2, and is a proxy: CONNECT to port 443 of
// a host of Google's leads to the simulator itself, and every other CONNECT is refused with 403.
func (s *Server) Serve(ctx context.Context, ln net.Listener, ca *CA) error {
	defer context.AfterFunc(ctx, s.release)() // what a fault holds must not hold up the end
	// net/http would log broken handshakes and connections that clients left.
	noLog := slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	plain := &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10, ErrorLog: noLog}
	if ca == nil {
		return serveUntil(ctx, running{plain, func() error { return plain.Serve(ln) }})
	}
	secure := &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: plain.ReadHeaderTimeout, IdleTimeout: plain.IdleTimeout, MaxHeaderBytes: plain.MaxHeaderBytes,
		ErrorLog: noLog, TLSConfig: ca.ServerConfig(),
	}
	split := newSplitter(ln)
	plain.Handler = proxy{next: s.Handler(), tunnel: split.secure, hosts: tunnelHosts()}
	return serveUntil(
		ctx,
		running{plain, func() error { return plain.Serve(split.plain) }},
		running{secure, func() error { return secure.ServeTLS(split.secure, "", "") }},
		running{nil, split.run},
	)
}

// running is a server and what runs it; the splitter has no server and ends with its listener.
type running struct {
	server *http.Server
	run    func() error
}

// serveUntil runs all parts until ctx ends or one of them fails, and waits for all.
func serveUntil(ctx context.Context, parts ...running) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for _, p := range parts {
		wg.Go(func() { cancel(p.run()) })
	}
	<-ctx.Done()
	err := context.Cause(ctx)
	limit, stop := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer stop()
	for _, p := range parts {
		if p.server != nil && p.server.Shutdown(limit) != nil {
			_ = p.server.Close() // cuts what did not finish in time
		}
	}
	wg.Wait()
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, context.Canceled) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// splitter sorts the connections of a listener by their first byte: a TLS handshake begins with 22.
type splitter struct {
	ln            net.Listener
	plain, secure *handover
	wg            sync.WaitGroup
}

const tlsHandshake = 22

func newSplitter(ln net.Listener) *splitter {
	return &splitter{ln: ln, plain: newHandover(ln), secure: newHandover(ln)}
}

// run accepts until the listener is closed by one of the servers, and waits for connections that said nothing yet.
func (s *splitter) run() error {
	defer s.wg.Wait()
	for {
		conn, err := s.ln.Accept()
		if err != nil {
			return err
		}
		s.wg.Go(func() { s.sort(conn) })
	}
}

// sort waits for the first byte, for as long as a request's head may take.
func (s *splitter) sort(conn net.Conn) {
	stop := context.AfterFunc(s.plain.ctx, func() { _ = conn.SetReadDeadline(time.Unix(0, 0)) })
	defer stop()
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	r := bufio.NewReader(conn)
	first, err := r.Peek(1)
	if err != nil {
		_ = conn.Close()
		return
	}
	_ = conn.SetReadDeadline(time.Time{})
	to := s.plain
	if first[0] == tlsHandshake {
		to = s.secure
	}
	to.give(peeked{conn, r})
}

// peeked is a connection whose first bytes are in a reader.
type peeked struct {
	net.Conn
	r *bufio.Reader
}

// Read begins with what was read ahead.
func (c peeked) Read(p []byte) (int, error) { return c.r.Read(p) }

// CloseWrite lets net/http end an answer to a client that is still sending without a reset.
func (c peeked) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// handover is a listener that is given its connections.
type handover struct {
	under net.Listener
	conns chan net.Conn
	ctx   context.Context // ends when the listener is closed
	end   context.CancelFunc
}

func newHandover(under net.Listener) *handover {
	h := &handover{under: under, conns: make(chan net.Conn)}
	h.ctx, h.end = context.WithCancel(context.Background())
	return h
}

// give hands a connection to whoever accepts, or closes it when nobody does any more.
func (h *handover) give(c net.Conn) {
	select {
	case h.conns <- c:
	case <-h.ctx.Done():
		_ = c.Close()
	}
}

// Accept is net.Listener.
func (h *handover) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.ctx.Done():
		return nil, net.ErrClosed
	}
}

// Close is net.Listener; it closes the listener below too.
func (h *handover) Close() error {
	h.end()
	return h.under.Close()
}

// Addr is net.Listener.
func (h *handover) Addr() net.Addr { return h.under.Addr() }
