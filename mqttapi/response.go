package mqttapi

import "encoding/json"

// Response is the message on E/response/<verb>: Data, or an Error.
type Response struct {
	Transaction json.RawMessage // of the command; nil is null
	// Data is one of the types below, whichever belongs to the verb; nil for a verb that answers nothing but "ok".
	Data  any
	Error *Error
}

// Encode writes the message in at most limit bytes, 0 for no limit: a list that would be larger is cut at its end, and
// "truncated" says so.
func (r Response) Encode(limit int) ([]byte, error) {
	type message struct {
		Status      string          `json:"status"`
		Data        any             `json:"data,omitempty"`
		Error       *Error          `json:"error,omitempty"`
		Transaction json.RawMessage `json:"transaction"`
	}
	if r.Error != nil {
		return encode(message{Status: "error", Error: r.Error, Transaction: r.Transaction})
	}
	wrap := func(data any) any {
		return message{Status: "ok", Data: data, Transaction: r.Transaction}
	}
	switch data := r.Data.(type) {
	case nil:
		return encode(wrap(struct{}{}))
	case AlbumsData:
		return data.fit(limit, wrap)
	case MediaData:
		return data.fit(limit, wrap)
	case GotData:
		return data.fit(limit, wrap)
	case JobsData:
		return data.fit(limit, wrap)
	default:
		return encode(wrap(data))
	}
}

// AlbumsData is the data of VerbAlbums.
type AlbumsData struct {
	Albums        []Album
	NextPageToken string // "" on the last page
}

// AlbumData is the data of VerbAlbumCreate and VerbAlbumUpdate.
type AlbumData struct {
	Album Album `json:"album"`
}

// CountData is the data of VerbAlbumAdd and VerbAlbumRemove.
type CountData struct {
	AlbumID   string `json:"album_id"`
	Requested int    `json:"requested"` // items
	Done      int    `json:"done"`      // items
	Failed    int    `json:"failed"`    // items, of calls that Google refused as a whole
	Error     *Error `json:"error"`     // why some failed, the last reason; nil when none did
}

// EnrichmentData is the data of VerbAlbumEnrich.
type EnrichmentData struct {
	EnrichmentID string `json:"enrichment_id"`
}

// MediaData is the data of VerbMedia.
type MediaData struct {
	Items         []Item
	Expires       Time   // when the URLs of the items stop working
	NextPageToken string // "" on the last page
}

// GotData is the data of VerbMediaGet, in the order of the request.
type GotData struct {
	Items     []GotItem
	Requested int  // items
	Expires   Time // when the URLs of the items stop working
}

// GotItem is one item of GotData. With an Error, only the ID of the Item counts.
type GotItem struct {
	Item
	Error *Error
}

// ItemData is the data of VerbMediaUpdate.
type ItemData struct {
	Item Item `json:"item"`
}

// SavedData is the data of VerbMediaSave.
type SavedData struct {
	Path  string `json:"path"`
	Bytes int64  `json:"bytes"`
}

// RefreshData is the data of VerbRefresh: how much was published.
type RefreshData struct {
	Albums int `json:"albums"`
	Items  int `json:"items"`
}

// LinkData is the data of VerbLink.
type LinkData struct {
	URL        string `json:"url"`         // to open in a browser, once
	ConsentURL string `json:"consent_url"` // Google's own page, for a browser that does not reach URL
	Expires    Time   `json:"expires"`
}

// AccountData is the data of VerbLinkFinish.
type AccountData struct {
	Account Account `json:"account"`
}

// JobsData is the data of VerbJobs, oldest first.
type JobsData struct{ Jobs []Job }

// JobData is the data of VerbJobCancel and VerbJobRetry.
type JobData struct {
	Job Job `json:"job"`
}

// Job is an upload that is queued, or that failed and can be tried again.
type Job struct {
	Job         string          `json:"job"`
	ID          *string         `json:"id"`
	Transaction json.RawMessage `json:"transaction"`
	Status      Status          `json:"status"`
	Received    Time            `json:"received"`
	Album       string          `json:"album"` // title, or id when the command had one
	Files       int             `json:"files"`
	Done        int             `json:"done"` // files
	Bytes       int64           `json:"bytes"`
	Attempts    int             `json:"attempts"`
	Waits       *Hold           `json:"waits"` // why it waits; nil when it does not
}
