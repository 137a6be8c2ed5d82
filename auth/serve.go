package auth

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Limits of the server. Requests are small and rare: all there is to guard against is a visitor who holds
// connections or sends without end.
const (
	headerTimeout  = 5 * time.Second
	readTimeout    = 10 * time.Second
	writeTimeout   = finishLimit + 10*time.Second
	idleTimeout    = 30 * time.Second
	maxHeader      = 16 << 10 // twice the longest query
	maxBody        = 4 << 10  // no request has one
	maxConnections = 64
)

// Serve serves the handler on the TCP address until ctx ends; links being completed by then have finishLimit to
// end. It returns nil after such a stop, and an error when it cannot listen.
func Serve(ctx context.Context, addr string, h http.Handler) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("serve linking on %s: %w", addr, err)
	}
	return serve(ctx, listener, h)
}

func serve(ctx context.Context, listener net.Listener, h http.Handler) error {
	server := &http.Server{
		Handler:           http.MaxBytesHandler(h, maxBody),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
	}
	running, stop := context.WithCancel(ctx)
	var stopping sync.WaitGroup
	stopping.Go(func() {
		<-running.Done()
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishLimit)
		defer cancel()
		if server.Shutdown(limit) != nil {
			_ = server.Close() // what is cut here has had its time
		}
	})
	err := server.Serve(&limitedListener{Listener: listener, open: make(chan struct{}, maxConnections)})
	stop()
	stopping.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve linking: %w", err)
}

// limitedListener closes further connections while maxConnections are open, so that strangers cannot use up the
// process's file descriptors.
type limitedListener struct {
	net.Listener

	open chan struct{}
}

// Accept implements net.Listener.
func (l *limitedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case l.open <- struct{}{}:
			return &limitedConn{Conn: conn, leave: sync.OnceFunc(func() { <-l.open })}, nil
		default:
			_ = conn.Close()
		}
	}
}

// limitedConn gives its place back when it is closed.
type limitedConn struct {
	net.Conn

	leave func()
}

// Close implements net.Conn.
func (c *limitedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
