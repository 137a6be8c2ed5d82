// Package daemon makes the bridge of its parts, as the settings say, and runs them: the store or a fleet's cluster, the broker, the pages,
// and the entries, each of which starts and stops by itself.
package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/bridge"
	"gphotos2mqtt/bridge/account"
	"gphotos2mqtt/bridge/capacity"
	"gphotos2mqtt/bridge/media"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/task"
	"gphotos2mqtt/bridge/upload"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/cluster/fleet"
	"gphotos2mqtt/cmd/gphotos2mqtt/catalog"
	"gphotos2mqtt/cmd/gphotos2mqtt/config"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/mqttapi/broker"
	"gphotos2mqtt/mqttapi/broker/embedded"
	"gphotos2mqtt/photos/spec"
)

// A Daemon is the bridge with all its parts, made in the order of its fields.
type Daemon struct {
	config   config.Config
	version  string
	log      *logrus.Entry
	google   *http.Transport
	key      secret.Key
	engine   store.Engine // below store; nil = the files of the data folder
	store    *store.Store
	media    *media.Folders
	capacity *capacity.Capacity
	status   *bridge.Status
	turns    bridge.Turns
	memory   memory
	fewFiles bool   // that has been told
	inner    string // the built-in broker's address for the bridge itself; empty with another broker

	connecting         wake.Turns     // of all connections to the broker
	emptyAfter         time.Duration  // nothing has come of a session for so long: it is empty
	ready              chan struct{}  // closed when no entry's session has anything of another root; of several processes, each entry looks
	works, connections []task.Task    // of the bridge as a whole
	closers            []func() error // in the order in which their parts were opened

	catalog          *catalog.Catalog
	entries          keeper
	voice            voice
	fleet            *fleet.Fleet  // nil = this process is alone
	process, machine string        // in a fleet
	failing          func() string // why the cluster cannot be reached

	opening  wake.Lock                   // held while an entry is opened; guards projects
	projects map[string]*account.Project // by projectID
	hosted   wake.Members[*hosted]       // the entries that run here
	links    wake.Members[*auth.Link]    // one an entry that runs here
	refresh  wake.Members[func()]        // the same: sends again what it has retained
	opened   chan struct{}               // closed when all in toOpen have been opened

	mu        sync.Mutex        // guards all below
	toOpen    map[string]bool   // entries that the start has found
	failures  map[string]string // why an entry that is to run here does not
	revisions map[string]uint64 // how the entries that run here were when they were opened, see catalog.Standing
}

