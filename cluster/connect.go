// Package cluster lets several processes of the bridge share one NATS JetStream cluster: it keeps their records and payloads there (an
// [Engine] for bridge/store), and sees to it that each entry runs in one process at a time (package fleet).
//
// In the cluster are three buckets, made at the first start. With the prefix gphotos they are
//
//	KV_gphotos-records      records, owner records; the fence of every write
//	OBJ_gphotos-payloads    payloads, as an object store
//	KV_gphotos-processes    the leases of the processes
//
// A write counts once a majority of the servers of its bucket has it. With their default sync_interval of two minutes they then only mean
// to put it on their disks; sync_interval: always is what survives a power cut of all of them.
// https://docs.nats.io/nats-concepts/jetstream#data-durability
//
// While no majority can be reached everything waits, and goes on when it is there again: nothing fails for it, but what outlives the lease
// of its entry ([engine.ErrLost]) or the caller's context.
package cluster

import (
	"context"
	"crypto/tls"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/sirupsen/logrus"

	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/bridge/wake"
)

const (
	connectLimit = 5 * time.Second        // for one server to answer
	shortPause   = 200 * time.Millisecond // before what failed is tried again; doubled each time, up to
	longPause    = 2 * time.Second
	// A server that hangs is left after two pings without an answer, long before a lease ends.
	pingEvery, pingsOpen = 2 * time.Second, 2
	answerLimit          = 2 * time.Second // for one request; what is not answered is asked again
	slowest              = 64 << 10        // bytes a second that a line carries at least: what is large may take longer
	silentFor            = 3 * time.Second // without an answer until another server is tried: a lease must last
	sayAgain             = time.Minute     // until what still holds up the same is logged once more
)

// Config says where the cluster is, and how this process logs in.
type Config struct {
	Servers  []string // addresses as ParseServers returns them, needed; one of them is enough to find the others
	User     string   // "" = none
	Password secret.Text
	Token    secret.Text // "" = none
	NKey     string      // path of a file with the seed of an NKey; "" = none
	Creds    string      // path of a credentials file, with a JWT and a seed; "" = none
	TLS      *tls.Config // nil = as the servers ask for, with the system's certificate authorities

	Prefix   string        // of the names of buckets and subjects; two bridges in one account need different ones; needed
	Replicas int           // on how many servers each bucket is: 1, 3 or 5; needed
	Lease    time.Duration // the time to live of a process's lease, whole seconds; default 15 s
	Log      *logrus.Entry // needed
}

// A Conn is a connection to the cluster, until Close; it is made again whenever it is lost. All methods may be called from several
// goroutines.
type Conn struct {
	cfg     Config
	nats    *nats.Conn
	js      jetstream.JetStream
	denied  denials
	heard   hearing
	trouble troubles
	watches wake.Members[wake.Flag] // each set when the connection was made again
	founded time.Time               // when the bucket of the records was made, by the monotonic clock of this process

	records, processes jetstream.KeyValue
}

// Connect connects, and makes the buckets that are not there. It tries until ctx ends, and logs what holds it up; an error is ctx's, or
// says what is wrong with the settings or with a bucket that is there already.
func Connect(ctx context.Context, cfg Config) (*Conn, error) {
	if cfg.Lease == 0 {
		cfg.Lease = 15 * time.Second
	}
	c := &Conn{cfg: cfg, trouble: troubles{open: map[string]*trouble{}}}
	options, err := c.options()
	if err != nil {
		return nil, err
	}
	err = c.until(ctx, "connect", 0, func(context.Context) error {
		c.nats, err = nats.Connect(strings.Join(cfg.Servers, ","), options...)
		return err
	})
	if err != nil {
		return nil, err
	}
	if c.js, err = jetstream.New(c.nats); err == nil {
		for _, bucket := range c.buckets() {
			if err == nil {
				err = c.until(ctx, "open buckets", 0, func(ctx context.Context) error { return c.openBucket(ctx, bucket) })
			}
		}
	}
	if err == nil {
		err = c.until(ctx, "open buckets", 0, c.bind)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Shared is what processes that share the cluster's entries work with, see package fleet.
type Shared struct {
	NATS               *nats.Conn
	JetStream          jetstream.JetStream
	Records, Processes jetstream.KeyValue
	// Watch has something watched until ctx ends, again whenever that has ended; begun is to be called each time that all there is is known.
	Watch  func(ctx context.Context, what string, watch func(ctx context.Context, begun func()) error)
	Heard  func(error)   // is told what became of each request: a server that has lost the others is left
	Prefix string        // of subjects
	Lease  time.Duration // the time to live of a key in Processes
}

// Shared is that of this cluster.
func (c *Conn) Shared() Shared {
	return Shared{c.nats, c.js, c.records, c.processes, c.keepWatching, c.note, c.cfg.Prefix, c.cfg.Lease}
}

// Close ends the connection, once. Nothing waits for it any more.
func (c *Conn) Close() { c.nats.Close() }

// Failing says, for a person, why the cluster cannot be reached just now; "" when it can.
func (c *Conn) Failing() string {
	if c.nats.IsConnected() {
		return ""
	}
	text := "No server of the NATS cluster can be reached"
	if err := c.nats.LastError(); err != nil {
		text += ": " + c.explain(err).Error()
	}
	return text + "."
}

func (c *Conn) options() ([]nats.Option, error) {
	cfg := c.cfg
	options := []nats.Option{
		nats.Name("gphotos2mqtt"), nats.Timeout(connectLimit),
		nats.MaxReconnects(-1), nats.IgnoreAuthErrorAbort(),
		nats.ReconnectWait(2 * shortPause), nats.ReconnectJitter(2*shortPause, 2*shortPause),
		// What was not sent when the connection broke is sent again by who waits for the answer.
		nats.ReconnectBufSize(-1),
		nats.PingInterval(pingEvery), nats.MaxPingsOutstanding(pingsOpen),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				cfg.Log.WithError(err).Warn("connection to the cluster is lost")
			}
		}),
		nats.ReconnectHandler(func(n *nats.Conn) {
			cfg.Log.WithField("server", n.ConnectedAddr()).Info("connected to the cluster again")
			for _, again := range c.watches.All() {
				again.Set()
			}
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { c.denied.note(cfg.Log, err) }),
	}
	switch {
	case cfg.Creds != "":
		options = append(options, nats.UserCredentials(cfg.Creds))
	case cfg.NKey != "":
		nkey, err := nats.NkeyOptionFromSeed(cfg.NKey)
		if err != nil {
			return nil, err
		}
		options = append(options, nkey)
	case cfg.Token != "":
		options = append(options, nats.Token(string(cfg.Token)))
	case cfg.User != "":
		options = append(options, nats.UserInfo(cfg.User, string(cfg.Password)))
	}
	if cfg.TLS != nil {
		options = append(options, nats.Secure(cfg.TLS))
	}
	return options, nil
}
