package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"github.com/sirupsen/logrus"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/bridge"
	"gphotos2mqtt/bridge/capacity"
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

// A host runs entries: it makes all of one, and takes it down.
type host struct {
	process  *process
	store    *store.Store
	media    *media.Folders
	capacity *capacity.Capacity
	status   *bridge.Status
	projects *projects
	links    *links
	sessions *sessions
	files    *seeker
	news     func() // a connection does better or worse
	turns    bridge.Turns
	opening  wake.Lock             // held while an entry is opened
	here     wake.Members[*hosted] // the entries that run here
	opened   chan struct{}         // closed when all in toOpen have been opened

	mu     sync.Mutex      // guards toOpen
	toOpen map[string]bool // entries that the start has found
}

func newHost(p *process, s *store.Store, m *media.Folders, status *bridge.Status, l *links, at *sessions) *host {
	c := p.config
	return &host{
		process: p, store: s, media: m, status: status, links: l, sessions: at, projects: newProjects(p, s), files: &seeker{p, m},
		capacity: capacity.New(capacity.Config{
			MaxBytes: int64(c.SpoolMax), MaxJobs: c.SpoolMaxJobs, CopyUpTo: int64(c.SpoolCopy), MaxFile: int64(c.MaxSize),
		}),
		turns: newTurns(), opening: wake.NewLock(), opened: make(chan struct{}), toOpen: map[string]bool{},
	}
}

// runEntry makes all of an entry, runs it until ctx ends, and takes it down: when it returns, nothing of it is left in this process. Its
// session stays at the broker, and what it has retained there, for who runs it next. Begun is called when it is made.
func (h *host) runEntry(ctx context.Context, e config.Entry, begun func()) (err error) {
	defer func() {
		if ctx.Err() != nil && !errors.Is(err, store.ErrEngine) {
			err = nil // a stop is no failure
		} else if err != nil {
			err = fmt.Errorf("entry %s: %w", e.Name, err)
		}
	}()
	var one *hosted
	err = task.Apart(func() (err error) {
		one, err = h.open(ctx, e)
		return err
	})
	h.openedFirst(e.Name)
	if err != nil {
		return err
	}
	defer one.close()
	begun()
	connection := task.Task{Name: "connection", Run: func(ctx context.Context) error {
		if wake.Sleep(ctx, h.opened, 0) != nil {
			return nil //nolint:nilerr // stopped before it began
		}
		if err := h.sessions.await(ctx, e.Name); err != nil || ctx.Err() != nil {
			return err
		}
		return one.conn.Run(ctx)
	}}
	works := []task.Task{{Name: "work", Run: one.Run}}
	if !h.process.alone() {
		works = append(works, task.Task{Name: "seek files", Run: func(ctx context.Context) error { return h.files.follow(ctx, one) }})
	}
	return runOnline(ctx, []task.Task{connection}, works)
}

// openFirst names the entries that the start has found: they connect when all of them have been opened once, so that none takes room of which
// another's uploads have a part.
func (h *host) openFirst(names []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, name := range names {
		h.toOpen[name] = true
	}
	if len(names) == 0 {
		close(h.opened)
	}
}

// openedFirst notes that an entry has been opened, or will not be for now.
func (h *host) openedFirst(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := len(h.toOpen)
	if delete(h.toOpen, name); before == 1 && len(h.toOpen) == 0 {
		close(h.opened)
	}
}

// idle reports whether nothing of an entry is on its way to Google.
func (h *host) idle(entry string) bool {
	return !slices.ContainsFunc(h.here.All(), func(one *hosted) bool { return one.name == entry && !one.Idle() })
}

// refresh has all entries send again what they have retained.
func (h *host) refresh() {
	for _, one := range h.here.All() {
		one.conn.Refresh()
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

// open makes one entry with its link, its client for Google and its connection. Entries are opened one after another, which needs less memory.
func (h *host) open(ctx context.Context, e config.Entry) (_ *hosted, err error) {
	c, log, one := h.process.config, h.process.log.WithField("entry", e.Name), &hosted{name: e.Name, sought: make(chan foundFile, 1)}
	if err := h.opening.Lock(ctx); err != nil {
		return nil, err
	}
	defer h.opening.Unlock()
	defer func() {
		if err != nil {
			one.close()
		}
	}()
	project, err := h.projects.of(ctx, e.ClientID)
	if err != nil {
		return nil, err
	}
	if one.link, err = h.links.open(ctx, e); err != nil {
		return nil, err
	}
	one.conn = h.connection(e.Name, log, one)
	api := one.link.Client()
	api.Transport = &transport{base: api.Transport, count: project.Count}
	one.Entry, err = bridge.OpenEntry(ctx, bridge.EntryConfig{
		Name: e.Name, DisplayName: e.DisplayName, Root: c.Topic, Album: e.Album, Version: h.process.version,
		Listings: library.Listings(e.Listings), ListItems: c.ListItems, Renew: c.Refresh, AlbumImages: library.Images(e.AlbumImages),
		Mirror:     bridge.Mirror{Titles: e.Mirror, Folder: e.MirrorFolder, Items: e.MirrorItems, MaxBytes: int64(e.MirrorMax)},
		MaxPublish: one.conn.Limit, MaxAge: c.MaxAge, Uploads: c.Uploads, DiscoveryPrefix: c.DiscoversAt(),
		Patience: media.Patience{Missing: c.MediaWait, Quiet: c.MediaQuiet, Limit: c.MediaLimit},
		Machine:  h.process.machine, Seek: one.seek,
		Store: h.store, Media: h.media, Capacity: h.capacity, Link: one.link, Project: project, Turns: h.turns, Out: one.conn, Log: log,
		Google: photos.New(photos.Config{
			Library: c.GoogleLibraryURL, HTTP: api, Bytes: &http.Client{Transport: h.links.google.transport(e.Name, log)},
			Foreign: func(err error) { log.WithError(err).Warn("addresses that are not google's are left out") },
		}),
	})
	if err != nil {
		return nil, err
	}
	one.closers = []func(){one.Close, h.links.here.Join(one.link), h.status.Add(one.Entry), h.here.Join(one)}
	return one, nil
}

func (h *host) connection(name string, log *logrus.Entry, one *hosted) *broker.Conn {
	topics := mqttapi.Topics{Root: h.process.config.Topic, Entry: name}
	c := Connection(h.process.config, name, 1, topics.Commands()...)
	c.Subscriptions[0].Check, c.Subscriptions[1].Check = topics.Upload(), topics.Request("check")
	c.Availability = broker.Availability{Topic: topics.Availability(), Online: mqttapi.Online, Offline: mqttapi.Offline}
	c.Log, c.Holds = log, h.process.holds(name)
	c.Handle = func(ctx context.Context, m broker.Delivery) { one.Handle(ctx, m) }
	c.OnBusy = func(m broker.Delivery) { one.Busy(m) }
	c.OnState = func(s broker.State) {
		h.status.Connected(name, s)
		h.news()
	}
	return h.sessions.connection(c)
}