// Open makes all parts; nothing speaks to anybody yet but the store's engine. The version is told to users.
func Open(ctx context.Context, c config.Config, version string, log *logrus.Entry) (*Daemon, error) {
	d := newDaemon(c, version, log)
	if err := d.open(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func newDaemon(c config.Config, version string, log *logrus.Entry) *Daemon {
	d := &Daemon{
		config: c, version: version, log: log, google: http.DefaultTransport.(*http.Transport).Clone(),
		ready: make(chan struct{}), opened: make(chan struct{}), toOpen: map[string]bool{}, failures: map[string]string{},
		revisions: map[string]uint64{},
		entries:   &solo{changed: wake.NewFlag()}, opening: wake.NewLock(), projects: map[string]*account.Project{},
		connecting: wake.NewTurns(connecting), turns: newTurns(), emptyAfter: sessionIdle,
	}
	if c.MQTTURL == "" {
		d.connecting = wake.NewTurns(inside)
	}
	// As many connections as all entries have used at a time, so that none is opened anew for each file; idle ones are closed after 90 s.
	d.google.MaxIdleConnsPerHost, d.google.MaxIdleConns = math.MaxInt, 0
	return d
}

func (d *Daemon) open(ctx context.Context) (err error) {
	c := d.config
	if err = free(ctx, c.HTTPListen); err != nil {
		return err
	}
	if d.key, err = Key(c); err != nil {
		return err
	}
	if err = d.openStore(ctx); err != nil {
		return err
	}
	if err := d.startBroker(); err != nil {
		return err
	}
	if d.media, err = media.Open(ctx, c.MediaDirs); err != nil {
		return err
	}
	d.media.Allow(c.MediaAfter)
	d.capacity = capacity.New(capacity.Config{
		MaxBytes: int64(c.SpoolMax), MaxJobs: c.SpoolMaxJobs, CopyUpTo: int64(c.SpoolCopy), MaxFile: int64(c.MaxSize),
	})
	d.openStatus()
	d.servePages()
	if err := d.openCatalog(ctx); err != nil {
		return err
	}
	d.work("memory", d.memory.follow)
	d.work("entries", func(ctx context.Context) error { return d.entries.Run(ctx, d.keep) })
	if d.fleet != nil {
		return nil
	}
	d.connections = append(d.connections, task.Task{Name: "bridge", Run: d.lead})
	return upload.Sweep(ctx, d.store)
}

func (d *Daemon) openStore(ctx context.Context) (err error) {
	settings := store.Config{Dir: d.config.DataDir, Engine: d.engine, Key: &d.key, Log: d.log}
	if len(d.config.Cluster.Servers) > 0 {
		if settings.Engine, err = d.joinFleet(ctx); err != nil {
			return err
		}
	}
	if d.store, err = store.Open(ctx, settings); err != nil {
		return err
	}
	d.closers = append(d.closers, d.store.Close, d.closeProjects)
	d.untilFailed("store", d.store.Failed())
	if d.fleet == nil {
		return nil
	}
	if err = d.store.SameKey(ctx, true); errors.Is(err, secret.ErrOtherKey) {
		err = fmt.Errorf("set %sSECRET_KEY to that of the other processes of this cluster: %w", config.Prefix, err)
	}
	return err
}

func (d *Daemon) work(name string, run func(context.Context) error) {
	d.works = append(d.works, task.Task{Name: name, Run: run})
}

// untilFailed ends the daemon with what a part says of its failure.
func (d *Daemon) untilFailed(name string, failed <-chan error) {
	d.work(name, func(ctx context.Context) error {
		select {
		case err := <-failed:
			return err
		case <-ctx.Done():
			return nil
		}
	})
}

func (d *Daemon) startBroker() error {
	c := d.config
	if c.MQTTURL != "" {
		return nil
	}
	built, err := embedded.Start(embedded.Config{
		Dir: filepath.Join(c.DataDir, "broker"), Addr: c.MQTTListen, User: c.MQTTUser, Password: c.MQTTPassword, Log: d.log,
	})
	if err != nil {
		return err
	}
	d.closers = append(d.closers, func() error { built.Close(); return nil })
	d.config.MQTTListen, d.inner = built.Addr(), built.Inner() // with the ports it got
	d.untilFailed("built-in broker", built.Failed())
	d.log.WithFields(logrus.Fields{"entries": len(c.Entries), "limit": c.MaxEntries}).Info("built-in broker serves entries up to its limit")
	// Right after its start the server sometimes goes on with what the last run had retained, such as offline: said again, it is taken.
	d.work("publish again", func(ctx context.Context) error {
		defer d.refreshAll()
		return wake.Sleep(ctx, nil, 2*time.Second)
	})
	return nil
}

func (d *Daemon) refreshAll() {
	for _, refresh := range d.refresh.All() {
		refresh()
	}
}

func (d *Daemon) openStatus() {
	c := d.config
	settings := bridge.StatusConfig{
		Root: c.Topic, Prefix: c.DiscoversAt(), Version: d.version, Out: &d.voice, Log: d.log, Settings: c.Public(), Store: d.store, Media: d.media,
		Request: func(ctx context.Context, params any) (any, error) { return d.catalog.Request(ctx, params) },
		Limits: mqttapi.Limits{
			Files: mqttapi.MaxFiles, Photo: spec.MaxPhotoSize, Video: spec.MaxVideoSize, Publish: int(c.MaxPublish),
			SpoolCopy: int64(c.SpoolCopy), SpoolMax: int64(c.SpoolMax),
			Name: spec.MaxFileName, Description: spec.MaxDescription, Transaction: mqttapi.MaxTransaction,
		},
	}
	if d.fleet != nil {
		settings.Process, settings.Machine, settings.Processes = d.process, d.machine, d.processes
	}
	d.status = bridge.NewStatus(settings)
	hook := bridge.NewLogHook(d.status)
	d.log.Logger.AddHook(hook)
	d.work("published log", hook.Run)
}

// Settings are those that it was opened with, and the ports that it got.
func (d *Daemon) Settings() config.Config { return d.config }

// Opened is closed when all entries of the start have been opened.
func (d *Daemon) Opened() <-chan struct{} { return d.opened }

// Run works until ctx ends or a task fails, and stops in order: what works, so that its last results go out, the connections, the store.
func (d *Daemon) Run(ctx context.Context, also ...task.Task) error {
	return errors.Join(runOnline(ctx, d.connections, append(d.works, also...)), d.Close())
}

// runOnline runs works until ctx ends or a task fails, and connections until all works have ended, so that their last results go out.
func runOnline(ctx context.Context, connections, works []task.Task) error {
	online, disconnect := context.WithCancel(context.WithoutCancel(ctx))
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return task.Run(online, connections...) })
	err := task.Run(ctx, works...)
	disconnect()
	return cmp.Or(err, g.Wait())
}

