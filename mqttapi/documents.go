package mqttapi

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The documents.
type (
	// State is the retained document on E/state: how the entry is, at a glance.
	State struct {
		Link       LinkState   `json:"link"`
		Queue      Queue       `json:"queue"`
		Hold       *Hold       `json:"hold"` // nil when nothing holds the uploads
		Quota      Quota       `json:"quota"`
		Totals     Totals      `json:"totals"`
		LastUpload *LastUpload `json:"last_upload"` // nil before the first
		LastError  *LastError  `json:"last_error"`  // nil before the first
		Problem    string      `json:"problem"`     // what is wrong with the bridge's data or a media folder, and what to do; else ""
	}
	// LinkState is the link to the Google account.
	LinkState struct {
		Status        LinkStatus `json:"status"`
		Account       *Account   `json:"account"`        // nil without one
		MissingScopes []string   `json:"missing_scopes"` // rights that were not ticked
		URL           string     `json:"url"`            // where to link the account, while linking; else ""
		Expires       Time       `json:"expires"`        // when URL stops working
		Problem       string     `json:"problem"`        // one sentence on why the last attempt to link came to nothing; else ""
	}
	// LinkStatus is how the link is.
	LinkStatus string
	// Account is a Google account.
	Account struct {
		ID    string `json:"id"`
		Name  string `json:"name"`
		Email string `json:"email"`
	}
	// Queue is what waits to be uploaded.
	Queue struct {
		Waiting int   `json:"waiting"` // files
		Active  int   `json:"active"`  // files
		Bytes   int64 `json:"bytes"`
		Oldest  Time  `json:"oldest"` // when the oldest command came; not set for an empty queue
		Waits   *Hold `json:"waits"`  // why the oldest file that cannot be read yet waits; nil when there is none
	}
	// Hold says why no upload moves, or why a file waits that cannot be read yet.
	Hold struct {
		Reason  HoldReason `json:"reason"`
		Message string     `json:"message"` // one sentence that a person can act on
		Until   Time       `json:"until"`   // when the bridge tries again; not set when it waits for a person
	}
	// HoldReason is why an entry waits.
	HoldReason string
	// Quota is the requests of the Google Cloud project, which all entries of one client id share.
	// Source: https://developers.google.com/photos/overview/api-limits-quotas
	Quota struct {
		RequestsToday int  `json:"requests_today"`
		RequestsLimit int  `json:"requests_limit"`
		Resets        Time `json:"resets"` // midnight Pacific time
	}
	// Totals counts files since the entry was set up.
	Totals struct {
		Uploaded int64 `json:"uploaded"`
		Failed   int64 `json:"failed"`
	}
	// LastUpload is the newest file that got into Google Photos.
	LastUpload struct {
		Time        Time   `json:"time"`
		Name        string `json:"name"`
		Album       string `json:"album"` // title; "" without an album
		MediaItemID string `json:"media_item_id"`
		ProductURL  string `json:"product_url"`
		Job         string `json:"job"`
	}
	// LastError is the newest error of the entry.
	LastError struct {
		Time    Time   `json:"time"`
		Code    Code   `json:"code"`
		Message string `json:"message"`
		Job     string `json:"job"` // "" when it is not about one upload
	}
	// AlbumList is the retained document on E/albums.
	AlbumList struct {
		Updated   Time    `json:"updated"`
		Count     int     `json:"count"`     // of all albums; Encode raises it to the number of Albums
		Truncated bool    `json:"truncated"` // set by Encode
		Albums    []Album `json:"albums"`    // newest first
	}
	// Album is an album as the documents show it.
	Album struct {
		ID               string `json:"id"`
		Title            string `json:"title"`
		Items            int64  `json:"items"`
		Writeable        bool   `json:"writeable"`
		ProductURL       string `json:"product_url"`
		CoverURL         string `json:"cover_url"` // "" without a cover
		CoverMediaItemID string `json:"cover_media_item_id"`
	}
	// Listing is the retained document on E/media and E/albums/<album id>.
	Listing struct {
		Updated   Time         `json:"updated"`
		Expires   Time         `json:"expires"`        // when the base URLs of the items stop working
		Count     int          `json:"count"`          // of all items; Encode raises it to the number of Items
		Truncated bool         `json:"truncated"`      // set by Encode
		Sizes     Sizes        `json:"sizes"`          // what makes an address of a base URL
		Album     *Album       `json:"album,omitzero"` // nil on E/media
		Items     []ListedItem `json:"items"`          // newest first
	}
	// Sizes are what is put behind an item's base URL, once for the whole document: a base URL has some 870 characters.
	// Source: https://developers.google.com/photos/library/guides/access-media-items#base-urls
	Sizes struct {
		URL          string `json:"url"`           // a picture at 2048 pixels
		ThumbnailURL string `json:"thumbnail_url"` // a picture at 512 pixels, also of a video
		DownloadURL  string `json:"download_url"`  // the full file of a photo
		VideoURL     string `json:"video_url"`     // a video, to play or to keep
	}
	// ListedItem is a photo or video in a listing.
	ListedItem struct {
		About
		BaseURL string `json:"base_url"` // "" while Google has none, works on a video, or has not been asked for too long
		Video   *Video `json:"video"`    // nil for a photo
	}
	// Item is a photo or video in an answer. Its URLs but ProductURL work without a login for 60 minutes after Google gave them, and are ""
	// while Google has none. Source: https://developers.google.com/photos/library/guides/access-media-items#base-urls
	Item struct {
		About
		URL          string `json:"url"`           // the picture at 2048 pixels, or the video
		ThumbnailURL string `json:"thumbnail_url"` // a picture at 512 pixels, also of a video
		DownloadURL  string `json:"download_url"`  // the full file
		Video        *Video `json:"video"`         // nil for a photo
	}
	// About is what is said of a photo or video beside its addresses.
	About struct {
		ID          string `json:"id"`
		FileName    string `json:"filename"`
		Description string `json:"description"`
		MIMEType    string `json:"mime_type"`
		Created     Time   `json:"created"`
		Width       int64  `json:"width"`  // pixels
		Height      int64  `json:"height"` // pixels
		Camera      string `json:"camera"`
		ProductURL  string `json:"product_url"`
	}
	// Video is what only a video has.
	Video struct {
		FPS    float64 `json:"fps"`
		Status string  `json:"status"` // PROCESSING, READY or FAILED, as Google says it
	}
	// Info is the retained document on gphotos/bridge/info: what runs here, and with which settings.
	Info struct {
		Version  string            `json:"version"`
		Started  Time              `json:"started"`
		Entries  []string          `json:"entries"`
		Notice   string            `json:"notice"`   // what is to be done, when there is no entry
		Settings map[string]string `json:"settings"` // by variable; secrets are left out, not masked
		Limits   Limits            `json:"limits"`
	}
	// Limits are the limits that a publisher has to keep to.
	Limits struct {
		Files       int   `json:"files"`       // of one command
		Photo       int64 `json:"photo"`       // bytes
		Video       int64 `json:"video"`       // bytes
		Publish     int   `json:"publish"`     // bytes, of what the bridge publishes
		SpoolCopy   int64 `json:"spool_copy"`  // bytes; a larger file is read where it is
		SpoolMax    int64 `json:"spool_max"`   // bytes
		Name        int   `json:"name"`        // characters
		Description int   `json:"description"` // characters
		Transaction int   `json:"transaction"` // bytes
	}
	// Health is the retained document on gphotos/bridge/health, once a minute, for monitoring.
	Health struct {
		Time        Time                  `json:"time"`
		Uptime      int64                 `json:"uptime"`     // seconds
		Memory      int64                 `json:"memory"`     // bytes that the process has from the system
		Goroutines  int                   `json:"goroutines"` // of the Go runtime
		Connections map[string]Connection `json:"connections"`
		Counters    map[string]int64      `json:"counters"` // since the start, by what is counted
		Folders     map[string]Folder     `json:"folders"`  // the media folders, by path
		Problem     string                `json:"problem"`  // as in State
		Processes   map[string]Process    `json:"processes,omitzero"`
	}
	// Process is one of several that share the entries.
	Process struct {
		Machine    string `json:"machine"`
		Version    string `json:"version"`
		Started    Time   `json:"started"`
		Leads      bool   `json:"leads"`      // speaks for all
		Leaving    bool   `json:"leaving"`    // stops, and hands its entries over
		Entries    int    `json:"entries"`    // that it runs
		Connected  int    `json:"connected"`  // of these, to the broker
		Memory     int64  `json:"memory"`     // as in Health
		Goroutines int    `json:"goroutines"` // the same
		Problem    string `json:"problem"`    // as in State
	}
	// Connection is how one entry is connected to the broker.
	Connection struct {
		Connected  bool   `json:"connected"`
		Since      Time   `json:"since"`      // of the connection, or of its loss
		Reconnects int64  `json:"reconnects"` // since the start
		Problem    string `json:"problem"`    // one sentence; "" without one
	}
	// Folder is how a media folder does, as it showed when it was last used.
	Folder struct {
		Available bool   `json:"available"`
		Since     Time   `json:"since"`   // of that
		Problem   string `json:"problem"` // one sentence; "" without one
	}
	// LogLine is the message on gphotos/bridge/log: a warning or an error, never a secret. It is not retained.
	LogLine struct {
		Level   string `json:"level"` // warning or error
		Message string `json:"message"`
		Entry   string `json:"entry,omitzero"`
		Job     string `json:"job,omitzero"`
		Process string `json:"process,omitzero"`
		Time    Time   `json:"time"`
	}
)

