package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/bridge"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos"
)

// A daemon is the bridge with all its parts, made in the order of its fields.
type daemon struct {
	config   Config
	log      *logrus.Entry
	key      auth.Key
	store    *store.Store
	media    *bridge.MediaDirs
	spool    *bridge.Spool
	projects map[string]*bridge.Project // by client id
	links    []*auth.Link
	entries  []*bridge.Entry
	conns    []*mqttapi.Conn // one an entry
	front    *bridge.Front
	frontend *mqttapi.Conn
	google   *http.Transport
	hook     *bridge.LogHook
}

// openDaemon makes all parts; nothing speaks to anybody yet but the store's engine.
func openDaemon(ctx context.Context, c Config, log *logrus.Entry) (*daemon, error) {
	d := &daemon{config: c, log: log, projects: map[string]*bridge.Project{}, google: newTransport(c.Uploads * len(c.Entries))}
	if err := d.open(ctx); err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

func (d *daemon) open(ctx context.Context) error {
	var err error
	c := d.config
	if d.key, err = c.secretKey(); err != nil {
		return err
	}
	if d.store, err = store.Open(ctx, store.Config{Dir: c.DataDir, Key: d.key[:], MQTT: c.listen(), Log: d.log}); err != nil {
		return err
	}
	if d.media, err = bridge.OpenMediaDirs(c.MediaDirs); err != nil {
		return err
	}
	d.spool = bridge.NewSpool(bridge.SpoolConfig{
		MaxBytes: int64(c.SpoolMax), MaxJobs: c.SpoolMaxJobs, CopyUpTo: int64(c.SpoolCopy), MaxFile: int64(c.MaxSize),
	}, d.store, d.media)
	d.openFront()
	for _, e := range c.Entries {
		if err := d.openEntry(ctx, e); err != nil {
			return fmt.Errorf("entry %s: %w", e.Entry, err)
		}
	}
	if err := d.front.Remember(ctx); err != nil {
		return err
	}
	return d.spool.Sweep(ctx)
}

// openEntry makes one entry with its link, its client for Google and its connection.
func (d *daemon) openEntry(ctx context.Context, e EntryConfig) error {
	c := d.config
	project, err := d.project(ctx, e.ClientID)
	if err != nil {
		return err
	}
	log := d.log.WithField("entry", e.Entry)
	discovery := ""
	if c.Discovery {
		discovery = c.DiscoveryPrefix
	}
	wire := &tap{base: d.google, log: log}
	link, err := auth.Open(ctx, auth.Config{
		Entry: e.Entry, ClientID: e.ClientID, ClientSecret: e.ClientSecret,
		AuthURL: c.GoogleAuthURL, TokenURL: c.GoogleTokenURL, RevokeURL: c.GoogleRevokeURL, UserInfoURL: c.GoogleUserInfoURL,
		RedirectURL: c.RedirectURL(), LinkURL: c.LinkURL, Base: wire,
		InUse: d.inUse(e.Entry),
		Report: func(err error) {
			log.WithError(err).WithField("op", "link").Warn("account was not linked in the browser")
		},
	}, d.key, d.store.Links())
	if err != nil {
		return err
	}
	api := link.Client()
	api.Transport = &tap{base: api.Transport, count: project.Count}
	var entry *bridge.Entry
	topics := mqttapi.Topics{Root: c.Topic, Entry: e.Entry}
	conn := d.conn(mqttapi.ConnConfig{
		ClientID: c.MQTTClientID + "-" + e.Entry, Availability: topics.Availability(),
		Subscriptions: subscriptions(1, topics.Commands()...),
		Handle:        func(ctx context.Context, m mqttapi.Delivery) { entry.Handle(ctx, m) },
		OnBusy:        func(m mqttapi.Delivery) { entry.Busy(m) },
		OnState:       func(s mqttapi.ConnState) { d.front.Connected(e.Entry, s) },
		Log:           log,
	})
	entry, err = bridge.OpenEntry(ctx, bridge.EntryConfig{
		Name: e.Entry, DisplayName: e.Name, Root: c.Topic, Album: e.Album, Version: version(),
		Listings: bridge.Listings{All: e.Listings.All, Titles: e.Listings.Titles}, ListItems: c.ListItems, Renew: c.Refresh,
		MaxPublish: int(c.MaxPublish), MaxAge: c.MaxAge, Uploads: c.Uploads, DiscoveryPrefix: discovery, AlbumImages: e.AlbumImages,
		Store: d.store, Spool: d.spool, Link: link, Project: project, Out: conn, Log: log,
		Google: photos.New(photos.Config{Library: c.GoogleLibraryURL, HTTP: api, Bytes: &http.Client{Transport: &tap{base: wire, count: project.CountBytes}}}),
	})
	if err != nil {
		return err
	}
	d.links, d.entries, d.conns = append(d.links, link), append(d.entries, entry), append(d.conns, conn)
	d.front.Add(entry)
	return nil
}

// openFront makes what answers for no entry in particular.
func (d *daemon) openFront() {
	c := d.config
	d.frontend = d.conn(mqttapi.ConnConfig{
		ClientID: c.MQTTClientID + "-bridge", Clean: true,
		Subscriptions: subscriptions(0, append(mqttapi.EveryCommand(c.Topic), c.BirthTopic)...),
		Handle: func(ctx context.Context, m mqttapi.Delivery) {
			if m.Topic != c.BirthTopic {
				d.front.Handle(ctx, m)
			} else if string(m.Payload) == c.BirthPayload {
				d.welcome(ctx)
				m.Ack()
			}
		},
		OnState: func(s mqttapi.ConnState) { d.front.Connected("bridge", s) },
		Log:     d.log,
	})
	d.front = bridge.NewFront(bridge.FrontConfig{
		Root: c.Topic, Version: version(), Out: d.frontend, Log: d.log, Settings: c.public(), Limits: c.limits(),
		Store: d.store,
	})
	d.hook = bridge.NewLogHook(d.front)
	d.log.Logger.AddHook(d.hook)
}

// run works until ctx ends or a part fails, and then stops in order: entries
// first, so that their last results go out, then their connections.
func (d *daemon) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	online, leave := context.WithCancel(context.WithoutCancel(ctx))
	defer leave()
	part := func(ctx context.Context, run func(context.Context) error) func() error {
		return func() error {
			err := run(ctx)
			if err != nil {
				cancel(err)
			}
			return err
		}
	}
	var conns, works errgroup.Group
	for _, c := range append(d.conns, d.frontend) {
		conns.Go(part(online, c.Run))
	}
	for _, e := range d.entries {
		works.Go(part(ctx, e.Run))
	}
	works.Go(part(ctx, d.front.Run))
	works.Go(part(ctx, d.front.ClearFormer))
	works.Go(part(ctx, d.hook.Run))
	works.Go(part(ctx, func(ctx context.Context) error {
		return auth.Serve(ctx, d.config.HTTPListen, auth.Handler(d.links))
	}))
	works.Go(part(ctx, func(ctx context.Context) error {
		select {
		case err := <-d.store.Failed():
			return err
		case <-ctx.Done():
			return nil
		}
	}))
	err := works.Wait()
	leave()
	return errors.Join(err, conns.Wait())
}

