// Package embedded is an MQTT 3.1.1 broker for who has none: QoS 0 to 2, retained messages, persistent sessions, messages up to 32 MiB,
// no shared subscriptions. It is nats-server in this process, with only its MQTT port open
// (https://docs.nats.io/running-a-nats-service/configuration/mqtt).
//
// The server listens on a loopback port of its own; clients come through a guard that bounds their topics, connections, sessions and bytes on
// their way, for which the server has no option.
//
// What it retains and what waits for clients lies below Config.Dir, at most 1 GiB, and is synced before it is acknowledged. Nothing here
// tries again: a broker that can write no more says so on Failed, and the process is to end.
package embedded

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/sirupsen/logrus"
	"golang.org/x/sync/semaphore"

	"gphotos2mqtt/auth/secret"
)

const (
	maxMessage = 32 << 20 // bytes of the largest message that the server can keep in files, and of the largest MQTT packet that it takes
	// maxInFlight is how many messages a subscriber gets before it must acknowledge one: the server holds all of them in memory, and cuts off
	// who is sent more than its max_pending. Mosquitto's 20 would be 640 MiB of the largest, the server's own 1024 32 GiB.
	maxInFlight = 2
	// settings let a client take a minute to receive one message, since the server's own 10 s are short for the largest, and an account
	// store 1 GiB (https://docs.nats.io/running-a-nats-service/configuration/securing_nats/accounts).
	settings = `write_deadline: "1m", accounts { MQTT { jetstream { max_file: 1073741824 } } }`
)

// Config says where the broker is and who may use it.
type Config struct {
	Dir      string        // holds its files, for one process at a time; made with mode 0700 when it does not exist
	Addr     string        // host:port to listen at, port 0 takes any free one; a loopback address unless there is a User
	User     string        // who clients must be; empty, with Password: anybody may connect
	Password secret.Text   // what User must present
	Log      *logrus.Entry // gets the server's warnings and errors; needed
}

// A Broker is started by Start and runs until Close.
type Broker struct {
	server  *server.Server
	guard   *guard
	inner   string // where the server listens, on this machine alone
	failed  chan error
	running sync.WaitGroup
	stop    context.CancelFunc // of what runs
}

// Start returns when clients can connect. Its error is a sentence that a person can act on.
func Start(cfg Config) (*Broker, error) {
	opts, err := cfg.options()
	if err != nil {
		return nil, err
	}
	b := &Broker{failed: make(chan error, 1), stop: func() {}}
	if err = os.MkdirAll(cfg.Dir, 0o700); err == nil {
		b.guard, err = cfg.openGuard()
	}
	if err != nil {
		return nil, cfg.explain(err)
	}
	if b.server, err = server.NewServer(opts); err != nil {
		_ = b.guard.listener.Close()
		return nil, cfg.explain(err)
	}
	var once sync.Once
	log := &serverLog{log: cfg.Log, disk: func(err error) { once.Do(func() { b.failed <- cfg.explain(err) }) }}
	b.server.SetLogger(log, false, false)
	b.server.Start()
	if fatal := log.fatal.Load(); fatal != nil {
		b.Close()
		return nil, cfg.explain(fatal)
	}
	b.inner = net.JoinHostPort(opts.MQTT.Host, strconv.Itoa(opts.MQTT.Port)) // the server writes the port it took into its options
	b.guard.server = b.inner
	ctx, stop := context.WithCancel(context.Background())
	b.stop = stop
	b.running.Go(func() { b.guard.run(ctx) })
	b.running.Go(func() { b.guard.expire(ctx) })
	return b, nil
}

func (c Config) openGuard() (*guard, error) {
	kept, err := openSessions(c.Dir)
	if err != nil {
		return nil, err
	}
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", c.Addr)
	return &guard{
		cfg: c, listener: listener, room: semaphore.NewWeighted(room), sessions: kept, of: map[string]int{},
	}, err
}

// Addr is where clients find the broker, as host:port.
func (b *Broker) Addr() string { return b.guard.listener.Addr().String() }

// Inner is where this process finds it, past the limits that clients have.
func (b *Broker) Inner() string { return b.inner }

// Failed delivers one error when the disk is full, read-only or broken. Only starting again helps, once the disk is well.
func (b *Broker) Failed() <-chan error { return b.failed }

// Close cuts off the clients and returns when everything is on the disk.
func (b *Broker) Close() {
	b.stop()
	_ = b.guard.listener.Close()
	b.running.Wait()
	b.guard.serving.Wait()
	b.server.Shutdown()
	b.server.WaitForShutdown()
}

