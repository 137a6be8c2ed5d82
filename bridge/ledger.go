package bridge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/photos"
)

const (
	// listedLedger is the record of the albums that may have a retained listing at
	// the broker: their ids, sorted. One that is gone can be cleared by a later run.
	listedLedger = "listed"
	// shelfLedger begins the names of the records of what each listing shows.
	shelfLedger = "shelf-"
)

// A shelfRecord is what the store keeps of a listing. No address is kept: Google
// forbids it, and they live an hour.
// Source: https://developers.google.com/photos/library/guides/best-practices#caching
type shelfRecord struct {
	Account string       `json:"account"`
	Read    time.Time    `json:"read"`
	More    bool         `json:"more,omitempty"`
	Due     bool         `json:"due,omitempty"`
	Sorted  bool         `json:"sorted,omitempty"`
	Count   int64        `json:"count,omitempty"`
	Changed time.Time    `json:"changed,omitzero"`
	Items   []itemRecord `json:"items"`
}

// An itemRecord is an item's place in the order.
type itemRecord struct {
	ID       string    `json:"id"`
	Created  time.Time `json:"created"`
	Uploaded time.Time `json:"uploaded,omitzero"`
}

// loadListings returns what the ledger knows of an account's listings, so that a
// restart reads no album again.
func loadListings(ctx context.Context, cfg EntryConfig, account string) (*listings, error) {
	l := newListings(cfg)
	l.account = account
	var listed []string
	if _, err := cfg.Store.LoadState(ctx, cfg.Name, listedLedger, &listed); err != nil {
		return nil, fmt.Errorf("load listed albums: %w", err)
	}
	for _, id := range append([]string{""}, listed...) {
		var r shelfRecord
		found, err := cfg.Store.LoadState(ctx, cfg.Name, shelfKey(id), &r)
		if err != nil && !errors.Is(err, store.ErrDamaged) { // one that is damaged is read from Google again
			return nil, fmt.Errorf("load listing: %w", err)
		}
		if err == nil && found && account != "" && r.Account == account {
			l.restore(id, r)
		}
	}
	return l, nil
}

// restore takes a record over; every address has to be asked for.
func (l *listings) restore(id string, r shelfRecord) {
	s := &shelf{
		readAt: r.Read, more: r.More, due: r.Due, sorted: r.Sorted, count: r.Count, changed: r.Changed,
		dirty: true, unsaved: len(r.Items) > l.max,
	}
	for _, i := range r.Items[:min(len(r.Items), l.max)] {
		s.ids = append(s.ids, i.ID)
		l.items[i.ID] = seen{Item: photos.Item{Created: i.Created}, uploaded: i.Uploaded}
	}
	s.more = s.more || len(r.Items) > l.max
	s.due = s.due || s.more && len(s.ids) < l.max // the setting is a larger one now
	if id == "" {
		l.library = *s
		return
	}
	l.shelves[id] = s
	// Until Google lists the albums, this one stands for itself.
	l.albums = append(l.albums, photos.Album{ID: id})
}

// saveShelves writes down what has changed. A stop before it has the next run
// notice the changes at Google: by the album's count, or on the library's first page.
func (e *Entry) saveShelves(ctx context.Context) error {
	for id, r := range e.listings.unsaved() {
		if err := e.store.SaveState(ctx, e.cfg.Name, shelfKey(id), r); err != nil {
			return fmt.Errorf("save listing: %w", err)
		}
	}
	return nil
}

// unsaved takes out what the ledger does not have.
func (l *listings) unsaved() map[string]shelfRecord {
	l.mu.Lock()
	defer l.mu.Unlock()
	records := map[string]shelfRecord{}
	for id, s := range l.each() {
		if !s.unsaved {
			continue
		}
		s.unsaved = false
		r := shelfRecord{
			Account: l.account, Read: s.readAt, More: s.more, Due: s.due || len(s.incoming) > 0, Sorted: s.sorted,
			Count: s.count, Changed: s.changed, Items: make([]itemRecord, 0, len(s.ids)),
		}
		for _, id := range s.ids {
			item := l.items[id]
			r.Items = append(r.Items, itemRecord{id, item.Created, item.uploaded})
		}
		records[id] = r
	}
	return records
}

// saveListed notes which albums have a listing before the first of them is
// published, and clears the topics of those that have none any more, also of an
// earlier run. One that the broker does not confirm stays noted, and is cleared
// the next time.
func (e *Entry) saveListed(ctx context.Context, listed []string) error {
	var before []string
	if _, err := e.store.LoadState(ctx, e.cfg.Name, listedLedger, &before); err != nil {
		return fmt.Errorf("load listed albums: %w", err)
	}
	if slices.Equal(before, listed) {
		return nil
	}
	noted, there := slices.Clone(listed), true
	for _, id := range before {
		if slices.Contains(listed, id) {
			continue
		}
		if there { // otherwise the broker does not answer now
			var err error
			if there, err = e.clearListing(ctx, id); err != nil {
				return err
			}
		}
		if !there {
			noted = append(noted, id)
		}
	}
	slices.Sort(noted)
	// A stop before this save clears the same topics again.
	if err := e.store.SaveState(ctx, e.cfg.Name, listedLedger, noted); err != nil {
		return fmt.Errorf("save listed albums: %w", err)
	}
	return nil
}

// clearListing forgets an album's listing, and reports whether the broker has.
func (e *Entry) clearListing(ctx context.Context, id string) (bool, error) {
	if err := e.store.DeleteState(ctx, e.cfg.Name, shelfKey(id)); err != nil {
		return false, fmt.Errorf("forget listing: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, clearLimit)
	defer cancel()
	err := e.out.Retain(e.topics.Album(id), nil)
	if err == nil {
		err = e.out.Clear(ctx, e.topics.Album(id))
	}
	return err == nil, nil
}

// clearLimit is how long a listing waits for the broker to clear another one.
const clearLimit = time.Second

// shelfKey names the record of an album's listing, or of the library's. Google's
// ids may have letters that the store's names cannot have.
func shelfKey(albumID string) string {
	if albumID == "" {
		return shelfLedger + "library"
	}
	sum := sha256.Sum256([]byte(albumID))
	return shelfLedger + hex.EncodeToString(sum[:12])
}
