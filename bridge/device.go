package bridge

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/mqttapi"
)

const (
	// deviceLedger is the record of what Home Assistant was told, so that a later
	// run can take back what is no longer so.
	deviceLedger = "device"
	// devicePause is the shortest time between two discovery documents: Home
	// Assistant drops parts of one that comes while it still works on the last.
	devicePause = 2 * time.Second
	// projectURL is where a user of the device finds help.
	projectURL = "https://github.com/gphotos2mqtt/gphotos2mqtt"
)

// A device is the entry as Home Assistant sees it.
type device struct {
	entry *Entry
	topic string // of the document; empty = no discovery
	shown announced
	told  bool // the document is out since the start
}

// announced is the record in the store.
type announced struct {
	Topic    string          `json:"topic,omitempty"`
	Document json.RawMessage `json:"document,omitempty"`
	Albums   []mqttapi.Album `json:"albums,omitempty"`
}

// keepDevice keeps Home Assistant's document of the entry true until ctx ends.
func (e *Entry) keepDevice(ctx context.Context) error {
	d, err := e.openDevice(ctx)
	for {
		if err == nil && d.topic != "" {
			err = d.announce(ctx)
		}
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // a stop is no failure
		case err != nil:
			return fmt.Errorf("announce device: %w", err)
		}
		if sleep(ctx, nil, devicePause) != nil || sleep(ctx, e.device, 0) != nil {
			return nil //nolint:nilerr // a stop is no failure
		}
	}
}

// openDevice loads what was told. A document on another topic, of another prefix
// or of a time with discovery, is cleared as a whole by Front.ClearFormer.
func (e *Entry) openDevice(ctx context.Context) (*device, error) {
	d := &device{entry: e}
	if e.cfg.DiscoveryPrefix != "" {
		d.topic = e.topics.Discovery(e.cfg.DiscoveryPrefix)
	}
	if _, err := e.store.LoadState(ctx, e.cfg.Name, deviceLedger, &d.shown); err != nil {
		return nil, fmt.Errorf("load what was announced: %w", err)
	}
	if d.shown.Topic != d.topic {
		d.shown = announced{}
	}
	return d, nil
}

// announce publishes the document if it has changed. What is gone from it is
// taken away first in the way that Home Assistant prescribes, see mqttapi.Retire.
func (d *device) announce(ctx context.Context) error {
	e := d.entry
	albums := d.albums()
	document := d.document(albums)
	if d.told && bytes.Equal(document, d.shown.Document) {
		return nil
	}
	if retired := mqttapi.Retire(d.shown.Document, document); retired != nil {
		// A stop after this takes the same away again at the next start, which
		// changes nothing.
		if err := e.out.Send(ctx, d.topic, retired); err != nil {
			return err
		}
		if err := sleep(ctx, nil, devicePause); err != nil {
			return err
		}
	}
	d.shown.Topic, d.shown.Document, d.shown.Albums = d.topic, document, albums
	// A stop after this publishes the document at the next start, changed or not.
	if err := e.store.SaveState(ctx, e.cfg.Name, deviceLedger, d.shown); err != nil {
		return err
	}
	d.told = true
	return e.out.Retain(d.topic, document)
}

// albums are those that are images. Until Google has listed the albums in this
// run they are the former ones, or each restart would take them away, and with
// them what people have set up for them.
func (d *device) albums() []mqttapi.Album {
	e := d.entry
	if e.link.State().Status == auth.Unlinked {
		return nil
	}
	if albums, ok := e.listings.pictured(); ok {
		return albums[:min(len(albums), e.cfg.AlbumImages)]
	}
	return d.shown.Albums[:min(len(d.shown.Albums), e.cfg.AlbumImages)]
}

// document is cut to what may be published; the oldest albums go.
func (d *device) document(albums []mqttapi.Album) []byte {
	e := d.entry
	for {
		document := mqttapi.Discovery(mqttapi.Device{
			Topics: e.topics, Name: e.cfg.DisplayName, Version: e.cfg.Version, SupportURL: projectURL,
			LinkURL: e.link.State().URL, // while an account is being linked, the device's "Visit" leads to where that goes on
			Albums:  albums,
		})
		if len(document) <= e.cfg.MaxPublish || len(albums) == 0 {
			return document
		}
		albums = albums[:len(albums)-1]
	}
}

// pictured are the listed albums that have a picture, newest first, by id and
// title; false before Google has listed them.
func (l *listings) pictured() ([]mqttapi.Album, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var albums []mqttapi.Album
	for _, a := range l.albums {
		s := l.shelves[a.ID]
		if s != nil && (a.Items > 0 || len(s.ids) > 0) {
			albums = append(albums, mqttapi.Album{ID: a.ID, Title: a.Title})
		}
	}
	return slices.Clip(albums), !l.albumsAt.IsZero()
}