// check refuses settings that would open the broker to the network.
func (c Config) check() error {
	host, text, err := net.SplitHostPort(c.Addr)
	port := 0
	if err == nil {
		port, err = strconv.Atoi(text)
	}
	switch ip := net.ParseIP(host); {
	case err != nil || port < 0 || port > 65535:
		err = fmt.Errorf("GPHOTOS_MQTT_LISTEN is %q, which is not an address such as 127.0.0.1:1883", c.Addr)
	case (c.User == "") != (c.Password == ""):
		err = errors.New("set both GPHOTOS_MQTT_USER and GPHOTOS_MQTT_PASSWORD, or neither")
	case c.User == "" && host != "localhost" && !ip.IsLoopback():
		err = fmt.Errorf("GPHOTOS_MQTT_LISTEN is %s, which other machines can reach: "+
			"set GPHOTOS_MQTT_USER and GPHOTOS_MQTT_PASSWORD, or listen on 127.0.0.1", c.Addr)
	}
	return err
}

func (c Config) options() (*server.Options, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	opts := &server.Options{ServerName: "gphotos2mqtt"} // retained messages know their server by name
	if err := opts.ProcessConfigString(settings); err != nil {
		return nil, err
	}
	opts.DontListen, opts.NoSigs, opts.DisableJetStreamBanner, opts.MaxPayload = true, true, true, maxMessage
	opts.JetStream, opts.StoreDir, opts.SyncAlways, opts.JetStreamMaxMemory = true, c.Dir, true, maxMessage
	// The server would refuse every write once it holds three quarters of what was free at its start; the account is the bound.
	opts.JetStreamMaxStore = math.MaxInt64 / 2
	// The subjects of the server itself: with them a client could delete what is retained.
	system := &server.SubjectPermission{Deny: []string{"$JS.>", "$KV.>", "$O.>", "$SYS.>", "$SRV.>", "$NRG.>"}}
	user := &server.User{
		Username: c.User, Password: string(c.Password), Account: opts.Accounts[0],
		Permissions: &server.Permissions{Publish: system, Subscribe: system}, AllowedConnectionTypes: map[string]struct{}{"MQTT": {}},
	}
	if c.User == "" {
		user.Username, user.Password = rand.Text(), rand.Text()
		opts.MQTT.NoAuthUser = user.Username
	}
	opts.Users, opts.MQTT.Host, opts.MQTT.Port = []*server.User{user}, "127.0.0.1", server.RANDOM_PORT
	opts.MQTT.AuthTimeout, opts.MQTT.MaxAckPending = connectLimit.Seconds(), maxInFlight
	opts.MaxPending = (maxInFlight + 1) * maxMessage
	return opts, nil
}

// serverLog passes the server's warnings and errors on, from any of its goroutines. Nothing else tells that a write has failed.
type serverLog struct {
	log   *logrus.Entry
	disk  func(error)                // called when the disk takes no more writes
	fatal atomic.Pointer[fatalError] // why the server could not start; the first counts
}

// fatalError is a log line with the error it is about, nil when it is about none.
type fatalError struct {
	error
	text string
}

func (e *fatalError) Error() string { return e.text }
func (e *fatalError) Unwrap() error { return e.error }

// Fatalf is called while the server starts, and does not end the process here.
func (l *serverLog) Fatalf(format string, args ...any) {
	l.fatal.CompareAndSwap(nil, &fatalError{errorIn(args), fmt.Sprintf(format, args...)})
}

func (l *serverLog) Errorf(format string, args ...any) { l.pass(logrus.ErrorLevel, format, args) }
func (l *serverLog) Warnf(format string, args ...any)  { l.pass(logrus.WarnLevel, format, args) }
func (l *serverLog) Noticef(string, ...any)            {} // of interest to who runs a server on its own
func (l *serverLog) Debugf(string, ...any)             {} // never called, since debugging is off
func (l *serverLog) Tracef(string, ...any)             {} // never called either

func (l *serverLog) pass(level logrus.Level, format string, args []any) {
	if strings.HasPrefix(format, "Plaintext passwords") || strings.HasPrefix(format, "Maximum payloads") {
		return // said at every start, about settings that are meant
	}
	if err := errorIn(args); isDiskError(err) {
		l.disk(err)
	}
	l.log.WithField("detail", fmt.Sprintf(format, args...)).Log(level, "built-in broker")
}

// errorIn is what a log line is about: the first error among its arguments, nil without one.
func errorIn(args []any) error {
	for _, arg := range args {
		if err, ok := arg.(error); ok {
			return err
		}
	}
	return nil
}

func isDiskError(err error) bool {
	return slices.ContainsFunc(errsDisk, func(bad error) bool { return errors.Is(err, bad) })
}

func (c Config) explain(err error) error {
	switch {
	case errors.Is(err, errInUse):
		return fmt.Errorf("something else already listens on %s: set GPHOTOS_MQTT_LISTEN to another address, "+
			"or GPHOTOS_MQTT_URL to the broker that is there", c.Addr)
	case isDiskError(err):
		return fmt.Errorf("the built-in broker cannot write to %s (below GPHOTOS_DATA_DIR): free some space there, mount it writable "+
			"and give user %d write access, then start again: %w", c.Dir, os.Geteuid(), err)
	}
	return fmt.Errorf("the built-in broker failed: %w", err)
}
