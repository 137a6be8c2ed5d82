package mqttapi

import "encoding/json"

// Album is an album as the documents show it.
type Album struct {
	ID               string `json:"id"`
	Title            string `json:"title"`
	Items            int64  `json:"items"`
	Writeable        bool   `json:"writeable"`
	ProductURL       string `json:"product_url"`
	CoverURL         string `json:"cover_url"` // "" without a cover
	CoverMediaItemID string `json:"cover_media_item_id"`
}

// Item is a photo or video as the documents show it. URL, ThumbnailURL and DownloadURL work without a login for 60 minutes
// after Google gave them, so the listing says when they expire; all three are "" while Google has none.
// Source: https://developers.google.com/photos/library/guides/access-media-items#base-urls
type Item struct {
	ID           string `json:"id"`
	FileName     string `json:"filename"`
	Description  string `json:"description"`
	MIMEType     string `json:"mime_type"`
	Created      Time   `json:"created"`
	Width        int64  `json:"width"`  // pixels
	Height       int64  `json:"height"` // pixels
	Camera       string `json:"camera"`
	ProductURL   string `json:"product_url"`
	URL          string `json:"url"`           // the picture at 2048 pixels, or the video
	ThumbnailURL string `json:"thumbnail_url"` // a picture at 512 pixels, also of a video
	DownloadURL  string `json:"download_url"`  // the full file
	Video        *Video `json:"video"`         // nil for a photo
}

// Video is what only a video has.
type Video struct {
	FPS    float64 `json:"fps"`
	Status string  `json:"status"` // PROCESSING, READY or FAILED, as Google says it
}

// AlbumList is the retained document on E/albums.
type AlbumList struct {
	Updated Time
	// Count is how many albums there are. It is at least the number of Albums, which is what 0 means.
	Count  int
	Albums []Album // newest first
}

// Listing is the retained document on E/media and E/albums/<album id>.
type Listing struct {
	Updated Time
	Expires Time // when the URLs of the items stop working
	// Count is how many items there are. It is at least the number of Items, which is what 0 means.
	Count int
	Album *Album // nil on E/media
	Items []Item // newest first
}

// Encode writes the document in at most limit bytes, 0 for no limit: the oldest albums are cut when it would be larger,
// and "truncated" says so.
func (l AlbumList) Encode(limit int) ([]byte, error) {
	return fit(limit, l.Albums, func(kept []json.RawMessage, cut bool) any {
		return struct {
			Updated   Time              `json:"updated"`
			Count     int               `json:"count"`
			Truncated bool              `json:"truncated"`
			Albums    []json.RawMessage `json:"albums"`
		}{l.Updated, max(l.Count, len(l.Albums)), cut, kept}
	})
}

// Encode writes the document in at most limit bytes, 0 for no limit: the oldest items are cut when it would be larger,
// and "truncated" says so.
func (l Listing) Encode(limit int) ([]byte, error) {
	return fit(limit, l.Items, func(kept []json.RawMessage, cut bool) any {
		return struct {
			Updated   Time              `json:"updated"`
			Expires   Time              `json:"expires"`
			Count     int               `json:"count"`
			Truncated bool              `json:"truncated"`
			Album     *Album            `json:"album,omitempty"`
			Items     []json.RawMessage `json:"items"`
		}{l.Updated, l.Expires, max(l.Count, len(l.Items)), cut, l.Album, kept}
	})
}
