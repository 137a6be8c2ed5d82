package mqttapi

import (
	"slices"
	"strings"
)

// The limits of album requests.
const (
	// MaxAlbumPage is how many albums Google lists at once.
	// Source: https://developers.google.com/photos/library/reference/rest/v1/albums/list
	MaxAlbumPage = 50
	// MaxPageToken is the length of a page token in characters. Google states none.
	MaxPageToken = 4096
	// MaxIDs is how many items one request may name: as many as an album holds. Google takes 50 at a time.
	// Source: https://developers.google.com/photos/library/guides/manage-albums
	MaxIDs = 20000
	// MaxText is the length of a text put into an album, in characters. Google states none.
	MaxText = 10000
)

// AlbumRef names an album by its title or by its id, never by both.
type AlbumRef struct{ Title, ID string }

// ListAlbums is the body of VerbAlbums. PageSize 0 leaves the size to the bridge.
type ListAlbums struct {
	PageSize  int
	PageToken string
}

// CreateAlbum is the body of VerbAlbumCreate.
type CreateAlbum struct{ Title string }

// UpdateAlbum is the body of VerbAlbumUpdate. At least one of Title and CoverID is not "".
type UpdateAlbum struct {
	Album          AlbumRef
	Title, CoverID string
}

// AddItems is the body of VerbAlbumAdd: 1 to MaxIDs items, none twice.
type AddItems struct {
	Album AlbumRef
	IDs   []string
}

// RemoveItems is the body of VerbAlbumRemove: 1 to MaxIDs items, none twice.
type RemoveItems struct {
	Album AlbumRef
	IDs   []string
}

// EnrichAlbum is the body of VerbAlbumEnrich. Exactly one of Text, Location and Map is set.
type EnrichAlbum struct {
	Album    AlbumRef
	Text     string
	Location *Place
	Map      *Route
	Position Position
}

// Place is a named point on the map, in degrees.
type Place struct {
	Name                string
	Latitude, Longitude float64
}

// Route is the way from one place to another.
type Route struct{ From, To Place }

// Position says where in an album something is put. The zero value is its end.
type Position struct {
	First             bool
	AfterItem         string // id of a media item in the album
	AfterEnrichmentID string
}

func (ListAlbums) body()  {}
func (CreateAlbum) body() {}
func (UpdateAlbum) body() {}
func (AddItems) body()    {}
func (RemoveItems) body() {}
func (EnrichAlbum) body() {}

func readListAlbums(o *object) Body {
	return ListAlbums{PageSize: o.whole("page_size", MaxAlbumPage), PageToken: o.text("page_token", MaxPageToken)}
}

func readCreateAlbum(o *object) Body {
	o.need("title")
	return CreateAlbum{Title: o.text("title", MaxTitle)}
}

func readUpdateAlbum(o *object) Body {
	if !o.has("title") {
		o.chooseOne("title", "cover_media_item_id")
	}
	return UpdateAlbum{Album: o.album(), Title: o.text("title", MaxTitle), CoverID: o.text("cover_media_item_id", MaxGoogleID)}
}

func readAddItems(o *object) Body {
	return AddItems{Album: o.album(), IDs: o.itemIDs()}
}

func readRemoveItems(o *object) Body {
	return RemoveItems{Album: o.album(), IDs: o.itemIDs()}
}

func readEnrichAlbum(o *object) Body {
	b := EnrichAlbum{Album: o.album(), Position: o.position()}
	switch key := o.chooseOne("text", "location", "map"); key {
	case "text":
		if b.Text = o.prose(key, MaxText); b.Text == "" {
			o.fail("%q is empty.", key)
		}
	case "location":
		b.Location = new(o.placeAt(key))
	case "map":
		m := o.inner(key, "origin", "destination")
		b.Map = &Route{From: m.placeAt("origin"), To: m.placeAt("destination")}
	}
	return b
}

// album reads the album that a request is about.
func (o *object) album() AlbumRef {
	o.chooseOne("album", "album_id")
	return AlbumRef{Title: o.text("album", MaxTitle), ID: o.text("album_id", MaxGoogleID)}
}

// itemIDs reads the items that a request is about.
func (o *object) itemIDs() []string {
	o.need("media_item_ids")
	ids := o.texts("media_item_ids", MaxIDs, MaxGoogleID)
	seen := make(map[string]bool, len(ids))
	for _, id := range ids {
		if seen[id] {
			o.fail(`"media_item_ids" has %q twice.`, clip(id))
			break
		}
		seen[id] = true
	}
	return ids
}

// placeAt reads the place under key.
// Source: https://developers.google.com/photos/library/reference/rest/v1/albums/addEnrichment#Location
func (o *object) placeAt(key string) Place {
	p := o.inner(key, "name", "latitude", "longitude")
	for _, needed := range []string{"name", "latitude", "longitude"} {
		p.need(needed)
	}
	return Place{Name: p.text("name", MaxTitle), Latitude: p.decimal("latitude", -90, 90), Longitude: p.decimal("longitude", -180, 180)}
}

// position reads "first", "last", or an object that names what comes before.
func (o *object) position() Position {
	const key = "position"
	raw := o.given(key)
	if raw == nil {
		return Position{}
	}
	if raw[0] == '"' {
		word := o.word(key, "first", "last")
		return Position{First: word == "first"}
	}
	p := o.inner(key, "after_media_item_id", "after_enrichment_id")
	p.chooseOne("after_media_item_id", "after_enrichment_id")
	return Position{
		AfterItem:         p.text("after_media_item_id", MaxGoogleID),
		AfterEnrichmentID: p.text("after_enrichment_id", MaxGoogleID),
	}
}

// word reads a string that is one of words.
func (o *object) word(key string, words ...string) string {
	if !o.has(key) {
		return ""
	}
	return o.oneOf(o.place+key, o.text(key, MaxTitle), words)
}

func (o *object) oneOf(place, word string, words []string) string {
	if word != "" && !slices.Contains(words, word) {
		o.fail("%q is %q; possible are %s.", place, clip(word), strings.Join(words, ", "))
		return ""
	}
	return word
}
