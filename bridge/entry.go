// Package bridge is what runs for each linked Google account, and for the bridge as a whole.
//
// An [Entry] is one account under a name: it routes each command by its verb, carries requests out, and publishes E/state. Its uploads
// are in package upload, its retained listings in library, its Home Assistant device in homeassistant; what the account may do now is in
// account. A [Status] speaks for the bridge as a whole.
//
// Neither HTTP nor MQTT is spoken here: Google is a *photos.Client, the broker a [Publisher].
package bridge

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/bridge/account"
	"gphotos2mqtt/bridge/albums"
	"gphotos2mqtt/bridge/capacity"
	"gphotos2mqtt/bridge/homeassistant"
	"gphotos2mqtt/bridge/library"
	"gphotos2mqtt/bridge/media"
	"gphotos2mqtt/bridge/mirror"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/task"
	"gphotos2mqtt/bridge/upload"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos"
)

// A Publisher carries what is published to the broker.
type Publisher interface {
	// Retain keeps the payload at the topic from now on; the last one wins, and it is sent again on every new connection. An empty
	// payload clears the topic.
	Retain(topic string, payload []byte) error
	Send(ctx context.Context, topic string, payload []byte) error // once; returns when the broker has it, or with ctx's error
	// Clear takes away what an earlier run retained on a topic, and returns when the broker has confirmed it, or with ctx's error.
	Clear(ctx context.Context, topic string) error
}

// EntryConfig says what one entry does and what it works with.
type EntryConfig struct {
	Name            string           // the entry's name in topics
	Root            string           // the first part of every topic, setting GPHOTOS_TOPIC
	Album           string           // title of the album for uploads that name none; empty = none
	Listings        library.Listings // the albums that get a retained listing
	ListItems       int              // how many items a listing has at most
	MaxPublish      func() int       // the largest payload that is published, in bytes; less once the broker refused a smaller one
	MaxAge          time.Duration    // how long an upload may wait for Google before it fails
	Uploads         int              // how many files are sent at a time
	Patience        media.Patience   // how long files are waited for
	DisplayName     string           // the device's name in Home Assistant; empty = "Google Photos" and the entry's name
	AlbumImages     library.Images   // the albums that are images in Home Assistant; those named by title get a listing too
	Mirror          Mirror           // what is kept as files
	DiscoveryPrefix string           // where Home Assistant looks for devices; empty = no discovery
	Version         string           // the bridge's, for Home Assistant
	Renew           time.Duration    // the age at which a listing's addresses are renewed
	Machine         string           // as upload.Config has it, with Seek
	Seek            func(seen store.Source, machine string)

	Store    *store.Store
	Media    *media.Folders
	Capacity *capacity.Capacity
	Google   *photos.Client
	Link     *auth.Link
	Project  *account.Project
	Turns    Turns
	Out      Publisher
	Log      *logrus.Entry
}

// Turns bound what all entries that share them ask of Google at a time, so that a thousand entries that start do not ask at once. Zero: nothing
// is bounded but what one entry does.
type Turns struct {
	Listing  wake.Turns // requests for what is listed
	Fetching wake.Turns // items whose bytes are fetched
	Sending  wake.Turns // files that are sent
}

// Mirror says which albums are kept as files.
type Mirror struct {
	Titles   []string // of the albums, which get a listing with it; empty = none
	Folder   string   // absolute, below a media folder
	Items    int      // of each album at most, as far as its listing has them
	MaxBytes int64    // of all files together
}

// An Entry is one linked Google account.
type Entry struct {
	cfg     EntryConfig
	topics  mqttapi.Topics
	log     *logrus.Entry
	account *account.Account
	albums  *albums.Albums
	uploads *upload.Uploads
	library *library.Library
	device  *homeassistant.Device
	mirror  *mirror.Mirror

	changed        wake.Flag   // E/state may no longer be true
	unlinkRetained atomic.Bool // the broker has a retained request to unlink
	failures       chan error  // the store's, met while a command was handled
	busy           chan string // topics of commands that are answered with busy
	invited        string      // the one-time address that was logged last, owned by linkChanged
	unticked       string      // the features without scope that were logged last, owned by linkChanged
	closers        []func()    // of what is shared with other entries
}

