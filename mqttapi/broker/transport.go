package broker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// TLSFiles names what a TLS connection to a broker, or to another server, needs beyond the system's certificate authorities. Zero needs nothing.
type TLSFiles struct {
	CA          string // PEM file with the authorities to trust in place of the system's
	Certificate string // PEM file with the client's certificate and its chain; needs Key
	Key         string // PEM file with the client's private key, not encrypted
}

// Config reads the files. TLS is at least 1.2, as RFC 8996 asks. The error names the file that is wrong and what is wrong with it.
func (f TLSFiles) Config() (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if f.CA != "" {
		pem, err := os.ReadFile(f.CA)
		if cfg.RootCAs = x509.NewCertPool(); err == nil && !cfg.RootCAs.AppendCertsFromPEM(pem) {
			err = fmt.Errorf("%s holds no certificate in PEM form", f.CA)
		}
		if err != nil {
			return nil, fmt.Errorf("certificate authorities: %w", err)
		}
	}
	switch {
	case (f.Certificate == "") != (f.Key == ""):
		return nil, errors.New("a client certificate needs both its file and the file of its key")
	case f.Certificate != "":
		pair, err := tls.LoadX509KeyPair(f.Certificate, f.Key)
		if err != nil {
			return nil, fmt.Errorf("client certificate %s with key %s: %w", f.Certificate, f.Key, err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}

const (
	flushLimit = time.Second // for packets handed over before the end to leave
	chunk      = 64 << 10    // bytes that are written at a time, each with its own time limit
)

var (
	// errClosed is why we close a connection.
	errClosed = fmt.Errorf("a ping was not answered, or what came is no MQTT: %w", net.ErrClosed)
	// errNotHeld is why nothing is sent any more: the client id is another process's.
	errNotHeld = fmt.Errorf("this process has the client id no more: %w", net.ErrClosed)
)

// dial opens the network connection, TLS included. Proxies of the environment are not used: they are meant for the way to Google.
func dial(ctx context.Context, a Address, cfg *tls.Config, limit time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	switch a.Network {
	case "ws", "wss":
		direct := &http.Client{Transport: &http.Transport{TLSClientConfig: cfg, DisableKeepAlives: true}}
		conn, _, err := websocket.Dial(ctx, a.Network+"://"+a.Host+a.Path, &websocket.DialOptions{ //nolint:bodyclose // it is the connection
			HTTPClient: direct, Subprotocols: []string{"mqtt"},
		})
		if err != nil {
			return nil, err
		}
		return websocket.NetConn(context.Background(), conn, websocket.MessageBinary), nil
	case "tls":
		return (&tls.Dialer{Config: cfg}).DialContext(ctx, "tcp", a.Host)
	default:
		return (&net.Dialer{}).DialContext(ctx, a.Network, a.Host)
	}
}

// transport is a network connection that is written to without waiting for it, whoever writes, and that knows when and of what it ended.
// What is written leaves in its order, what has gathered meanwhile together. A goroutine sends only while there is something to send.
type transport struct {
	net.Conn
	limit  time.Duration
	intake *intake         // reading waits for room in it
	holds  func() bool     // Config.Holds
	read   atomic.Int64    // bytes that have come
	gone   chan struct{}   // closed at the end, whoever ended it
	life   context.Context //nolint:containedctx // ends with gone
	end    context.CancelFunc

	running sync.WaitGroup // what sends, and who reads

	mu      sync.Mutex // guards all below; err is set before gone is closed, and then stays
	out     []byte     // to be sent
	sending bool
	err     error  // why it ended
	acks    []*ack // of deliveries, in their order, until they are sent
}

func newTransport(conn net.Conn, limit time.Duration, room *intake, holds func() bool) *transport {
	t := &transport{Conn: conn, limit: limit, intake: room, holds: holds, gone: make(chan struct{})}
	t.life, t.end = context.WithCancel(context.Background())
	return t
}

// Write hands bytes over and never waits. After the end it returns why it ended.
func (t *transport) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.write(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// write is Write with mu held.
func (t *transport) write(p []byte) error {
	if t.err != nil {
		return t.err
	}
	t.out = append(t.out, p...)
	if !t.sending {
		t.sending = true
		t.running.Go(t.send)
	}
	return nil
}

// send writes what there is, after the end too, as DISCONNECT. It alone writes and sets write deadlines: websockets.
func (t *transport) send() {
	for {
		t.mu.Lock()
		out := t.out
		t.out, t.sending = nil, len(out) > 0
		over := t.err != nil
		t.mu.Unlock()
		if len(out) == 0 {
			if over {
				_ = t.Conn.Close()
			}
			return
		}
		for part := range slices.Chunk(out, chunk) {
			err := t.SetWriteDeadline(time.Now().Add(t.limit))
			if err == nil && !t.holds() { // right before: a process may be stopped and go on at any point
				err = errNotHeld
			}
			if err == nil {
				_, err = t.Conn.Write(part)
			}
			if err != nil {
				t.fail(err)
				_ = t.Conn.Close()
				break
			}
		}
	}
}

// Read waits while too much of what came before is in hand. Its error is why the connection ended.
func (t *transport) Read(p []byte) (int, error) {
	t.intake.await(t.life)
	n, err := t.Conn.Read(p)
	t.read.Add(int64(n))
	if !t.holds() { // what a halted process finds in its buffer is for who has the client id now
		n, err = 0, errNotHeld
	}
	if err != nil {
		t.fail(err)
		err = t.cause()
	}
	return n, err
}

// Close ends the connection after what was written has left, without waiting for it.
func (t *transport) Close() error {
	t.fail(errClosed)
	return nil
}

// fail ends the connection; only the first reason counts. What has not left after flushLimit is cut.
func (t *transport) fail(reason error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		return
	}
	t.err = reason
	close(t.gone)
	t.end()
	if t.sending {
		time.AfterFunc(flushLimit, func() { _ = t.Conn.Close() })
	} else {
		t.running.Go(func() { _ = t.Conn.Close() }) // which is I/O: of a websocket it waits for the other side
	}
}

// cause ends the connection if nothing else has, and says why it ended.
func (t *transport) cause() error {
	t.fail(errClosed)
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}
