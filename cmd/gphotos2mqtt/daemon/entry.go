package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/sirupsen/logrus"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/bridge"
	"gphotos2mqtt/bridge/account"
	"gphotos2mqtt/bridge/library"
	"gphotos2mqtt/bridge/media"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/task"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/cmd/gphotos2mqtt/config"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/mqttapi/broker"
	"gphotos2mqtt/photos"
)

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
	var one *hosted
	err = task.Apart(func() (err error) {
		one, err = d.openEntry(ctx, e)
		return err
	})
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
	resumes, err := d.noteSession(ctx, e.Name)
	if err != nil {
		return nil, err
	}
	h.conn = d.entryConn(e.Name, resumes, log, h)
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

// sessionRecord is the broker and the client id with which an entry has a session.
const sessionRecord = "session"

// noteSession notes that the entry has a session at this broker from now on, and reports whether it has had one: a broker that does not have
// it any more has lost commands. A stop before the first connection has one line too many logged at the next.
func (d *Daemon) noteSession(ctx context.Context, entry string) (had bool, err error) {
	now, before := d.config.BrokerURL()+" "+Connection(d.config, entry, 1).ClientID, ""
	if _, err := d.store.LoadState(ctx, entry, sessionRecord, &before); err != nil || before == now {
		return before == now, err
	}
	return false, d.store.SaveState(ctx, entry, sessionRecord, now)
}

func (d *Daemon) entryConn(name string, resumes bool, log *logrus.Entry, h *hosted) *broker.Conn {
	topics := mqttapi.Topics{Root: d.config.Topic, Entry: name}
	c := Connection(d.config, name, 1, topics.Commands()...)
	c.Subscriptions[0].Check, c.Subscriptions[1].Check = topics.Upload(), topics.Request("check")
	c.Availability = broker.Availability{Topic: topics.Availability(), Online: mqttapi.Online, Offline: mqttapi.Offline}
	c.Log, c.Holds, c.Resumes = log, d.holds(name), resumes
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