// OpenEntry loads what the store knows of the entry: its queued jobs go on where they stopped.
func OpenEntry(ctx context.Context, cfg EntryConfig) (_ *Entry, err error) {
	e := &Entry{
		cfg: cfg, topics: mqttapi.Topics{Root: cfg.Root, Entry: cfg.Name}, log: cfg.Log,
		changed: wake.NewFlag(), failures: make(chan error, 1), busy: make(chan string, busyAnswers),
	}
	e.account = account.New(account.Config{Topics: e.topics, Link: cfg.Link, Project: cfg.Project, Changed: e.changed.Set, Log: cfg.Log})
	e.closers = append(e.closers, e.account.Close, cfg.Media.Watch(e.changed.Set))
	defer func() {
		if err != nil {
			e.Close()
		}
	}()
	e.albums, err = albums.Open(ctx, albums.Config{
		Entry: cfg.Name, Store: cfg.Store, Google: cfg.Google, Log: cfg.Log, Owner: func() string { return cfg.Link.State().Account.ID },
	})
	if err != nil {
		return nil, err
	}
	e.uploads, err = upload.Open(ctx, upload.Config{
		Topics: e.topics, Album: cfg.Album, MaxPublish: cfg.MaxPublish, MaxAge: cfg.MaxAge, Senders: cfg.Uploads,
		Patience: cfg.Patience, Machine: cfg.Machine, Seek: cfg.Seek, Store: cfg.Store, Media: cfg.Media, Capacity: cfg.Capacity, Google: cfg.Google,
		Account: e.account, Albums: e.albums, Turns: cfg.Turns.Sending,
		Send: cfg.Out.Send, Retain: cfg.Out.Retain, Log: cfg.Log, Changed: e.changed.Set,
		Library: upload.Library{
			Had:          func(id string, at time.Time) bool { return e.library.Had(id, at) },
			Uploaded:     func(album string, items []photos.Item) { e.library.Uploaded(album, items) },
			AlbumCreated: func(a photos.Album) { e.library.AlbumCreated(a, false) },
			AlbumGone:    func(ctx context.Context, id string) error { return e.library.AlbumGone(ctx, id) },
		},
	})
	if err != nil {
		return nil, err
	}
	e.closers = append(e.closers, e.uploads.Close)
	latest := ""
	if totals, _ := e.uploads.Totals().Now(); totals.LastUpload != nil {
		latest = totals.LastUpload.MediaItemID
	}
	titles := slices.Concat(cfg.Listings.Titles, cfg.AlbumImages.Titles, cfg.Mirror.Titles)
	e.library, err = library.Open(ctx, library.Config{
		Topics: e.topics, Choice: library.Listings{All: cfg.Listings.All, Titles: titles}, Items: cfg.ListItems, Renew: cfg.Renew,
		MaxPublish: cfg.MaxPublish, Turns: cfg.Turns.Listing, Fetching: cfg.Turns.Fetching,
		Latest: latest, Store: cfg.Store, Google: cfg.Google, Account: e.account, Albums: e.albums, Out: cfg.Out, Log: cfg.Log,
		AwaitIdle: e.uploads.AwaitIdle, Changed: e.listed,
	})
	if err != nil {
		return nil, err
	}
	e.mirror, err = mirror.Open(ctx, mirror.Config{
		Entry: cfg.Name, Folder: cfg.Mirror.Folder, Items: cfg.Mirror.Items, MaxBytes: cfg.Mirror.MaxBytes,
		Store: cfg.Store, Media: cfg.Media, Google: cfg.Google, Albums: e.mirrored, Turns: cfg.Turns.Fetching, Log: cfg.Log,
	})
	if err != nil {
		return nil, err
	}
	e.device, err = homeassistant.Open(ctx, homeassistant.Config{
		Topics: e.topics, Prefix: cfg.DiscoveryPrefix, DisplayName: cfg.DisplayName, Version: cfg.Version,
		MaxPublish: cfg.MaxPublish,
		Store:      cfg.Store, Link: cfg.Link, Out: cfg.Out,
		Albums: func() ([]mqttapi.Album, bool) { return e.library.Pictured(cfg.AlbumImages) },
	})
	return e, err
}

const (
	shutdownTimeout = 5 * time.Second        // for the broker to take the last results at a stop; the rest follows at the next start
	statePause      = 250 * time.Millisecond // the shortest time between two E/state
	stateGrace      = 2 * time.Second        // for a cluster to take what E/state says at a stop
)

// Run works until ctx ends, and stops in order: sends are cut, the batch in hand is finished, results go out.
func (e *Entry) Run(ctx context.Context) error {
	publishing, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	_ = task.Apart(func() error { e.linkChanged(); return nil })
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer stop() // of an error: nobody publishes what is left
		return task.Run(publishing, append(e.uploads.Publish(), task.Task{Name: "publish state", Run: e.publishState})...)
	})
	err := task.Run(ctx, append(e.uploads.Work(),
		task.Task{Name: "keep listings", Run: e.library.KeepListings},
		task.Task{Name: "keep image", Run: e.library.KeepImage},
		task.Task{Name: "announce device", Run: e.device.Run},
		task.Task{Name: "keep mirror", Run: e.mirror.Run},
		task.Task{Name: "handle commands", Run: e.watch},
	)...)
	last, done := context.WithTimeout(publishing, shutdownTimeout)
	defer done()
	e.uploads.Drain(last)
	stop()
	return cmp.Or(g.Wait(), err)
}

