package library

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos"
)

const (
	urlLife    = time.Hour       // a base URL works so long: https://developers.google.com/photos/library/guides/access-media-items#base-urls
	takenBack  = time.Minute     // how long before its end an address that could not be renewed is taken back, for readers opening it
	clearLimit = 2 * time.Second // how long the listings wait for the broker to clear others

	listedRecord  = "listed"   // ids, sorted, of the albums that may have a retained listing at the broker, also of an earlier run
	listingRecord = "listing-" // begins the names of what is known of each listing
)

func takeBack(at time.Time) time.Time { return at.Add(urlLife - takenBack) }

func (d document) dying(now time.Time) bool { return !d.dies.IsZero() && !now.Before(d.dies) }

// nextDeath is when an address has to be taken back next; zero = there is none.
func (c *cache) nextDeath() time.Time {
	first := c.index.dies
	for _, a := range c.listings() {
		first = earliest(first, a.dies)
	}
	return first
}

type publication struct {
	topic string
	doc   interface {
		Encode(limit int) ([]byte, error)
	}
}

// publish publishes what has changed, and then saves it. A stop in between has the next run notice the changes at Google: by the album's
// count, or on the library's first page. Its error is the store's.
func (l *Library) publish(ctx context.Context) error {
	l.mu.Lock()
	docs, listed := l.cache.publications(l.cfg.Topics, time.Now(), l.failures > 0)
	records := l.cache.records()
	l.mu.Unlock()
	if listed != nil {
		if err := l.saveListed(ctx, listed); err != nil {
			return err
		}
	}
	for _, p := range docs {
		payload, err := p.doc.Encode(l.cfg.MaxPublish())
		if err == nil {
			err = l.cfg.Out.Retain(p.topic, payload)
		}
		if err != nil { // the broker keeps what it has; the next one may be smaller
			l.cfg.Log.WithError(err).WithField("op", "publish listing").Error("listing is not published")
		}
	}
	if len(docs) > 0 {
		l.cfg.Changed()
	}
	for name, r := range records {
		if err := l.cfg.Store.SaveState(ctx, l.cfg.Topics.Entry, name, r); err != nil {
			return err
		}
	}
	return nil
}

// publications take what differs from what is published and is known well enough: Google has said all that it shows, or what is published
// dies. listed are the ids of all albums with a listing, sorted; nil = unchanged. What failed is not waited for.
func (c *cache) publications(t mqttapi.Topics, now time.Time, failing bool) (docs []publication, listed []string) {
	if c.index.stale && !c.albumsAt.IsZero() || c.index.dying(now) {
		c.index = document{}
		doc := mqttapi.AlbumList{Updated: mqttapi.At(now), Count: len(c.albums), Albums: make([]mqttapi.Album, len(c.albums))}
		for i, a := range c.albums {
			doc.Albums[i] = c.coverView(a, &c.index, now)
		}
		docs, listed = append(docs, publication{t.Albums(), doc}), []string{}
	}
	for _, a := range c.listings() {
		topic, known := t.Album(a.ID), !c.albumsAt.IsZero() && (a.Read || len(a.ids) > 0)
		if a == &c.library {
			topic, known = t.Media(), a.Read
		} else if listed != nil {
			listed = append(listed, a.ID)
		}
		waits := slices.ContainsFunc(a.ids, func(id string) bool { return c.items[id].asked.IsZero() })
		renewed := a.fresher && (failing || !c.settling(a, now))
		if a.dying(now) || (a.stale || renewed) && known && !waits {
			docs = append(docs, publication{topic, c.listingView(a, now)})
		}
	}
	slices.Sort(listed)
	return docs, listed
}

// coverView shows an album in a document, without a cover whose address dies.
func (c *cache) coverView(a *album, in *document, now time.Time) mqttapi.Album {
	shown, dies := a.Album, takeBack(c.albumsAt)
	if !now.Before(dies) {
		shown.CoverURL = ""
	} else if shown.CoverURL != "" {
		in.dies = earliest(in.dies, dies)
	}
	return AlbumView(shown)
}

// listingView shows a listing without addresses that die. Of what is only in the record there is nothing to show yet.
func (c *cache) listingView(a *album, now time.Time) mqttapi.Listing {
	a.document = document{}
	doc := mqttapi.Listing{Updated: mqttapi.At(now), Sizes: sizes, Items: make([]mqttapi.ListedItem, 0, len(a.ids))}
	if a != &c.library {
		doc.Album, doc.Count = new(c.coverView(a, &a.document, now)), int(a.Items)
	}
	for _, id := range a.ids {
		i := c.items[id]
		if dies := takeBack(i.at); !now.Before(dies) {
			i.BaseURL = ""
		} else if i.BaseURL != "" {
			a.dies = earliest(a.dies, dies)
		}
		if i.ID != "" {
			doc.Items = append(doc.Items, listedView(i.Item))
		}
	}
	if !a.dies.IsZero() {
		doc.Expires = mqttapi.At(a.dies.Add(takenBack))
	}
	return doc
}

// AlbumView is an album as the contract shows it.
func AlbumView(a photos.Album) mqttapi.Album {
	return mqttapi.Album{
		ID: a.ID, Title: a.Title, Items: a.Items, Writeable: a.Writeable, ProductURL: a.ProductURL,
		CoverURL: a.CoverThumbnailURL(), CoverMediaItemID: a.CoverItemID,
	}
}

