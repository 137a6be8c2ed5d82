package broker

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

// TLSFiles names what a TLS connection to a broker needs beyond the system's certificate authorities. Zero needs nothing.
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
			return nil, fmt.Errorf("certificate authorities of the broker: %w", err)
		}
	}
	switch {
	case (f.Certificate == "") != (f.Key == ""):
		return nil, errors.New("a client certificate for the broker needs both its file and the file of its key")
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
	headBuffer     = 512         // bytes: for small packets and the heads of large ones, whose rest is read straight to its place
	transportQueue = 256         // packets that wait for the network before a write blocks: more than publishes and acknowledgements in flight
	flushLimit     = time.Second // for packets handed over before the end to leave
	// handOver is how long paho waits for its writer, which waits for nothing here: it is over only when the connection ends just then.
	handOver = 2 * time.Second
)

// errClosed is why paho closes a connection by itself.
var errClosed = fmt.Errorf("a ping was not answered, or what came is no MQTT: %w", net.ErrClosed)

// connect makes one attempt: one TCP connection, one CONNECT, one CONNACK. A session that failed is also returned, for how far it came.
func (c *Conn) connect(ctx context.Context) (*session, error) {
	s := &session{conn: c, ended: make(chan inFlight)}
	dialed, armed := errClosed, func() bool { return true }
	// paho's own reconnection resumes stale publishes and completes tokens that were never confirmed, its fallback to MQTT 3.1 doubles
	// every refused login. Its ordered delivery bounds what it reads ahead; without it each message has a goroutine, 30,000 in a flood. Run
	// takes deliveries at once, so that pings and acknowledgements are not held up.
	opts := mqtt.NewClientOptions().SetStore(noStore{}).SetProtocolVersion(4).
		SetClientID(c.cfg.ClientID).SetCleanSession(c.cfg.Clean).
		SetUsername(c.address.User).SetPassword(string(c.address.Password)).
		SetAutoReconnect(false).SetConnectRetry(false).SetOrderMatters(true).SetAutoAckDisabled(true).
		SetKeepAlive(c.timeouts.keepAlive).SetPingTimeout(c.timeouts.ping).
		SetConnectTimeout(c.timeouts.connect).SetWriteTimeout(handOver)
	opts.Servers = []*url.URL{{Scheme: c.address.Network, Host: c.address.Host}}
	if a := c.cfg.Availability; a.Topic != "" {
		opts.SetWill(a.Topic, a.Offline, 1, true)
	}
	opts.SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) {
		d := c.delivery(s.transport, m)
		select {
		case c.deliveries <- d:
		case <-s.transport.gone: // not acknowledged, so it comes back
			d.Release()
		case <-ctx.Done():
			d.Release()
		}
	})
	opts.SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (net.Conn, error) {
		var conn net.Conn
		if conn, dialed = dial(ctx, c.address, c.cfg.TLS, c.timeouts.connect); dialed != nil {
			return nil, dialed
		}
		s.transport = newTransport(conn, c.timeouts.write, &c.intake)
		c.writers.Go(s.transport.send)
		armed = context.AfterFunc(ctx, func() { s.transport.fail(context.Cause(ctx)) })
		return s.transport, nil
	})
	s.client = mqtt.NewClient(opts)
	token := s.client.Connect().(*mqtt.ConnectToken)
	<-token.Done()
	s.began = time.Now()
	armed()
	err, code := token.Error(), token.ReturnCode()
	switch s.accepted = err == nil; {
	case s.accepted:
	case dialed != nil:
		err = dialed
	case code != packets.ErrNetworkError:
		s.refused = code
	default:
		err = fmt.Errorf("wait for the broker's first answer: %w", s.transport.cause())
		if hungUp(err) && ctx.Err() == nil {
			s.diagnosis = c.Diagnose(ctx, c.cfg.Availability.Topic)
		}
	}
	return s, err
}

// noStore keeps no packets: each session begins with an empty store, and what is to be sent again is in the outbox.
type noStore struct{}

func (noStore) Open()                             {}
func (noStore) Close()                            {}
func (noStore) Reset()                            {}
func (noStore) Put(string, packets.ControlPacket) {}
func (noStore) Get(string) packets.ControlPacket  { return nil }
func (noStore) Del(string)                        {}
func (noStore) All() []string                     { return nil }

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

// transport is the network connection as paho sees it. Writing never waits for the network, because paho's Publish holds up its caller,
// and its keepalive its own timeout, behind a peer that has stopped reading
// (https://github.com/eclipse-paho/paho.mqtt.golang/issues/723). In return each packet has its deadline here, acknowledgements and pings
// included. It also knows when and of what the connection ended before paho has taken itself apart.
type transport struct {
	net.Conn
	in     *bufio.Reader // paho reads the head of a packet byte by byte
	limit  time.Duration
	out    chan []byte
	gone   chan struct{}   // closed at the end, whoever ended it
	intake *intake         // reading waits for room in it
	read   atomic.Int64    // bytes that have come
	life   context.Context //nolint:containedctx // ends with gone
	end    context.CancelFunc
	once   sync.Once
	err    error // why it ended; set once, before gone is closed
}

func newTransport(conn net.Conn, limit time.Duration, room *intake) *transport {
	t := &transport{Conn: conn, in: bufio.NewReaderSize(conn, headBuffer), limit: limit, intake: room, out: make(chan []byte, transportQueue), gone: make(chan struct{})}
	t.life, t.end = context.WithCancel(context.Background())
	return t
}

// send writes until the connection ends, then what was given before, as DISCONNECT. It alone writes and sets write deadlines: websockets.
func (t *transport) send() {
	defer func() { _ = t.Conn.Close() }()
	for {
		var packet []byte
		select {
		case packet = <-t.out:
		case <-t.gone:
			if len(t.out) == 0 {
				return
			}
			packet = <-t.out
		}
		err := t.Conn.SetWriteDeadline(time.Now().Add(t.limit))
		if err == nil {
			_, err = t.Conn.Write(packet)
		}
		if err != nil {
			t.fail(err)
			return
		}
	}
}

// Read gives the end's first reason: paho takes "use of closed network connection" for its own doing, and waits for a failed ping.
func (t *transport) Read(p []byte) (int, error) {
	t.intake.await(t.life)
	n, err := t.in.Read(p)
	t.read.Add(int64(n))
	if err != nil {
		t.fail(err)
		err = t.err
	}
	return n, err
}

// Write hands a packet to send; paho writes each with one call.
func (t *transport) Write(p []byte) (int, error) {
	select {
	case <-t.gone:
		return 0, t.err
	default:
	}
	select {
	case t.out <- bytes.Clone(p):
		return len(p), nil
	case <-t.gone:
		return 0, t.err
	}
}

// Close ends the connection after what was written has left, without waiting for it.
func (t *transport) Close() error {
	t.fail(errClosed)
	return nil
}

// SetDeadline limits reads alone: paho sets it for CONNECT and CONNACK, and send has a deadline for each packet.
func (t *transport) SetDeadline(at time.Time) error   { return t.SetReadDeadline(at) }
func (t *transport) SetWriteDeadline(time.Time) error { return nil }

// fail ends the connection; only the first reason counts. What has not left after flushLimit is cut.
func (t *transport) fail(reason error) {
	t.once.Do(func() {
		t.err = reason
		close(t.gone)
		t.end()
		time.AfterFunc(flushLimit, func() { _ = t.Conn.Close() })
	})
}

func (t *transport) cause() error {
	t.fail(errClosed)
	return t.err
}
