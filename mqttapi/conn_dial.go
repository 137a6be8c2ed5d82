package mqttapi

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

// handOver is how long paho's Publish and Subscribe wait for its writer. The
// wire below never makes the writer wait, so it is over only when the connection ends at
// that very moment.
const handOver = 2 * time.Second

// refusal is a CONNACK that says no.
type refusal struct {
	code byte // https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html#_Table_3.1_-
	err  error
}

func (r *refusal) Error() string { return r.err.Error() }

// connect makes one attempt: one TCP connection, one CONNECT, one CONNACK. The
// call is also returned when it failed, for how far it came.
func (c *Conn) connect(ctx context.Context) (*call, error) {
	k := newCall(c)
	dialed := error(nil)
	armed := func() bool { return true }
	opts := c.options(k)
	opts.SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) { c.receive(ctx, m) })
	opts.SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (net.Conn, error) {
		conn, err := dial(ctx, c.broker, c.cfg.TLS, c.pace.connect)
		if err != nil {
			dialed = err
			return nil, err
		}
		k.wire = newWire(conn, c.pace.write)
		c.work.Go(k.wire.send)
		armed = context.AfterFunc(ctx, func() { k.wire.fail(context.Cause(ctx)) })
		return k.wire, nil
	})
	k.client = mqtt.NewClient(opts)
	token := k.client.Connect().(*mqtt.ConnectToken)
	<-token.Done()
	k.born = time.Now()
	armed()
	switch code := token.ReturnCode(); {
	case token.Error() == nil:
		k.accepted = true
		return k, nil
	case dialed != nil:
		return k, dialed
	case code != packets.ErrNetworkError:
		return k, &refusal{code: code, err: token.Error()}
	default:
		return k, fmt.Errorf("wait for the broker's first answer: %w", k.wire.cause())
	}
}

// options are paho's, each for a reason: its own reconnection resumes stale
// publishes and completes tokens that the broker never confirmed, its fallback to
// MQTT 3.1 doubles every refused login, its ordered delivery lets one slow
// handler block the answers to its pings.
func (c *Conn) options(k *call) *mqtt.ClientOptions {
	opts := mqtt.NewClientOptions().
		SetClientID(c.cfg.ClientID).
		SetUsername(c.broker.User).
		SetPassword(c.broker.Password).
		SetProtocolVersion(4).
		SetCleanSession(c.cfg.Clean).
		SetAutoReconnect(false).
		SetConnectRetry(false).
		SetOrderMatters(false).
		SetAutoAckDisabled(true).
		SetStore(mqtt.NewOrderedMemoryStore()).
		SetKeepAlive(c.pace.keepAlive).
		SetPingTimeout(c.pace.ping).
		SetConnectTimeout(c.pace.connect).
		SetWriteTimeout(handOver).
		SetConnectionLostHandler(func(_ mqtt.Client, err error) { k.ended <- err })
	opts.Servers = []*url.URL{{Scheme: c.broker.Network, Host: c.broker.Address}}
	if c.cfg.Availability != "" {
		opts.SetWill(c.cfg.Availability, Offline, 1, true)
	}
	return opts
}

// dial opens the network connection, TLS included. Proxies of the environment
// are not used: they are meant for the way to Google.
func dial(ctx context.Context, b Broker, cfg *tls.Config, limit time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if cfg == nil {
		cfg = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if cfg.ServerName == "" {
		cfg = cfg.Clone()
		cfg.ServerName = b.host()
	}
	switch b.Network {
	case "ws", "wss":
		direct := func(*http.Request) (*url.URL, error) { return nil, nil }
		return mqtt.NewWebsocket(b.Network+"://"+b.Address+b.Path, cfg, limit, nil, &mqtt.WebsocketOptions{Proxy: direct})
	case "tls":
		return (&tls.Dialer{Config: cfg}).DialContext(ctx, "tcp", b.Address)
	default:
		return (&net.Dialer{}).DialContext(ctx, b.Network, b.Address)
	}
}
