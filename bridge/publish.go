package bridge

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gphotos2mqtt/mqttapi"
)

// listedLedger is the record of the albums that have a retained listing at the
// broker, so that one that is gone can be cleared by a later run.
const listedLedger = "listed"

// publishListings publishes what has changed.
func (e *Entry) publishListings(ctx context.Context, gen int) error {
	now := time.Now()
	docs := e.listings.documents(now)
	if docs.albums != nil {
		if err := e.publish(e.topics.Albums(), *docs.albums); err != nil {
			return err
		}
		if err := e.clearGone(ctx, docs.listed); err != nil {
			return err
		}
		wake(e.device) // which shows albums
	}
	if docs.media != nil {
		if err := e.publish(e.topics.Media(), *docs.media); err != nil {
			return err
		}
	}
	for id, doc := range docs.shelves {
		if err := e.publish(e.topics.Album(id), doc); err != nil {
			return err
		}
	}
	e.listings.published(gen)
	return nil
}

// publish cuts a document to what may be published, and retains it.
func (e *Entry) publish(topic string, doc interface {
	Encode(limit int) ([]byte, error)
},
) error {
	payload, err := doc.Encode(e.cfg.MaxPublish)
	if err != nil {
		return err
	}
	if err := e.out.Retain(topic, payload); err != nil {
		return fmt.Errorf("publish listing: %w", err)
	}
	return nil
}

// clearGone clears the listings of albums that have none any more.
func (e *Entry) clearGone(ctx context.Context, listed []string) error {
	var before []string
	if _, err := e.store.LoadState(ctx, e.cfg.Name, listedLedger, &before); err != nil {
		return fmt.Errorf("load listed albums: %w", err)
	}
	slices.Sort(before)
	if slices.Equal(before, listed) {
		return nil
	}
	for _, id := range before {
		if slices.Contains(listed, id) {
			continue
		}
		if err := e.out.Retain(e.topics.Album(id), nil); err != nil {
			return fmt.Errorf("clear listing: %w", err)
		}
	}
	// A stop before this save clears the same topics again.
	if err := e.store.SaveState(ctx, e.cfg.Name, listedLedger, listed); err != nil {
		return fmt.Errorf("save listed albums: %w", err)
	}
	return nil
}

// documents are what is to be published; nil = unchanged.
type documents struct {
	albums  *mqttapi.AlbumList
	listed  []string // ids of albums with a listing, sorted
	media   *mqttapi.Listing
	shelves map[string]mqttapi.Listing
}

// documents takes what has changed since the last time.
func (l *listings) documents(now time.Time) documents {
	l.mu.Lock()
	defer l.mu.Unlock()
	docs := documents{shelves: map[string]mqttapi.Listing{}}
	if l.dirty {
		docs.albums = &mqttapi.AlbumList{Updated: mqttapi.At(now), Count: len(l.albums), Albums: mapped(l.albums, albumView)}
		for id := range l.shelves {
			docs.listed = append(docs.listed, id)
		}
		slices.Sort(docs.listed)
	}
	if l.library.dirty {
		doc := l.listing(&l.library, now)
		docs.media = &doc
	}
	for _, a := range l.albums {
		s := l.shelves[a.ID]
		if s == nil || !s.dirty {
			continue
		}
		doc := l.listing(s, now)
		album := albumView(a)
		doc.Album, doc.Count = &album, int(a.Items)
		docs.shelves[a.ID] = doc
		s.dirty = false
	}
	l.dirty, l.library.dirty = false, false
	return docs
}

// listing is called with mu held.
func (l *listings) listing(s *shelf, now time.Time) mqttapi.Listing {
	doc := mqttapi.Listing{Updated: mqttapi.At(now), Items: make([]mqttapi.Item, 0, len(s.ids))}
	oldest := now
	for _, id := range s.ids {
		item := l.items[id]
		doc.Items = append(doc.Items, itemView(item.Item))
		if item.at.Before(oldest) {
			oldest = item.at
		}
	}
	doc.Expires = expiry(oldest)
	return doc
}

// published forgets items that are on no shelf and lets awaitFresh go on.
func (l *listings) published(gen int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	listed := map[string]bool{}
	for _, s := range l.all() {
		for _, id := range s.ids {
			listed[id] = true
		}
	}
	for id := range l.items {
		if !listed[id] && id != l.newest {
			delete(l.items, id)
		}
	}
	l.done = gen
	close(l.fresh)
	l.fresh = make(chan struct{})
}

// awaitFresh waits until what was asked for by again is published.
func (l *listings) awaitFresh(ctx context.Context, gen int) error {
	for {
		l.mu.Lock()
		done, fresh := l.done, l.fresh
		l.mu.Unlock()
		if done >= gen {
			return nil
		}
		if err := sleep(ctx, fresh, 0); err != nil {
			return err
		}
	}
}

// counts tells how much is published.
func (l *listings) counts() mqttapi.RefreshData {
	l.mu.Lock()
	defer l.mu.Unlock()
	return mqttapi.RefreshData{Albums: len(l.albums), Items: len(l.items)}
}
