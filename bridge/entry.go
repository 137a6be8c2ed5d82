// Package bridge decides what a command does, what is tried again and when, and
// what is published.
//
// An [Entry] is one linked Google account. Its commands become jobs in the store
// before they are acknowledged; from then on workers bring each file to Google
// and one writer makes items of them, and a job leaves the store only when the
// broker has its result. All of it is level-triggered on the store: what a crash
// interrupts, the next start goes on with, on the same code path.
//
// An error is classified by package photos, decided in decide (policy.go) and
// nowhere else, and what it makes wait is a [Hold] that E/state shows. A [Project]
// is what entries of one OAuth client share, a [Spool] what all entries share, and
// the [Front] speaks for the bridge as a whole.
//
// The package speaks neither HTTP nor MQTT: Google is a *photos.Client, the broker
// a [Publisher].
package bridge

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos"
)

// A Publisher carries what an entry says to the broker.
type Publisher interface {
	// Retain keeps the payload at the topic from now on; the last one wins, and
	// it is sent again on every new connection. An empty payload clears the topic.
	Retain(topic string, payload []byte) error
	// Send publishes once and returns when the broker has it, or with ctx's error.
	Send(ctx context.Context, topic string, payload []byte) error
	// Clear takes away what an earlier run retained on a topic, and returns when
	// the broker has confirmed it, or with ctx's error.
	Clear(ctx context.Context, topic string) error
}

// EntryConfig says what one entry does and what it works with.
type EntryConfig struct {
	// Name is the entry's name in topics.
	Name string
	// Root is the first part of every topic. Setting GPHOTOS_TOPIC.
	Root string
	// Album is the title of the album for uploads that name none; empty = none.
	Album string
	// Listings chooses the albums that get a retained listing.
	Listings Listings
	// ListItems is how many items a listing has at most.
	ListItems int
	// MaxPublish is the largest payload that is published, in bytes.
	MaxPublish int
	// MaxAge is how long an upload may wait for Google before it fails.
	MaxAge time.Duration
	// Uploads is how many files are sent at a time.
	Uploads int
	// DisplayName is the device's name in Home Assistant; empty = "Google Photos" and the entry's name.
	DisplayName string
	// AlbumImages is how many of the listed albums, newest first, are images in Home Assistant.
	AlbumImages int
	// DiscoveryPrefix is where Home Assistant looks for devices; empty = no discovery.
	DiscoveryPrefix string
	// Version is the bridge's, for Home Assistant.
	Version string
	// Renew is the age at which a listing's addresses are renewed.
	Renew time.Duration

	Store   *store.Store
	Spool   *Spool
	Google  *photos.Client
	Link    *auth.Link
	Project *Project
	Out     Publisher
	Log     *logrus.Entry
}

// An Entry is one linked Google account: it takes commands, brings files to
// Google and keeps what it publishes true.
type Entry struct {
	cfg    EntryConfig
	topics mqttapi.Topics
	log    *logrus.Entry
	store  *store.Store
	spool  *Spool
	google *photos.Client
	link   *auth.Link
	out    Publisher

	queue    *queue
	known    *known
	outbox   *outbox
	albums   *albums
	listings *listings
	progress *progress
	status   *status
	writer   turn          // whose turn it is to write to Google
	streak   streak        // requests that failed in a row
	failures chan error    // the store's, met while a command was taken
	damaged  []string      // ids of jobs that could not be read
	device   chan struct{} // cap 1: the discovery document may no longer be true
	linking  sync.Mutex    // held while the hold of the link is set
	invited  string        // the one-time address that was logged last, owned by watchLink
	off      string        // the features without scope that were logged last, owned by watchLink
	flood    chan string   // topics of commands that are answered with busy
}

