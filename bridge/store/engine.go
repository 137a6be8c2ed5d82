package store

import (
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"net"
	"strconv"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const (
	// maxMessage is the largest message that JetStream can keep in files, 32 MiB,
	// and the largest MQTT packet that the engine takes.
	maxMessage = 32 << 20

	// maxInFlight is how many messages a subscriber gets before it must acknowledge
	// one, as in Mosquitto; the engine's own 1024 would be 32 GiB of the largest.
	// https://mosquitto.org/man/mosquitto-conf-5.html (max_inflight_messages)
	maxInFlight = 20

	// accounts keeps MQTT clients apart from the buckets: an account is a subject
	// space of its own, so that no topic of theirs, whatever its name, is one of
	// ours. What the broker stores for them is bounded (bytes).
	// https://docs.nats.io/running-a-nats-service/configuration/securing_nats/accounts
	accounts = `accounts {
		STORE { jetstream: enabled }
		MQTT { jetstream { max_file: 1073741824 } }
	}`

	storeAccount = "STORE"
	mqttAccount  = "MQTT"
)

// systemSubjects are those of the engine itself. MQTT clients may not use them
// even in their own account, where they could delete what the broker retains.
var systemSubjects = []string{"$JS.>", "$KV.>", "$O.>", "$SYS.>", "$SRV.>", "$NRG.>"}

// An engine is the NATS server in this process.
type engine struct {
	server         *server.Server
	mqttAddr       string
	user, password string // of the only client that may see the buckets
}

// startEngine starts the server. failed is called when it can write no more.
func startEngine(cfg Config, failed func(error)) (*engine, error) {
	e := &engine{user: rand.Text(), password: rand.Text()}
	opts, err := e.options(cfg)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEngine, err)
	}
	srv, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEngine, err)
	}
	e.server = srv
	log := &engineLog{log: cfg.Log, failed: failed}
	srv.SetLogger(log, false, false)
	srv.Start()
	if err := log.fatal(); err != nil {
		e.stop()
		if errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("something else already listens on %s: set GPHOTOS_MQTT_LISTEN to another address, or GPHOTOS_MQTT_URL to the broker that is there", cfg.MQTT.Addr)
		}
		return nil, fmt.Errorf("%w: %w", ErrEngine, explain(cfg.Dir, err))
	}
	if cfg.MQTT != nil {
		e.mqttAddr = net.JoinHostPort(opts.MQTT.Host, strconv.Itoa(opts.MQTT.Port))
	}
	return e, nil
}

// connect opens the one connection to the buckets. It has no reason to break
// while the server is well.
func (e *engine) connect(failed func(error)) (*nats.Conn, error) {
	return nats.Connect("", nats.InProcessServer(e.server), nats.UserInfo(e.user, e.password),
		nats.Timeout(patience), nats.NoReconnect(),
		nats.ClosedHandler(func(c *nats.Conn) { failed(fmt.Errorf("the connection to the engine broke: %w", c.LastError())) }))
}

// stop returns when the server's files are closed.
func (e *engine) stop() {
	e.server.Shutdown()
	e.server.WaitForShutdown()
}

func (e *engine) options(cfg Config) (*server.Options, error) {
	opts := &server.Options{}
	if err := opts.ProcessConfigString(accounts); err != nil {
		return nil, err
	}
	opts.ServerName = "gphotos2mqtt" // retained messages know their server by name
	opts.DontListen, opts.NoSigs = true, true
	opts.MaxPayload = maxMessage
	opts.JetStream, opts.StoreDir, opts.SyncAlways = true, cfg.Dir, true
	opts.DisableJetStreamBanner = true
	// The engine would refuse every write, the small ones that finish an upload
	// too, once it holds three quarters of what was free at its start. Room is
	// kept by PutPayload and AddJob instead.
	opts.JetStreamMaxStore = math.MaxInt64 / 2
	opts.JetStreamMaxMemory = maxMessage

	users := map[string]*server.User{
		storeAccount: {Username: e.user, Password: e.password},
		mqttAccount:  {Username: rand.Text(), Password: rand.Text()},
	}
	if cfg.MQTT != nil {
		if err := listenMQTT(opts, cfg.MQTT, users[mqttAccount]); err != nil {
			return nil, err
		}
	}
	users[storeAccount].AllowedConnectionTypes = map[string]struct{}{"IN_PROCESS": {}}
	users[mqttAccount].AllowedConnectionTypes = map[string]struct{}{"MQTT": {}}
	users[mqttAccount].Permissions = &server.Permissions{
		Publish:   &server.SubjectPermission{Deny: systemSubjects},
		Subscribe: &server.SubjectPermission{Deny: systemSubjects},
	}
	for _, account := range opts.Accounts {
		user := users[account.Name]
		user.Account = account
		opts.Users = append(opts.Users, user)
	}
	return opts, nil
}

func listenMQTT(opts *server.Options, l *Listen, user *server.User) error {
	host, port, err := l.split()
	if err != nil {
		return err
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	opts.MQTT.Host, opts.MQTT.Port = host, port
	opts.MQTT.AuthTimeout = (10 * time.Second).Seconds()
	opts.MQTT.MaxAckPending = maxInFlight
	if l.User == "" {
		opts.MQTT.NoAuthUser = user.Username
	} else {
		user.Username, user.Password = l.User, l.Password
	}
	return nil
}
