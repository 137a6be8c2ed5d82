package survival

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
)

// A line leads to a server and can be cut: what it has carried by then arrives,
// what it has not is lost.
type line struct {
	target   string
	listener net.Listener
	running  sync.WaitGroup

	mu    sync.Mutex // guards all below
	conns map[net.Conn]bool
	every int64 // bytes to the server after which a connection is cut; 0 = never
	sent  int64 // bytes to the server
	cuts  int
}

// newLine lays a line to an address until the test ends.
func newLine(t *testing.T, target string) *line {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &line{target: target, listener: l, conns: map[net.Conn]bool{}}
	n.running.Go(n.serve)
	t.Cleanup(func() {
		_ = l.Close()
		n.cut()
		n.running.Wait()
	})
	return n
}

func (n *line) addr() string { return n.listener.Addr().String() }

// cut ends all connections.
func (n *line) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for c := range n.conns {
		_ = c.Close()
	}
}

// cutEvery ends each connection that has carried so many bytes to the server.
func (n *line) cutEvery(bytes int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.every, n.sent, n.cuts = bytes, 0, 0
}

// carried is what went to the server since cutEvery, and how often it was cut.
func (n *line) carried() (bytes int64, cuts int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.sent, n.cuts
}

func (n *line) serve() {
	for {
		c, err := n.listener.Accept()
		if err != nil {
			return
		}
		n.running.Go(func() { n.carry(c) })
	}
}

func (n *line) carry(client net.Conn) {
	defer client.Close()
	var d net.Dialer
	server, err := d.DialContext(context.Background(), "tcp", n.target)
	if err != nil {
		return
	}
	defer server.Close()
	n.mu.Lock()
	n.conns[client], n.conns[server] = true, true
	n.mu.Unlock()
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(client, server)
		_ = client.Close()
	})
	n.forward(server, client)
	_ = client.Close()
	_ = server.Close()
	back.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.conns, client)
	delete(n.conns, server)
}

// forward carries bytes to the server until the connection ends, or is cut.
func (n *line) forward(server io.Writer, client io.Reader) {
	buf := make([]byte, 32<<10)
	var sum int64
	for {
		got, err := client.Read(buf)
		if _, lost := server.Write(buf[:got]); err != nil || lost != nil {
			return
		}
		sum += int64(got)
		n.mu.Lock()
		n.sent += int64(got)
		over := n.every > 0 && sum >= n.every
		if over {
			n.cuts++
		}
		n.mu.Unlock()
		if over {
			return
		}
	}
}
