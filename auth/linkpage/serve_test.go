package linkpage

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// served runs the server on a port of its own until the test ends.
func served(t *testing.T, h http.Handler) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := serve(ctx, listener, h); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	return listener.Addr().String()
}

func TestServe(t *testing.T) {
	addr := served(t, newEnv(t).routes)
	tests := map[string]string{
		"GET /oauth/callback HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":                                      "HTTP/1.1 400 Bad Request",
		"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":                                                    "HTTP/1.1 200 OK",
		"GET / HTTP/1.1\r\nHost: x\r\nCookie: " + strings.Repeat("x", 2*maxHeader) + "\r\n\r\n":                     "HTTP/1.1 431 ",
		"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n":                      "HTTP/1.1 405 ",
		"GET http://evil.example/oauth/callback HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n":        "HTTP/1.1 400 ",
		"POST /oauth/callback HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\nConnection: close\r\n\r\n":          "HTTP/1.1 405 ",
		"GET /oauth/callback HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nab": "HTTP/1.1 400 ",
	}
	for request, want := range tests {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, request)
		if line, _ := bufio.NewReader(conn).ReadString('\n'); !strings.HasPrefix(line, want) {
			t.Errorf("%.60q: %q", request, line)
		}
		conn.Close()
	}
}

// pipes is a listener in the process, for a synctest bubble.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	close  func()
}

func newPipes() *pipes {
	p := &pipes{conns: make(chan net.Conn, 1), closed: make(chan struct{})}
	p.close = sync.OnceFunc(func() { close(p.closed) })
	return p
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error { p.close(); return nil }

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func TestServeLimitsConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener := newPipes()
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := serve(ctx, listener, http.NotFoundHandler()); err != nil {
				t.Errorf("serve: %v", err)
			}
		})
		var served atomic.Int32
		var conns []net.Conn
		for range maxConnections + 1 {
			here, there := net.Pipe()
			conns = append(conns, here)
			listener.conns <- there
			wg.Go(func() {
				fmt.Fprint(here, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
				if line, _ := bufio.NewReader(here).ReadString('\n'); strings.HasPrefix(line, "HTTP/1.1 404 ") {
					served.Add(1)
				}
			})
			synctest.Wait()
		}
		if n := served.Load(); n != maxConnections {
			t.Errorf("%d connections were served", n)
		}
		conns[0].Close()
		synctest.Wait()
		if n := served.Load(); n != maxConnections+1 {
			t.Errorf("%d connections were served after one has gone", n)
		}
		for _, c := range conns {
			c.Close()
		}
		cancel()
		wg.Wait()
	})
}

func TestServeNeedsAnAddress(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	err = Serve(t.Context(), taken.Addr().String(), http.NotFoundHandler())
	if err == nil || !strings.Contains(err.Error(), taken.Addr().String()) {
		t.Errorf("err = %v", err)
	}
}

// A link that is being completed when the process stops is completed.
func TestServeFinishesLinks(t *testing.T) {
	e := newEnv(t)
	back := e.allow(e.consentPage(), sam)
	began, goOn := make(chan struct{}), make(chan struct{})
	e.answers["v1/userinfo"] = func() *http.Response {
		close(began)
		<-goOn
		return nil
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := serve(ctx, listener, e.routes); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	wg.Go(func() {
		tr := &http.Transport{DisableKeepAlives: true}
		resp, err := (&http.Client{Transport: tr}).Get(strings.Replace(back, "localhost:8099", listener.Addr().String(), 1))
		if err != nil {
			t.Errorf("callback: %v", err)
			return
		}
		defer resp.Body.Close()
		if page, _ := io.ReadAll(resp.Body); !strings.Contains(string(page), "Linked to Google Photos") {
			t.Errorf("page:\n%s", page)
		}
	})
	<-began
	cancel()
	close(goOn)
	wg.Wait()
}