// welcome sends all retained state again when Home Assistant has started: after
// a random pause, because every bridge of the house does so now.
func (d *daemon) welcome(ctx context.Context) {
	pause := time.NewTimer(rand.N(birthPause))
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-ctx.Done():
		return
	}
	for _, c := range d.conns {
		c.Refresh()
	}
}

// birthPause is the longest pause before the answer to Home Assistant's birth message.
// Source: https://www.home-assistant.io/integrations/mqtt/#birth-and-last-will-messages
const birthPause = 2 * time.Second

// close closes what open opened; the store last.
func (d *daemon) close() error {
	var errs []error
	if d.media != nil {
		errs = append(errs, d.media.Close())
	}
	if d.store != nil {
		errs = append(errs, d.store.Close())
	}
	return errors.Join(errs...)
}

// project returns what the entries of one OAuth client share.
func (d *daemon) project(ctx context.Context, clientID string) (*bridge.Project, error) {
	if p, ok := d.projects[clientID]; ok {
		return p, nil
	}
	sum := sha256.Sum256([]byte(clientID))
	p, err := bridge.OpenProject(ctx, d.store, "requests-"+hex.EncodeToString(sum[:6]))
	if err == nil {
		d.projects[clientID] = p
	}
	return p, err
}

// conn makes a connection to the broker, the built-in one if there is no other.
func (d *daemon) conn(c mqttapi.ConnConfig) *mqttapi.Conn {
	c.URL, c.TLS = d.config.MQTTURL, d.config.MQTTTLS
	if c.URL == "" {
		c.URL = "tcp://" + d.store.MQTTAddr()
	}
	c.User, c.Password, c.MaxPublish = d.config.MQTTUser, string(d.config.MQTTPassword), int(d.config.MaxPublish)
	return mqttapi.NewConn(c)
}

// inUse tells whether another entry is linked to an account.
func (d *daemon) inUse(entry string) func(accountID string) bool {
	return func(accountID string) bool {
		return slices.ContainsFunc(d.links, func(l *auth.Link) bool {
			return l.Entry() != entry && l.State().Account.ID == accountID
		})
	}
}

// listen says where the built-in broker listens; nil when there is another.
func (c Config) listen() *store.Listen {
	if c.MQTTURL != "" {
		return nil
	}
	return &store.Listen{Addr: c.MQTTListen, User: c.MQTTUser, Password: string(c.MQTTPassword)}
}

// secretKey is the setting's key, or the one in the data folder.
func (c Config) secretKey() (auth.Key, error) {
	if c.SecretKey != "" {
		return auth.ReadKey(string(c.SecretKey))
	}
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil { // the first start; the store opens it later
		return auth.Key{}, fmt.Errorf("make the data folder (GPHOTOS_DATA_DIR): %w", err)
	}
	return auth.KeyFile(filepath.Join(c.DataDir, "secret.key"))
}

func subscriptions(qos byte, filters ...string) []mqttapi.Subscription {
	var s []mqttapi.Subscription
	for _, f := range filters {
		s = append(s, mqttapi.Subscription{Filter: f, QoS: qos})
	}
	return s
}