// OpenEntry loads what the store knows of the entry: its queued jobs go on
// where they stopped.
func OpenEntry(ctx context.Context, cfg EntryConfig) (*Entry, error) {
	e := &Entry{
		cfg: cfg, topics: mqttapi.Topics{Root: cfg.Root, Entry: cfg.Name}, log: cfg.Log,
		store: cfg.Store, spool: cfg.Spool, google: cfg.Google, link: cfg.Link, out: cfg.Out,
		queue: newQueue(), outbox: newOutbox(), progress: newProgress(), writer: newTurn(),
		failures: make(chan error, 1), device: make(chan struct{}, 1), flood: make(chan string, busyAnswers),
	}
	records, err := cfg.Store.Jobs(ctx, cfg.Name)
	if damaged, ok := errors.AsType[*store.DamagedError](err); ok {
		e.log.WithError(damaged).WithField("op", "load jobs").Error("queued uploads are damaged and cannot go on")
		e.damaged = damaged.IDs
	} else if err != nil {
		return nil, fmt.Errorf("load jobs of %s: %w", cfg.Name, err)
	}
	if e.known, err = openKnown(ctx, cfg.Store, cfg.Name, records); err != nil {
		return nil, err
	}
	if e.albums, err = openAlbums(ctx, cfg); err != nil {
		return nil, err
	}
	if e.status, err = openStatus(ctx, cfg); err != nil {
		return nil, err
	}
	if e.listings, err = loadListings(ctx, cfg, cfg.Link.State().Account.ID); err != nil {
		return nil, err
	}
	for _, r := range records {
		j := newJob(*r)
		e.spool.count(r)
		e.queue.add(j)
		switch {
		case !r.Told.IsZero():
			e.spool.keep(e, j)
		case !r.Answered || len(r.Result) > 0:
			e.outbox.add(j)
		}
	}
	cfg.Project.watch(watcher{held: func(h Hold) { e.held(holdByProject, h) }, counted: e.changed})
	return e, nil
}

// Run works until ctx ends and then stops in order: files that are being sent
// are cut, the batch in hand is finished, results go out.
func (e *Entry) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	speak, hush := context.WithCancel(context.WithoutCancel(ctx))
	defer hush()
	e.linkChanged()
	// What tells outlives what works, so that the last results are heard.
	var tellers errgroup.Group
	tellers.Go(e.ending(cancel, func() error { return e.tellJobs(speak) }))
	tellers.Go(e.ending(cancel, func() error { return e.keepState(speak) }))

	var workers errgroup.Group
	for range e.cfg.Uploads {
		workers.Go(e.ending(cancel, func() error { return e.sendFiles(ctx) }))
	}
	for _, part := range []func(context.Context) error{
		e.createBatches, e.keepListings, e.keepImage, e.keepDevice, e.watchLink, e.expireJobs, e.tellProgress, e.answerBusy, e.awaitFailure,
	} {
		workers.Go(e.ending(cancel, func() error { return part(ctx) }))
	}
	err := workers.Wait()
	last, done := context.WithTimeout(speak, lastWords)
	defer done()
	e.outbox.drain(last)
	hush()
	return errors.Join(err, tellers.Wait())
}

// lastWords is how long a stop waits for the broker to take the last results;
// what it has not taken is told at the next start.
const lastWords = 5 * time.Second

// Handle takes one command from the broker. It returns when the command is
// answered or durable, and acknowledged.
func (e *Entry) Handle(ctx context.Context, d mqttapi.Delivery) {
	entry, verb, ok := mqttapi.ParseTopic(e.cfg.Root, d.Topic)
	if !ok || entry != e.cfg.Name {
		d.Ack()
		return
	}
	var err error
	if verb == mqttapi.VerbUpload {
		err = e.handleUpload(ctx, d)
	} else {
		err = e.handleRequest(ctx, d, verb)
	}
	if err == nil {
		return
	}
	select {
	case e.failures <- err:
	default: // the first one already ends the process
	}
}

// awaitFailure returns the store's error that was met while a command was taken.
func (e *Entry) awaitFailure(ctx context.Context) error {
	select {
	case err := <-e.failures:
		return err
	case <-ctx.Done():
		return nil
	}
}

// ending makes a part's error end all the others.
func (e *Entry) ending(cancel context.CancelCauseFunc, part func() error) func() error {
	return func() error {
		err := part()
		if err != nil {
			cancel(err)
		}
		return err
	}
}

// changed says that E/state may no longer be true.
func (e *Entry) changed() { e.status.touch() }

// hold carries out the waiting part of a decision.
func (e *Entry) hold(d decision) {
	h := Hold{Reason: d.hold, Until: d.at, Message: d.words}
	switch d.action {
	case actHoldEntry:
		e.held(holdByEntry, h)
	case actHoldProject:
		e.cfg.Project.hold(h)
	case actRelink: // unless somebody has linked it again by now
		e.followLink()
	case actRetry, actResend, actFindAlbum, actFail:
	}
}

// held sets or ends a hold and lets E/state say so.
func (e *Entry) held(source holdSource, h Hold) {
	if e.queue.setHold(source, h) {
		e.changed()
	}
}

// A turn is taken by one at a time.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t turn) give() { <-t }

// wake leaves a token in a channel of capacity 1.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
