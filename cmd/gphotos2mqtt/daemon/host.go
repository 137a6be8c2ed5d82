package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/bridge"
	"gphotos2mqtt/bridge/account"
	"gphotos2mqtt/bridge/library"
	"gphotos2mqtt/bridge/media"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/task"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/cluster/fleet"
	"gphotos2mqtt/cmd/gphotos2mqtt/config"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/mqttapi/broker"
	"gphotos2mqtt/photos"
)

const (
	openAgain  = time.Second // the first pause after which an entry that has failed is opened again, doubled with each failure
	openSeldom = time.Minute // the longest

	// endPause is how long the built-in broker may take to see that a connection has ended: one of the same id that comes sooner is taken for
	// another client's, and kept waiting or cut. Source: mqttSessFlappingJailDur in nats-server's server/mqtt.go.
	endPause = 500 * time.Millisecond
	closeFor = 2 * time.Second // for saving the last counts at a stop
)

// A keeper runs the entries that there are: all of them, or those that are this process's of several.
type keeper interface {
	Want(entries []string)
	Run(ctx context.Context, run func(ctx context.Context, entry string) error) error
}

// A solo process runs all entries there are.
type solo struct {
	changed wake.Flag

	mu     sync.Mutex // guards wanted
	wanted []string
}

// Want says which entries there are now.
func (s *solo) Want(entries []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wanted = entries
	s.changed.Set()
}

// Run calls run for each entry that there is, as long as it is there, until ctx ends or one fails, and returns when all have returned.
func (s *solo) Run(ctx context.Context, run func(ctx context.Context, entry string) error) error {
	g, ctx := errgroup.WithContext(ctx)
	type running struct {
		stop  context.CancelFunc
		ended chan struct{}
	}
	all := map[string]running{}
	for {
		s.mu.Lock()
		wanted := s.wanted
		s.mu.Unlock()
		for name, r := range all {
			if !slices.Contains(wanted, name) {
				r.stop()
				<-r.ended // or it would run twice when it comes back
				delete(all, name)
			}
		}
		for _, name := range wanted {
			if _, ok := all[name]; ok {
				continue
			}
			own, stop := context.WithCancel(ctx)
			r := running{stop, make(chan struct{})}
			all[name] = r
			g.Go(func() error {
				defer close(r.ended)
				defer stop()
				return run(own, name)
			})
		}
		if wake.Sleep(ctx, s.changed, 0) != nil {
			return g.Wait()
		}
	}
}

// keep runs an entry, or leads.
func (d *Daemon) keep(ctx context.Context, name string) error {
	if name == fleet.Leading {
		return d.lead(ctx)
	}
	return d.keepEntry(ctx, name)
}

// keepEntry runs an entry until ctx ends: again when it has failed by itself, and anew when it has other settings. One that is to be removed
// is. The error is the store's.
func (d *Daemon) keepEntry(ctx context.Context, name string) error {
	for pause := openAgain; ctx.Err() == nil; {
		e, there := d.catalog.Get(name)
		own, stop := context.WithCancel(ctx)
		leave := d.catalog.OnChange(name, e, stop)
		began := time.Now()
		var err error
		switch {
		case !there || e.Problem != "" && e.Removal() == nil:
			d.fail(name, e.Problem)
			<-own.Done()
		case e.Removal() != nil:
			err = d.removeEntry(own, e)
		default:
			err = d.runEntry(own, e.Entry)
		}
		leave()
		changed := own.Err() != nil
		stop()
		if ctx.Err() != nil || errors.Is(err, store.ErrEngine) {
			return err
		}
		if changed || err == nil || time.Since(began) > openSeldom {
			pause = openAgain
		}
		if err == nil {
			d.awaitEnd(ctx)
			continue
		}
		d.log.WithError(err).WithFields(map[string]any{"entry": name, "wait": pause.String()}).Error("entry failed and is opened again")
		d.fail(name, "The entry has failed and is opened again: see the log of the bridge.")
		_ = wake.Sleep(ctx, nil, pause)
		pause = min(2*pause, openSeldom)
	}
	return nil
}

