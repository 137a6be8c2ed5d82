package auth

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
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
	g := newGoogle()
	addr := served(t, Handler([]*Link{open(t, g.config("home"), new(MemoryVault))}))
	tests := map[string]string{
		"GET /oauth/callback HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":                                      "HTTP/1.1 400 Bad Request",
		"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":                                                    "HTTP/1.1 404 Not Found",
		"GET / HTTP/1.1\r\nHost: x\r\nCookie: " + strings.Repeat("x", 2*maxHeader) + "\r\n\r\n":                     "HTTP/1.1 431 ",
		"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n":                      "HTTP/1.1 404 ",
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

func TestServeLimitsConnections(t *testing.T) {
	addr := served(t, http.NotFoundHandler())
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	ask := func() error {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return err
		}
		conns = append(conns, conn)
		fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		_, err = bufio.NewReader(conn).ReadString('\n')
		return err
	}
	for i := range maxConnections {
		if err := ask(); err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
	}
	if ask() == nil {
		t.Error("one connection too many was served")
	}
	conns[0].Close()
	for ask() != nil { // until the server has seen that one is gone
	}
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
	g := newGoogle()
	l := open(t, g.config("home"), new(MemoryVault))
	back := g.consent(t, consentPage(t, l), sam)
	began, goOn := make(chan struct{}), make(chan struct{})
	g.fail = func(kind string) *reply {
		if kind == "userinfo" {
			close(began)
			<-goOn
		}
		return nil
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := serve(ctx, listener, Handler([]*Link{l})); err != nil {
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
