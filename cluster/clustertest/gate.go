package clustertest

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"gphotos2mqtt/bridge/wake"
)

// A Gate is a way to a server that can be closed: what is sent meanwhile arrives when it is opened again, also when its sender has given up.
type Gate struct {
	URL string // its own address

	mu    sync.Mutex // guards below
	open  *sync.Cond
	shut  bool
	ended bool
	held  int // ways on which something waits
	conns []net.Conn

	moved wake.Broadcast
}

// NewGate makes a way to the server at an address, until the test is over.
func NewGate(tb testing.TB, to string) *Gate {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(tb, err)
	g := &Gate{URL: "nats://" + l.Addr().String()}
	g.open = sync.NewCond(&g.mu)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", strings.TrimPrefix(to, "nats://"))
			if err != nil {
				_ = in.Close()
				continue
			}
			g.mu.Lock()
			g.conns = append(g.conns, in, out)
			g.mu.Unlock()
			wg.Go(func() { g.copy(out, in) })
			wg.Go(func() { g.copy(in, out) })
		}
	})
	tb.Cleanup(func() {
		_ = l.Close()
		g.mu.Lock()
		g.ended = true
		for _, c := range g.conns {
			_ = c.Close()
		}
		g.mu.Unlock()
		g.open.Broadcast()
		wg.Wait()
	})
	return g
}

// Shut lets nothing through until Open.
func (g *Gate) Shut() { g.set(true) }

// Open lets through what came since Shut, and what comes.
func (g *Gate) Open() { g.set(false) }

// Passed waits until all that came while the gate was shut has gone through, and the ways of who has given up are closed.
func (g *Gate) Passed(ctx context.Context) error {
	_, err := wake.Until(ctx, &g.moved, func() (none struct{}, ok bool, wait time.Duration) {
		g.mu.Lock()
		defer g.mu.Unlock()
		return none, g.held == 0, time.Second
	})
	return err
}

func (g *Gate) set(shut bool) {
	g.mu.Lock()
	g.shut = shut
	g.mu.Unlock()
	g.open.Broadcast()
}

func (g *Gate) copy(to, from net.Conn) {
	defer to.Close()
	for buffer := make([]byte, 64<<10); ; {
		n, err := from.Read(buffer)
		g.mu.Lock()
		late := g.shut
		if late {
			g.held++
		}
		for g.shut && !g.ended {
			g.open.Wait()
		}
		g.mu.Unlock()
		if n > 0 {
			_, _ = to.Write(buffer[:n]) // the next read tells
		}
		if late {
			g.mu.Lock()
			g.held--
			g.mu.Unlock()
			g.moved.Wake()
		}
		if err != nil {
			return
		}
	}
}