// The words of the documents.
const (
	// The payloads of E/availability.
	Online  = "online"
	Offline = "offline"

	// The statuses of a link.
	LinkLinked   LinkStatus = "linked"
	LinkUnlinked LinkStatus = "unlinked" // no account, until somebody asks to link one
	LinkLinking  LinkStatus = "linking"  // somebody has asked; the address waits for a browser
	LinkRelink   LinkStatus = "relink"   // Google has ended the access; it must be given again

	// The reasons for a hold.
	HoldQuotaDaily  HoldReason = "quota_daily"  // the project's requests of the day are used up
	HoldRateLimited HoldReason = "rate_limited" // too many requests in a minute
	HoldStorageFull HoldReason = "storage_full" // the account has no storage left
	HoldRelink      HoldReason = "relink"       // the account must be linked, or linked again
	HoldOffline     HoldReason = "offline"      // Google cannot be reached

	HoldGoogleUnavailable   HoldReason = "google_unavailable"    // Google answers with faults of its own
	HoldAccessNotConfigured HoldReason = "access_not_configured" // the Google project, or the account, cannot use the API
	HoldClientRefused       HoldReason = "client_refused"        // Google does not take the OAuth client, or its secret
	HoldScopeMissing        HoldReason = "scope_missing"         // the account was linked without the right to upload

	// The reasons for which one file waits.
	WaitMissing    HoldReason = "file_missing"    // it is not there yet
	WaitUnfinished HoldReason = "file_unfinished" // it is being written
	WaitSilent     HoldReason = "folder_silent"   // its media folder does not answer
	WaitAway       HoldReason = "folder_away"     // its media folder is not there
	WaitTurn       HoldReason = "file_turn"       // others are read first, or its folder is slow
	WaitAfter      HoldReason = "file_after"      // it is uploaded, and is to be deleted or moved
	WaitRoom       HoldReason = "spool_full"      // the queue has no room for it
	WaitElsewhere  HoldReason = "file_elsewhere"  // it is on another machine
)