// Close ends what Open has opened; Run does it too.
func (d *Daemon) Close() (err error) {
	for _, closePart := range slices.Backward(d.closers) {
		err = errors.Join(err, closePart())
	}
	return err
}

func (d *Daemon) newConn(c broker.Config) *broker.Conn {
	if d.inner != "" {
		c.URL = "tcp://" + d.inner
	}
	c.Turns = d.connecting
	return broker.New(c)
}

// Connection is a client of the broker in use: what follows the start of all our client ids in its own, and its subscriptions.
func Connection(c config.Config, id string, qos byte, filters ...string) broker.Config {
	conn := broker.Config{
		URL: c.BrokerURL(), TLS: c.MQTTTLS, User: c.MQTTUser, Password: c.MQTTPassword,
		ClientID: c.MQTTClientID + "-" + id, MaxPublish: int(c.MaxPublish),
	}
	for _, f := range filters {
		conn.Subscriptions = append(conn.Subscriptions, broker.Subscription{Filter: f, QoS: qos})
	}
	return conn
}

// WriteAdvice says how the data folder gets to be the bridge's.
func WriteAdvice(dir string) string {
	id := os.Geteuid()
	if id < 0 { // Windows
		return fmt.Sprintf("let the user of the bridge write to %s, or set %sDATA_DIR to another folder", dir, config.Prefix)
	}
	return fmt.Sprintf("give user %d write access to it, as in chown -R %[1]d %s, or set %sDATA_DIR to another folder", id, dir, config.Prefix)
}

// KeyFile is the file of the key in the data folder.
const KeyFile = "secret.key"

// Key is what seals links and secrets: that of the settings, or that of the data folder, where it makes one.
func Key(c config.Config) (secret.Key, error) {
	if c.SecretKey != "" {
		return secret.ReadKey(string(c.SecretKey))
	}
	var key secret.Key
	err := os.MkdirAll(c.DataDir, 0o700) // the first start; the store opens it later
	if err == nil {
		key, err = secret.KeyFile(filepath.Join(c.DataDir, KeyFile))
	}
	if errors.Is(err, os.ErrPermission) {
		err = fmt.Errorf("the data folder cannot be written: %s: %w", WriteAdvice(c.DataDir), err)
	}
	return key, err
}

// A transport counts requests to Google for the day's quota and, at debug level, logs each without query, header and body, for secrets.
type transport struct {
	base  http.RoundTripper
	count func()        // may be nil
	log   *logrus.Entry // may be nil
}

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.count != nil {
		t.count()
	}
	began := time.Now()
	resp, err := t.base.RoundTrip(req)
	if t.log != nil && t.log.Logger.IsLevelEnabled(logrus.DebugLevel) {
		log := t.log.WithFields(logrus.Fields{
			"op": req.Method + " " + req.URL.Host, "wait": time.Since(began).Round(time.Millisecond).String(), "kind": "no answer",
		})
		if err == nil {
			log = log.WithField("kind", resp.StatusCode)
		}
		log.Debug("request to google")
	}
	return resp, err
}