// awaitEnd waits until the broker has seen the end of a connection that another one of its id is to follow.
func (d *Daemon) awaitEnd(ctx context.Context) {
	if d.inner != "" {
		_ = wake.Sleep(ctx, nil, endPause)
	}
}

// fail notes why an entry does not run.
func (d *Daemon) fail(name, problem string) {
	d.openedFirst(name)
	d.mu.Lock()
	if d.failures[name] = problem; problem == "" {
		delete(d.failures, name)
	}
	d.mu.Unlock()
	d.catalog.News()
}

// runEntry makes all of an entry, runs it until ctx ends, and takes it down: when it returns, nothing of it is left in this process. Its
// session stays at the broker, and what it has retained there, for who runs it next.
func (d *Daemon) runEntry(ctx context.Context, e config.Entry) (err error) {
	defer func() {
		if ctx.Err() != nil && !errors.Is(err, store.ErrEngine) {
			err = nil // a stop is no failure
		} else if err != nil {
			err = fmt.Errorf("entry %s: %w", e.Name, err)
		}
	}()
	one, err := d.openEntry(ctx, e)
	if err != nil {
		d.openedFirst(e.Name)
		return err
	}
	d.fail(e.Name, "")
	defer one.close()
	connection := task.Task{Name: "connection", Run: func(ctx context.Context) error {
		for _, awaited := range []chan struct{}{d.opened, d.ready} {
			if wake.Sleep(ctx, awaited, 0) != nil {
				return nil //nolint:nilerr // stopped before it began
			}
		}
		if err := d.endFormerOf(ctx, e.Name); err != nil || ctx.Err() != nil {
			return err
		}
		return one.conn.Run(ctx)
	}}
	works := []task.Task{{Name: "work", Run: one.Run}}
	if d.fleet != nil {
		works = append(works, d.seekFiles(one))
	}
	return runOnline(ctx, []task.Task{connection}, works)
}

// openedFirst lets entries connect when all that the start has found have been opened once: none takes room of which another's uploads
// have a part.
func (d *Daemon) openedFirst(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := len(d.toOpen)
	if delete(d.toOpen, name); before == 1 && len(d.toOpen) == 0 {
		close(d.opened)
	}
}

// A hosted entry is one with all that it alone uses.
type hosted struct {
	*bridge.Entry

	name    string
	sought  chan foundFile // a file that is not on this machine
	conn    *broker.Conn
	link    *auth.Link
	closers []func() // in the order in which their parts were opened
}

func (h *hosted) close() {
	for _, closePart := range slices.Backward(h.closers) {
		closePart()
	}
}

// seek notes that a file is not here; one at a time is sought.
func (h *hosted) seek(seen store.Source, machine string) {
	select {
	case h.sought <- foundFile{machine, seen}:
	default:
	}
}

// openEntry makes one entry with its link, its client for Google and its connection. Entries are opened one after another, which needs
// less memory.
func (d *Daemon) openEntry(ctx context.Context, e config.Entry) (_ *hosted, err error) {
	c, log, h := d.config, d.log.WithField("entry", e.Name), &hosted{name: e.Name, sought: make(chan foundFile, 1)}
	if err := d.opening.Lock(ctx); err != nil {
		return nil, err
	}
	defer d.opening.Unlock()
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	project, err := d.project(ctx, e.ClientID)
	if err != nil {
		return nil, err
	}
	link, err := d.OpenLink(ctx, e)
	if err != nil {
		return nil, err
	}
	h.conn = d.entryConn(e.Name, log, h)
	api := link.Client()
	api.Transport = &transport{base: api.Transport, count: project.Count}
	h.Entry, err = bridge.OpenEntry(ctx, bridge.EntryConfig{
		Name: e.Name, DisplayName: e.DisplayName, Root: c.Topic, Album: e.Album, Version: d.version,
		Listings: library.Listings(e.Listings), ListItems: c.ListItems, Renew: c.Refresh, AlbumImages: library.Images(e.AlbumImages),
		Mirror:     bridge.Mirror{Titles: e.Mirror, Folder: e.MirrorFolder, Items: e.MirrorItems, MaxBytes: int64(e.MirrorMax)},
		MaxPublish: h.conn.Limit, MaxAge: c.MaxAge, Uploads: c.Uploads, DiscoveryPrefix: c.DiscoversAt(),
		Patience: media.Patience{Missing: c.MediaWait, Quiet: c.MediaQuiet, Limit: c.MediaLimit},
		Machine:  d.machine, Seek: h.seek,
		Store: d.store, Media: d.media, Capacity: d.capacity, Link: link, Project: project, Turns: d.turns, Out: h.conn, Log: log,
		Google: photos.New(photos.Config{
			Library: c.GoogleLibraryURL, HTTP: api, Bytes: &http.Client{Transport: d.transport(e.Name, log)},
			Foreign: func(err error) { log.WithError(err).Warn("addresses that are not google's are left out") },
		}),
	})
	if err != nil {
		return nil, err
	}
	h.link = link
	h.closers = []func(){h.Close, d.links.Join(link), d.refresh.Join(h.conn.Refresh), d.status.Add(h.Entry), d.hosted.Join(h)}
	return h, nil
}