// Encode writes the document in at most limit bytes, 0 for no limit: the oldest albums are cut, and "truncated" says so.
func (l AlbumList) Encode(limit int) ([]byte, error) {
	l.Count = max(l.Count, len(l.Albums))
	return fit(limit, &l, &l.Albums, &l.Truncated)
}

// Encode is AlbumList.Encode for items.
func (l Listing) Encode(limit int) ([]byte, error) {
	l.Count = max(l.Count, len(l.Items))
	return fit(limit, &l, &l.Items, &l.Truncated)
}

// Time is a point in time as the contract writes it: RFC 3339, UTC, whole seconds; null when it is not set.
type Time struct{ time.Time }

// At returns t as the contract writes it.
func At(t time.Time) Time { return Time{t} }

// MarshalJSON writes the time.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return t.UTC().AppendFormat(nil, `"`+time.RFC3339+`"`), nil
}

// Optional is a text that is null when it is empty.
type Optional string

// MarshalJSON writes the text.
func (o Optional) MarshalJSON() ([]byte, error) {
	if o == "" {
		return []byte("null"), nil
	}
	return Encode(string(o))
}

// Encode writes a document without its own Encode. No list or map becomes null; &, < and > stay: an escaped URL cannot be copied.
func Encode(document any) ([]byte, error) {
	text, err := jsonv2.Marshal(document, jsonv2.Deterministic(true), jsontext.AllowInvalidUTF8(true),
		jsontext.AllowDuplicateNames(true), jsontext.PreserveRawStrings(true)) // a transaction may have any of these
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", document, err)
	}
	return text, nil
}

// WithTransaction returns an encoded message with another transaction in it, nil for none: a repeated command is answered like the first.
func WithTransaction(message []byte, transaction json.RawMessage) ([]byte, error) {
	var old json.RawMessage
	var end int
	in := newReader(message)
	in.members("", func(key string) {
		if value := in.value(); key == keyTransaction {
			old, end = json.RawMessage(value), int(in.dec.InputOffset())
		}
	})
	if in.end(); in.err != nil || old == nil {
		return nil, fmt.Errorf("set the transaction of a message of %d bytes: %w", len(message), cmp.Or(in.err, error(NewError(CodeInternal))))
	}
	return slices.Concat(message[:end-len(old)], []byte(cmp.Or(string(transaction), "null")), message[end:]), nil
}

// fit keeps as many first elements as limit bytes hold (0: no limit), and sets cut if not all. Still too large: refused by the connection.
func fit[T any](limit int, document any, list *[]T, cut *bool) ([]byte, error) {
	elements, kept, was := *list, len(*list), *cut
	*list, *cut = nil, true
	frame, err := Encode(document)
	if err != nil {
		return nil, err
	}
	used := len(frame) // "false" is a byte longer than "true", but the first element has no comma
	for i, element := range elements {
		text, err := Encode(element)
		if err != nil {
			return nil, err
		}
		if used += len(text) + len(","); limit > 0 && used > limit {
			kept = i
			break
		}
	}
	*list, *cut = elements[:kept], was || kept < len(elements)
	return Encode(document)
}
