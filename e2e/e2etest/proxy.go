package e2etest

import (
	"io"
	"net"
	"sync"
	"testing"
)

// A Proxy leads to a server and can be cut: what it has carried by then arrives, what
// it has not is lost. While it is silent it carries nothing, not even that one side has
// gone, as a network that loses all packets.
type Proxy struct {
	target   string
	listener net.Listener
	running  sync.WaitGroup

	mu    sync.Mutex    // guards all below
	flows chan struct{} // closed unless it is silent
	conns map[net.Conn]bool
	every int64 // bytes to the server after which a connection is cut; 0 = never
	sent  int64 // bytes to the server
	cuts  int
}

// StartProxy leads to an address until the test ends.
func StartProxy(tb testing.TB, target string) *Proxy {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	Must(tb, err)
	p := &Proxy{target: target, listener: l, conns: map[net.Conn]bool{}, flows: make(chan struct{})}
	close(p.flows)
	p.running.Go(p.serve)
	tb.Cleanup(func() {
		_ = l.Close()
		p.Silence(false)
		p.Cut()
		p.running.Wait()
	})
	return p
}

// Addr is where the proxy listens.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Cut ends all connections.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
}

// Silence makes the proxy silent, or lets it carry on.
func (p *Proxy) Silence(silent bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.flows:
		if silent {
			p.flows = make(chan struct{})
		}
	default:
		if !silent {
			close(p.flows)
		}
	}
}

// heard waits while the proxy is silent.
func (p *Proxy) heard() {
	p.mu.Lock()
	flows := p.flows
	p.mu.Unlock()
	<-flows
}

// CutEvery ends each connection that has carried so many bytes to the server.
func (p *Proxy) CutEvery(bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.every, p.sent, p.cuts = bytes, 0, 0
}

// Carried is what went to the server since CutEvery, and how often it was cut.
func (p *Proxy) Carried() (bytes int64, cuts int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sent, p.cuts
}

func (p *Proxy) serve() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.carry(c) })
	}
}

func (p *Proxy) carry(client net.Conn) {
	defer client.Close()
	p.heard()
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer server.Close()
	p.mu.Lock()
	p.conns[client], p.conns[server] = true, true
	p.mu.Unlock()
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(client, heardReader{p, server})
		_ = client.Close()
	})
	p.forward(server, client)
	_ = client.Close()
	_ = server.Close()
	back.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, client)
	delete(p.conns, server)
}

// forward carries bytes to the server until the connection ends, or is cut.
func (p *Proxy) forward(server io.Writer, client io.Reader) {
	buf := make([]byte, 32<<10)
	var sum int64
	for {
		got, err := heardReader{p, client}.Read(buf)
		if _, lost := server.Write(buf[:got]); err != nil || lost != nil {
			return
		}
		sum += int64(got)
		p.mu.Lock()
		p.sent += int64(got)
		over := p.every > 0 && sum >= p.every
		if over {
			p.cuts++
		}
		p.mu.Unlock()
		if over {
			return
		}
	}
}

// A heardReader keeps what it has read, and that there is no more, while the proxy is silent.
type heardReader struct {
	proxy *Proxy
	io.Reader
}

func (r heardReader) Read(buf []byte) (int, error) {
	n, err := r.Reader.Read(buf)
	r.proxy.heard()
	return n, err
}
