// Package daemon makes the bridge of its parts, as the settings say, and runs them: the store or a fleet's cluster, the broker, the pages,
// and the entries, each of which starts and stops by itself.
package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/bridge"
	"gphotos2mqtt/bridge/media"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/task"
	"gphotos2mqtt/bridge/upload"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/cluster/fleet"
	"gphotos2mqtt/cmd/gphotos2mqtt/catalog"
	"gphotos2mqtt/cmd/gphotos2mqtt/config"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/mqttapi/broker/embedded"
	"gphotos2mqtt/photos/spec"
)

// A Daemon makes the parts of the bridge, in the order of its fields, starts and stops them.
type Daemon struct {
	process  *process
	engine   store.Engine // nil = the files of the data folder
	key      secret.Key
	store    *store.Store
	inner    string // see sessions
	media    *media.Folders
	voice    voice
	status   *bridge.Status
	links    *links
	sessions *sessions
	host     *host
	entries  *entries
	bounds   *bounds
	keeper   keeper

	works, connections []task.Task    // of the bridge as a whole
	closers            []func() error // in the order in which their parts were opened
}

// Open makes all parts; nothing speaks to anybody yet but the store's engine. The version is told to users.
func Open(ctx context.Context, c config.Config, version string, log *logrus.Entry) (*Daemon, error) {
	return open(ctx, &process{config: c, version: version, log: log}, nil)
}

func open(ctx context.Context, p *process, engine store.Engine) (*Daemon, error) {
	d := &Daemon{process: p, engine: engine, voice: voice{process: p}}
	for _, open := range []func(context.Context) error{d.openStore, d.startBroker, d.openStatus, d.openEntries, d.openKeeper} {
		if err := open(ctx); err != nil {
			return nil, errors.Join(err, d.Close())
		}
	}
	return d, nil
}

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

// Settings are those that it was opened with, and the ports that it got.
func (d *Daemon) Settings() config.Config { return d.process.config }

// Opened is closed when all entries of the start have been opened.
func (d *Daemon) Opened() <-chan struct{} { return d.host.opened }

// OpenLink opens the link of an entry, which must not be open already.
func (d *Daemon) OpenLink(ctx context.Context, e config.Entry) (*auth.Link, error) {
	return d.links.open(ctx, e)
}

func (d *Daemon) openStore(ctx context.Context) (err error) {
	p := d.process
	if err = free(ctx, p.config.HTTPListen); err != nil {
		return err
	}
	if d.key, err = Key(p.config); err != nil {
		return err
	}
	if len(p.config.Cluster.Servers) > 0 {
		if d.engine, err = p.join(ctx, fleet.Config{
			Idle:   func(entry string) bool { return d.host.idle(entry) && d.links.idle(entry) },
			Report: func() any { return d.status.Report() },
			Seen:   func(process string, report []byte) { d.status.Saw(process, report) },
		}); err != nil {
			return err
		}
		d.closers = append(d.closers, func() error { p.conn.Close(); return nil })
	}
	if d.store, err = store.Open(ctx, store.Config{Dir: p.config.DataDir, Engine: d.engine, Key: &d.key, Log: p.log}); err != nil {
		return err
	}
	d.closers = append(d.closers, d.store.Close)
	d.works = append(d.works, untilFailed("store", d.store.Failed()))
	if p.alone() {
		return nil
	}
	if err = d.store.SameKey(ctx, true); errors.Is(err, secret.ErrOtherKey) {
		err = fmt.Errorf("set %sSECRET_KEY to that of the other processes of this cluster: %w", config.Prefix, err)
	}
	return err
}

// untilFailed ends the daemon with what a part says of its failure.
func untilFailed(name string, failed <-chan error) task.Task {
	return task.Task{Name: name, Run: func(ctx context.Context) error {
		select {
		case err := <-failed:
			return err
		case <-ctx.Done():
			return nil
		}
	}}
}

func (d *Daemon) startBroker(context.Context) error {
	c, log := &d.process.config, d.process.log
	if c.MQTTURL != "" {
		return nil
	}
	built, err := embedded.Start(embedded.Config{
		Dir: filepath.Join(c.DataDir, "broker"), Addr: c.MQTTListen, User: c.MQTTUser, Password: c.MQTTPassword, Log: log,
	})
	if err != nil {
		return err
	}
	d.closers = append(d.closers, func() error { built.Close(); return nil })
	c.MQTTListen, d.inner = built.Addr(), built.Inner()
	log.WithFields(logrus.Fields{"entries": len(c.Entries), "limit": c.MaxEntries}).Info("built-in broker serves entries up to its limit")
	// Right after its start the server sometimes goes on with what the last run had retained, such as offline: said again, it is taken.
	again := func(ctx context.Context) error {
		defer d.host.refresh()
		return wake.Sleep(ctx, nil, 2*time.Second)
	}
	d.works = append(d.works, untilFailed("built-in broker", built.Failed()), task.Task{Name: "publish again", Run: again})
	return nil
}