// Idle reports whether no upload is on its way to Google.
func (e *Entry) Idle() bool { return e.uploads.Idle() }

// NeedsMachine reports whether a file of this machine is about to be sent.
func (e *Entry) NeedsMachine() bool { return e.uploads.NeedsMachine() }

// Close ends the entry's part in what all entries share, after Run and every Handle have returned.
func (e *Entry) Close() {
	for _, closePart := range e.closers {
		closePart()
	}
}

// stateLook is the longest time between two looks whether E/state is still true: the clock may have been set.
const stateLook = time.Minute

// publishState publishes E/state whenever it changes, and at the end of each hold and of the last error, until ctx ends.
func (e *Entry) publishState(ctx context.Context) error {
	var published []byte
	for {
		var again time.Duration
		err := task.Apart(func() (err error) {
			published, again, err = e.retainState(ctx, published)
			return err
		})
		if err != nil || ctx.Err() != nil {
			return err
		}
		if wake.Sleep(ctx, nil, statePause) == nil {
			_ = wake.Sleep(ctx, e.changed, again)
		}
	}
}

// retainState publishes E/state if it is not what was published, and returns it, and when to look again.
func (e *Entry) retainState(ctx context.Context, published []byte) (now []byte, again time.Duration, err error) {
	// A stop right here, or a kill, counts the same after it: what E/state says is on the disk.
	saving, done := wake.Outlive(ctx, 0, stateGrace)
	defer done()
	totals, same, err := e.uploads.Totals().Save(saving)
	if err = errors.Join(err, e.cfg.Project.Save(saving)); err != nil {
		return nil, 0, err
	}
	queue := e.uploads.Summary()
	hold, lasts := e.account.Shown(queue.Waiting+queue.Active > 0)
	made, resets := e.cfg.Project.Requests()
	now, err = mqttapi.Encode(mqttapi.State{
		Link: linkView(e.cfg.Link.State()), Queue: queue, Hold: hold,
		Quota:  mqttapi.Quota{RequestsToday: made, RequestsLimit: account.QuotaPerDay, Resets: mqttapi.At(resets)},
		Totals: totals.Totals, LastUpload: totals.LastUpload, LastError: totals.LastError, Problem: problem(e.cfg.Store, e.cfg.Media),
	})
	if err == nil && !bytes.Equal(now, published) {
		err = e.cfg.Out.Retain(e.topics.State(), now)
	}
	return now, min(cmp.Or(lasts, stateLook), cmp.Or(same, stateLook)), err
}

// watch lets everything follow the link, and answers with busy, until ctx ends, or the store fails while a command is handled.
func (e *Entry) watch(ctx context.Context) error {
	answers, ctx := errgroup.WithContext(ctx)
	answers.SetLimit(busyAnswers)
	var err error
	for err == nil && ctx.Err() == nil {
		select {
		case <-e.cfg.Link.Watch():
			e.linkChanged()
		case topic := <-e.busy:
			answers.TryGo(func() error { return e.answerBusy(ctx, topic) })
		case err = <-e.failures:
		case <-ctx.Done():
		}
	}
	return cmp.Or(err, answers.Wait())
}

// listed says that listings were published.
func (e *Entry) listed() {
	e.device.Changed()
	e.mirror.Changed()
}

// mirrored are the albums that are kept as files; none is known while no account is linked.
func (e *Entry) mirrored() (albums []mirror.Album, known bool) {
	held, known := e.library.Titled(e.cfg.Mirror.Titles)
	for _, h := range held {
		albums = append(albums, mirror.Album(h))
	}
	return albums, known && e.cfg.Link.State().Status == auth.Linked
}

func (e *Entry) linkChanged() {
	e.account.FollowLink()
	s := e.cfg.Link.State()
	if s.URL != "" && s.URL != e.invited {
		e.log.WithField("url", s.URL).Info("open this address to link an account")
	}
	unticked := strings.Join(s.Off(), "; ")
	if unticked != "" && unticked != e.unticked {
		e.log.WithField("off", unticked).Warn("boxes were left unticked at google")
	}
	e.invited, e.unticked = s.URL, unticked
	e.library.Wake()
	e.device.Changed()
	e.changed.Set()
}

func linkView(s auth.State) mqttapi.LinkState {
	v := mqttapi.LinkState{
		Status: mqttapi.LinkStatus(s.Status), MissingScopes: s.Missing, URL: s.URL, Expires: mqttapi.At(s.Expires), Problem: s.Failure,
	}
	if s.Account.ID != "" {
		v.Account = new(accountView(s.Account))
	}
	return v
}

func accountView(a auth.Account) mqttapi.Account {
	return mqttapi.Account{ID: a.ID, Name: a.Name, Email: a.Email}
}
