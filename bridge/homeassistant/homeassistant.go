// Package homeassistant makes and clears what Home Assistant sees of entries: the discovery document of each, the answer to its birth
// message, and the clean-up of what removed entries have left at the broker.
package homeassistant

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/sirupsen/logrus"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/task"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
)

const (
	documentPause = 2 * time.Second // Home Assistant drops parts of a document that comes while it works on the last
	birthPause    = 2 * time.Second // longest before the answer; https://www.home-assistant.io/integrations/mqtt/#birth-and-last-will-messages

	deviceRecord   = "device"   // what is published, so that a later run can take back what is no longer so
	presenceRecord = "presence" // where entries have published so far

	projectURL = "https://github.com/gphotos2mqtt/gphotos2mqtt"             // where a user of the device finds help
	guideURL   = projectURL + "/blob/main/docs/google.md#4-link-an-account" // and how to link, when nobody knows where the pages are
)

// A Publisher carries the document to the broker.
type Publisher interface {
	Retain(topic string, payload []byte) error                    // at the topic from now on
	Send(ctx context.Context, topic string, payload []byte) error // once; it returns when the broker has it, or with ctx's error
}

// Config says how an entry looks in Home Assistant.
type Config struct {
	Topics      mqttapi.Topics
	Prefix      string     // where Home Assistant looks for devices; empty = no discovery
	DisplayName string     // the device's name; empty = "Google Photos" and the entry's name
	Version     string     // the bridge's
	MaxPublish  func() int // the largest payload that is published now, in bytes

	Store  *store.Store
	Link   *auth.Link
	Albums func() ([]mqttapi.Album, bool) // those that are images, by id and title, first the last changed; false while they are unknown
	Out    Publisher
}

// A Device is an entry as Home Assistant sees it.
type Device struct {
	cfg       Config
	topic     string            // of the document; empty = no discovery
	changed   wake.Flag         // the document may no longer be true
	albums    []mqttapi.Album   // of the document that is published; owned by Run, as what follows
	sum       [sha256.Size]byte // of that document, which only the store keeps
	published bool              // in this run
}

type published struct {
	Topic    string          `json:"topic,omitempty"`
	Document json.RawMessage `json:"document,omitempty"`
	Albums   []mqttapi.Album `json:"albums,omitempty"`
}

// Open loads what is published. A document on another topic, or of a time with discovery, is cleared by Removed.ClearTopics.
func Open(ctx context.Context, cfg Config) (*Device, error) {
	d := &Device{cfg: cfg, changed: wake.NewFlag()}
	if cfg.Prefix != "" {
		d.topic = cfg.Topics.Discovery(cfg.Prefix)
	}
	before, err := d.load(ctx)
	d.albums, d.sum = before.Albums, sha256.Sum256(before.Document)
	return d, err
}

// load reads what was published last; that of another topic counts as nothing.
func (d *Device) load(ctx context.Context) (before published, err error) {
	_, err = d.cfg.Store.LoadState(ctx, d.cfg.Topics.Entry, deviceRecord, &before)
	if before.Topic != d.topic {
		before = published{}
	}
	return before, err
}

// OnBirth has all that is retained published again when Home Assistant has started, at random because every bridge does so now.
func OnBirth(ctx context.Context, refresh func()) {
	if wake.Sleep(ctx, nil, max(1, rand.N(birthPause))) == nil {
		refresh()
	}
}

// Changed says that the link or the albums may have changed.
func (d *Device) Changed() { d.changed.Set() }

// Run keeps the document true until ctx ends. Its error is the store's or the broker's.
func (d *Device) Run(ctx context.Context) error {
	for ctx.Err() == nil && d.topic != "" {
		if err := task.Apart(func() error { return d.publish(ctx) }); err != nil && ctx.Err() == nil {
			return fmt.Errorf("publish device: %w", err)
		}
		if wake.Sleep(ctx, nil, documentPause) == nil {
			_ = wake.Sleep(ctx, d.changed, 0)
		}
	}
	return nil
}

// publish publishes the document if it has changed; what is gone is taken away first as Home Assistant prescribes, see mqttapi.Removal.
func (d *Device) publish(ctx context.Context) error {
	albums, known := d.cfg.Albums()
	switch {
	case d.cfg.Link.State().Status == auth.Unlinked:
		albums = nil
	case !known: // or each restart would take them away, and with them what people have set up for them
		albums = d.albums
	}
	document := d.document(albums)
	sum := sha256.Sum256(document)
	if d.published && sum == d.sum {
		return nil
	}
	if sum != d.sum || !slices.Equal(d.albums, albums) {
		if err := d.change(ctx, published{d.topic, document, albums}); err != nil {
			return err
		}
		d.albums, d.sum = albums, sum
	}
	d.published = true
	return d.cfg.Out.Retain(d.topic, document)
}

// change takes away what is gone, and saves what comes.
func (d *Device) change(ctx context.Context, next published) error {
	before, err := d.load(ctx)
	if err != nil {
		return err
	}
	if retired := mqttapi.Removal(before.Document, next.Document); retired != nil {
		// A stop after this takes the same away again at the next start, which changes nothing.
		if err := d.cfg.Out.Send(ctx, d.topic, retired); err != nil {
			return err
		}
		if err := wake.Sleep(ctx, nil, documentPause); err != nil {
			return err
		}
	}
	// A stop after this save publishes the document at the next start, changed or not.
	return d.cfg.Store.SaveState(ctx, d.cfg.Topics.Entry, deviceRecord, next)
}