// ItemView is an item as the answers show it.
func ItemView(i photos.Item) mqttapi.Item {
	v := mqttapi.Item{
		About: about(i), URL: i.ViewURL(), ThumbnailURL: i.ThumbnailURL(), DownloadURL: i.DownloadURL(), Video: videoView(i),
	}
	if i.Video != nil && Unfinished(i) { // there is nothing to play yet
		v.URL, v.DownloadURL = "", ""
	}
	return v
}

// sizes are what a reader of a listing puts behind a base URL.
var sizes = mqttapi.Sizes{
	URL: photos.SuffixView, ThumbnailURL: photos.SuffixThumbnail, DownloadURL: photos.SuffixPhoto, VideoURL: photos.SuffixVideo,
}

// listedView is an item as the listings show it, without an address while not every one of the sizes would work.
func listedView(i photos.Item) mqttapi.ListedItem {
	v := mqttapi.ListedItem{About: about(i), BaseURL: string(i.BaseURL), Video: videoView(i)}
	if Unfinished(i) {
		v.BaseURL = ""
	}
	return v
}

func about(i photos.Item) mqttapi.About {
	return mqttapi.About{
		ID: i.ID, FileName: i.FileName, Description: i.Description, MIMEType: i.MIMEType, Created: mqttapi.At(i.Created),
		Width: i.Width, Height: i.Height, Camera: i.Camera, ProductURL: i.ProductURL,
	}
}

func videoView(i photos.Item) *mqttapi.Video {
	if i.Video == nil {
		return nil
	}
	return &mqttapi.Video{FPS: i.Video.FPS, Status: i.Video.Status}
}

// Unfinished tells an item that Google still works on.
func Unfinished(i photos.Item) bool {
	if i.Video == nil {
		return i.BaseURL == ""
	}
	return i.Video.Status != photos.VideoFailed && (i.BaseURL == "" || i.Video.Status == photos.VideoProcessing)
}

// Expiry is when the addresses die that Google gave at a time.
func Expiry(at time.Time) mqttapi.Time { return mqttapi.At(at.Add(urlLife)) }

// A record is what the store keeps of a listing. No address is kept: Google forbids it, and they live an hour.
// Source: https://developers.google.com/photos/library/guides/best-practices#caching
type record struct {
	Account string `json:"account"`
	Count   int64  `json:"count,omitempty"` // items in the album
	kept
	Items []itemRecord `json:"items"`
}

type itemRecord struct {
	ID       string    `json:"id"`
	Created  time.Time `json:"created,omitzero"`
	Uploaded time.Time `json:"uploaded,omitzero"`
}

// recordName names the record of a listing. Google's ids may have letters that the store's names cannot have.
func recordName(albumID string) string {
	if albumID == "" {
		return listingRecord + "library"
	}
	sum := sha256.Sum256([]byte(albumID))
	return listingRecord + hex.EncodeToString(sum[:12])
}

// ListedAlbums returns the ids of the albums that may have a retained listing of an entry, which need not exist any more.
func ListedAlbums(ctx context.Context, s *store.Store, entry string) ([]string, error) {
	var listed []string
	_, err := s.LoadState(ctx, entry, listedRecord, &listed)
	return listed, err
}

// restore takes a record over; every address has to be asked for.
func (c *cache) restore(albumID string, r record) {
	a := &c.library
	if albumID != "" { // until Google lists the albums, this one stands for itself
		a = &album{Album: photos.Album{ID: albumID, Items: r.Count}, listed: true}
		c.albums = append(c.albums, a)
	}
	a.stale, a.kept = true, r.kept
	for _, i := range r.Items {
		a.ids = append(a.ids, i.ID)
		c.items[i.ID] = item{Item: photos.Item{Created: i.Created}, uploaded: i.Uploaded}
	}
	c.arrange(a)
	a.unsaved = len(a.ids) < len(r.Items)
	a.Due = a.Due || a.More && len(a.ids) < c.cfg.Items // the setting may be a larger one now
}

func (c *cache) records() map[string]record {
	records := map[string]record{}
	for _, a := range c.listings() {
		if !a.unsaved {
			continue
		}
		r := record{Account: c.account, Count: a.Items, kept: a.kept, Items: make([]itemRecord, len(a.ids))}
		for i, id := range a.ids {
			r.Items[i] = itemRecord{id, c.items[id].Created, c.items[id].uploaded}
		}
		records[recordName(a.ID)], a.unsaved = r, false
	}
	return records
}

// saveListed notes which albums have a listing before the first of them is published, and clears those of others. One that the broker
// does not confirm stays noted, and is cleared the next time.
func (l *Library) saveListed(ctx context.Context, listed []string) error {
	before, err := ListedAlbums(ctx, l.cfg.Store, l.cfg.Topics.Entry)
	if err != nil || slices.Equal(before, listed) {
		return err
	}
	clearing, cancel := context.WithTimeout(ctx, clearLimit)
	defer cancel()
	for _, id := range slices.DeleteFunc(before, func(id string) bool { return slices.Contains(listed, id) }) {
		if err := l.cfg.Store.DeleteState(ctx, l.cfg.Topics.Entry, recordName(id)); err != nil {
			return err
		}
		topic := l.cfg.Topics.Album(id)
		if errors.Join(l.cfg.Out.Retain(topic, nil), l.cfg.Out.Clear(clearing, topic)) != nil {
			listed = append(listed, id)
		}
	}
	slices.Sort(listed)
	// A stop before this save clears the same topics again.
	return l.cfg.Store.SaveState(ctx, l.cfg.Topics.Entry, listedRecord, listed)
}
