package bridge

import (
	"context"
	"slices"
	"time"

	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos"
)

// publishListings publishes what has changed. Its error is the store's.
func (e *Entry) publishListings(ctx context.Context) error {
	docs := e.listings.documents(time.Now())
	if docs.media != nil {
		e.publish(e.topics.Media(), *docs.media)
	}
	if docs.albums != nil {
		if err := e.saveListed(ctx, docs.listed); err != nil {
			return err
		}
		e.publish(e.topics.Albums(), *docs.albums)
	}
	for id, doc := range docs.shelves {
		e.publish(e.topics.Album(id), doc)
	}
	return e.saveShelves(ctx)
}

// publish cuts a document to what may be published, and retains it. One that the
// broker does not take stays as it was: the next one may be smaller.
func (e *Entry) publish(topic string, doc interface {
	Encode(limit int) ([]byte, error)
},
) {
	payload, err := doc.Encode(e.cfg.MaxPublish)
	if err == nil {
		err = e.out.Retain(topic, payload)
	}
	if err != nil {
		e.log.WithError(err).WithField("op", "publish listing").Error("listing is not published")
	}
}

// documents are what is to be published; nil = unchanged.
type documents struct {
	albums  *mqttapi.AlbumList
	listed  []string // ids of albums with a listing, sorted
	media   *mqttapi.Listing
	shelves map[string]mqttapi.Listing
}

// documents takes what has changed since the last time and is known well enough.
func (l *listings) documents(now time.Time) documents {
	l.mu.Lock()
	defer l.mu.Unlock()
	docs := documents{shelves: map[string]mqttapi.Listing{}}
	if l.library.dirty && !l.libraryAt.IsZero() && l.known(&l.library) {
		doc := l.listing(&l.library, now)
		docs.media = &doc
	}
	if l.albumsAt.IsZero() {
		return docs
	}
	if l.dirty {
		l.dirty = false
		docs.albums = &mqttapi.AlbumList{Updated: mqttapi.At(now), Count: len(l.albums), Albums: mapped(l.albums, albumView)}
		for id := range l.shelves {
			docs.listed = append(docs.listed, id)
		}
		slices.Sort(docs.listed)
	}
	for _, a := range l.albums {
		if s := l.shelves[a.ID]; s != nil && s.dirty && l.known(s) {
			docs.shelves[a.ID] = l.albumListing(s, a, now)
		}
	}
	return docs
}

// known is called with mu held: whether Google has said what the listing shows.
func (l *listings) known(s *shelf) bool {
	if s != &l.library && s.readAt.IsZero() && len(s.ids) == 0 {
		return false
	}
	waits := func(id string) bool { return l.items[id].asked.IsZero() }
	return s.blank || !slices.ContainsFunc(s.ids, waits) && len(s.incoming) == 0
}

// albumListing is called with mu held.
func (l *listings) albumListing(s *shelf, a photos.Album, now time.Time) mqttapi.Listing {
	doc := l.listing(s, now)
	album := albumView(a)
	doc.Album, doc.Count = &album, int(a.Items)
	if cover := expiry(l.albumsAt); a.CoverURL != "" && (doc.Expires.IsZero() || cover.Before(doc.Expires.Time)) {
		doc.Expires = cover
	}
	return doc
}

// listing is called with mu held; what is only in the ledger has nothing to show yet.
func (l *listings) listing(s *shelf, now time.Time) mqttapi.Listing {
	s.dirty, s.blank = false, false
	doc := mqttapi.Listing{Updated: mqttapi.At(now), Items: make([]mqttapi.Item, 0, len(s.ids))}
	var oldest time.Time
	for _, id := range s.ids {
		item := l.items[id]
		if item.ID == "" {
			continue
		}
		doc.Items = append(doc.Items, itemView(item.Item))
		if item.BaseURL != "" && (oldest.IsZero() || item.at.Before(oldest)) {
			oldest = item.at
		}
	}
	doc.Expires = expiry(oldest)
	return doc
}

// begin returns what settle takes once all that is wanted now is out.
func (l *listings) begin() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.wanted
}

// settle says that there is nothing left to ask of Google: items that are on no
// shelf are forgotten, and awaitFresh goes on.
func (l *listings) settle(gen int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	listed := map[string]bool{l.newest: true}
	for _, s := range l.each() {
		for _, id := range s.ids {
			listed[id] = true
		}
		for _, id := range s.incoming {
			listed[id] = true
		}
	}
	for id := range l.items {
		if !listed[id] {
			delete(l.items, id)
		}
	}
	if l.done != gen {
		l.done = gen
		close(l.fresh)
		l.fresh = make(chan struct{})
	}
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
	listed := map[string]bool{}
	for _, s := range l.each() {
		for _, id := range s.ids {
			listed[id] = true
		}
	}
	return mqttapi.RefreshData{Albums: len(l.albums), Items: len(listed)}
}