// document is cut to what may be published; the albums that were changed first go. "Visit" always leads to the entry's page, because Home
// Assistant never forgets an address that it was given.
func (d *Device) document(albums []mqttapi.Album) []byte {
	document := mqttapi.Discovery(mqttapi.Device{
		Topics: d.cfg.Topics, Name: d.cfg.DisplayName, Version: d.cfg.Version, SupportURL: projectURL,
		PageURL: cmp.Or(d.cfg.Link.Page(), guideURL), Albums: albums,
	})
	if len(document) > d.cfg.MaxPublish() && len(albums) > 0 {
		return d.document(albums[:len(albums)-1])
	}
	return document
}

// A Presence is where an entry keeps retained topics at the broker.
type Presence struct {
	Entry  string `json:"entry"`
	Root   string `json:"root"`
	Prefix string `json:"prefix"` // of discovery; empty without
}

// Removed clears what is retained of entries that have left the settings or publish elsewhere now. Their jobs and links stay.
type Removed struct {
	Root   string // the first part of every topic now
	Store  *store.Store
	Clear  func(ctx context.Context, topic string) error             // what is retained there; it returns when the broker has confirmed it
	Listed func(ctx context.Context, entry string) ([]string, error) // ids of the albums that an entry, even a former one, may have listings of
	Log    *logrus.Entry
}

// Known is what RecordTopics has noted and ClearTopics has not cleared.
func (r Removed) Known(ctx context.Context) (known []Presence, err error) {
	_, err = r.Store.LoadState(ctx, store.Bridge, presenceRecord, &known)
	return known, err
}

// RecordTopics notes where the entries of this run are going to publish. It comes before they run: a stop in between notes what was never
// published, and clearing that does no harm.
func (r Removed) RecordTopics(ctx context.Context, now []Presence) error {
	known, err := r.Known(ctx)
	if err != nil || !slices.ContainsFunc(now, func(p Presence) bool { return !slices.Contains(known, p) }) {
		return err
	}
	return r.Store.MergeState(ctx, store.Bridge, presenceRecord, &known, func() {
		known = append(known, slices.DeleteFunc(slices.Clone(now), func(p Presence) bool { return slices.Contains(known, p) })...)
	})
}

// ClearTopics clears what RecordTopics noted in earlier runs and is not there now. It returns when the broker has confirmed.
func (r Removed) ClearTopics(ctx context.Context, now []Presence) error {
	known, err := r.Known(ctx)
	if err != nil {
		return err
	}
	return r.clear(ctx, slices.DeleteFunc(known, func(p Presence) bool { return slices.Contains(now, p) }), now)
}

// ClearEntry clears what RecordTopics has noted of one entry that runs nowhere, by way of clear, and where it would be now: of what was
// cleared before a stop, a broker that was busy may have published the will since.
func (r Removed) ClearEntry(ctx context.Context, now Presence, clear func(ctx context.Context, topic string) error) error {
	known, err := r.Known(ctx)
	if err != nil {
		return err
	}
	known = slices.DeleteFunc(known, func(p Presence) bool { return p.Entry != now.Entry })
	if !slices.Contains(known, now) {
		known = append(known, now)
	}
	r.Clear = clear
	return r.clear(ctx, known, nil)
}

func (r Removed) clear(ctx context.Context, former, now []Presence) error {
	if len(former) == 0 {
		return nil
	}
	used, err := r.topics(ctx, now...)
	if err != nil {
		return err
	}
	for _, p := range former {
		topics, err := r.topics(ctx, p)
		if err != nil {
			return err
		}
		for _, topic := range slices.DeleteFunc(topics, func(topic string) bool { return slices.Contains(used, topic) }) {
			if err := r.Clear(ctx, topic); err != nil {
				return fmt.Errorf("clear a topic of removed entry %s: %w", p.Entry, err)
			}
		}
		r.Log.WithField("entry", p.Entry).Info("topics of a removed entry cleared")
	}
	// A stop before this save clears the same topics again; after it they are free for another bridge.
	var known []Presence
	return r.Store.MergeState(ctx, store.Bridge, presenceRecord, &known, func() {
		known = slices.DeleteFunc(known, func(p Presence) bool { return slices.Contains(former, p) })
	})
}

// topics are all that entries may have a retained message on.
func (r Removed) topics(ctx context.Context, entries ...Presence) (topics []string, err error) {
	for _, p := range entries {
		t := mqttapi.Topics{Root: p.Root, Entry: p.Entry}
		topics = append(topics, t.Availability(), t.State(), t.Albums(), t.Media(), t.Image(), t.Progress())
		if p.Root != r.Root {
			topics = append(topics, t.Bridge("info"), t.Bridge("health"))
		}
		if p.Prefix != "" {
			topics = append(topics, t.Discovery(p.Prefix))
		}
		listed, err := r.Listed(ctx, p.Entry)
		if err != nil {
			return nil, err
		}
		for _, id := range listed {
			topics = append(topics, t.Album(id))
		}
	}
	return topics, nil
}