func (d *Daemon) openStatus(ctx context.Context) (err error) {
	p, c := d.process, d.process.config
	if d.media, err = media.Open(ctx, c.MediaDirs); err != nil {
		return err
	}
	d.media.Allow(c.MediaAfter)
	settings := bridge.StatusConfig{
		Root: c.Topic, Prefix: c.DiscoversAt(), Version: p.version, Out: &d.voice, Log: p.log, Settings: c.Public(), Store: d.store, Media: d.media,
		Request: func(ctx context.Context, params any) (any, error) { return d.entries.catalog.Request(ctx, params) },
		Limits: mqttapi.Limits{
			Files: mqttapi.MaxFiles, Photo: spec.MaxPhotoSize, Video: spec.MaxVideoSize, Publish: int(c.MaxPublish),
			SpoolCopy: int64(c.SpoolCopy), SpoolMax: int64(c.SpoolMax),
			Name: spec.MaxFileName, Description: spec.MaxDescription, Transaction: mqttapi.MaxTransaction,
		},
	}
	if !p.alone() {
		settings.Process, settings.Machine, settings.Processes, settings.Changed = p.id, p.machine, p.processes, p.fleet.Renew
	}
	d.status = bridge.NewStatus(settings)
	hook := bridge.NewLogHook(d.status)
	p.log.Logger.AddHook(hook)
	d.works = append(d.works, task.Task{Name: "published log", Run: hook.Run})
	return nil
}

func (d *Daemon) openEntries(ctx context.Context) (err error) {
	p, c := d.process, d.process.config
	d.links = &links{process: p, key: d.key, store: d.store, google: newGoogle(p), known: d.status.Names}
	d.sessions = newSessions(p, d.status, d.inner)
	d.host = newHost(p, d.store, d.media, d.status, d.links, d.sessions)
	d.closers = append(d.closers, d.host.projects.close)
	d.entries = newEntries(p, d.status, d.host)
	d.entries.catalog, err = catalog.Open(ctx, catalog.Config{
		Settings: c, Store: d.store, Most: c.MaxEntries, Log: p.log, Follow: d.follow, Standing: d.entries.standing, Shared: !p.alone(),
		Waiting: func(ctx context.Context, entry string) (int, error) { return waiting(ctx, d.store, entry) },
	})
	if err != nil {
		return err
	}
	d.entries.remover = &remover{p, d.store, d.media, d.status, d.links, d.sessions, d.entries.catalog}
	d.host.news = d.entries.catalog.News
	d.bounds = &bounds{log: p.log, uploads: c.Uploads, each: 1}
	if d.inner != "" {
		d.bounds.each = 2
	}
	d.works = append(d.works, task.Task{Name: "added entries", Run: d.entries.catalog.Run}, task.Task{Name: "bounds", Run: d.bounds.follow})
	return nil
}

// openKeeper has this process run all entries, or, in a fleet, those that are its own.
func (d *Daemon) openKeeper(ctx context.Context) error {
	p, names := d.process, d.entries.catalog.Names()
	if len(names) == 0 {
		p.log.WithField("topic", mqttapi.Topics{Root: p.config.Topic}.Bridge("request/entry/add")).
			Warn("there is no entry: add one by a request, or name one in GPHOTOS_ENTRIES")
	}
	lead, run := (&leader{p, d.store, d.status, &d.voice, d.sessions, d.host.refresh}).lead, d.entries.run
	if p.alone() {
		d.keeper = &solo{changed: wake.NewFlag()}
		d.connections = append(d.connections, task.Task{Name: "bridge", Run: lead})
		if err := upload.Sweep(ctx, d.store); err != nil {
			return err
		}
	} else {
		d.keeper, names = p.fleet, nil // they come one by one
		run = func(ctx context.Context, name string) error {
			if name == fleet.Leading {
				return lead(ctx)
			}
			return d.entries.run(ctx, name)
		}
		for subject, answer := range map[string]func(context.Context, []byte) []byte{
			subjectFile: d.host.files.answer, subjectProject: d.host.projects.learn, subjectLog: d.voice.hear, subjectStanding: d.entries.answer,
			subjectBirth: func(context.Context, []byte) []byte { d.host.refresh(); return nil },
		} {
			d.works = append(d.works, p.answering(subject, answer))
		}
	}
	d.host.openFirst(names)
	d.works = append(d.works, d.links.pages()...)
	d.works = append(d.works, task.Task{Name: "entries", Run: func(ctx context.Context) error { return d.keeper.Run(ctx, run) }})
	return d.follow(ctx)
}

// follow lets all know which entries there are now.
func (d *Daemon) follow(ctx context.Context) error {
	err := d.status.Know(ctx, d.entries.catalog.Staying())
	if names := d.entries.catalog.Names(); err == nil {
		d.bounds.fit(len(names))
		d.keeper.Want(names)
	}
	return err
}