// OpenLink opens the link of an entry, which must not be open already.
func (d *Daemon) OpenLink(ctx context.Context, e config.Entry) (*auth.Link, error) {
	c := d.config
	return auth.Open(ctx, auth.Config{
		Entry: e.Name, ClientID: e.ClientID, ClientSecret: e.ClientSecret,
		AuthURL: c.GoogleAuthURL, TokenURL: c.GoogleTokenURL, RevokeURL: c.GoogleRevokeURL, UserInfoURL: c.GoogleUserInfoURL,
		RedirectURL: c.RedirectURL(), LinkURL: c.LinkURL, Base: d.transport(e.Name, d.log.WithField("entry", e.Name)),
		InUse:    func(account string) bool { return d.inUse(e.Name, account) },
		Attempts: d.attempts(),
	}, d.key, d.store.Links())
}

// transport carries an entry's requests to Google.
func (d *Daemon) transport(entry string, log *logrus.Entry) *transport {
	return &transport{base: guarded{d.google, d.holds(entry)}, log: log}
}

func (d *Daemon) entryConn(name string, log *logrus.Entry, h *hosted) *broker.Conn {
	topics := mqttapi.Topics{Root: d.config.Topic, Entry: name}
	c := Connection(d.config, name, 1, topics.Commands()...)
	c.Subscriptions[0].Check, c.Subscriptions[1].Check = topics.Upload(), topics.Request("check")
	c.Availability = broker.Availability{Topic: topics.Availability(), Online: mqttapi.Online, Offline: mqttapi.Offline}
	c.Log, c.Holds = log, d.holds(name)
	c.Handle = func(ctx context.Context, m broker.Delivery) { h.Handle(ctx, m) }
	c.OnBusy = func(m broker.Delivery) { h.Busy(m) }
	c.OnState = func(s broker.State) {
		d.status.Connected(name, s)
		d.catalog.News()
	}
	return d.newConn(c)
}

func (d *Daemon) project(ctx context.Context, clientID string) (*account.Project, error) {
	sum := sha256.Sum256([]byte(clientID))
	id := "requests-" + hex.EncodeToString(sum[:6])
	if p, ok := d.projects[id]; ok {
		return p, nil
	}
	p, err := account.OpenProject(ctx, d.store, id)
	if err != nil {
		return nil, err
	}
	if d.fleet != nil {
		p.Share(func(state []byte) { d.tell(subjectProject, toldProject{id, state}) })
	}
	d.projects[id] = p
	return p, nil
}

// closeProjects saves what is left of the day's counts; a cluster that is away does not hold up the stop.
func (d *Daemon) closeProjects() (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), closeFor)
	defer cancel()
	for _, p := range d.projects {
		err = errors.Join(err, p.Close(ctx))
	}
	if errors.Is(err, context.DeadlineExceeded) {
		d.log.WithError(err).Warn("the requests of the last second are not counted")
		return nil
	}
	return err
}
