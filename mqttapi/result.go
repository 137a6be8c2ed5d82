package mqttapi

import (
	"encoding/json"
	"time"
	"unicode/utf8"
)

// Status is how far an upload has come, for the whole command and for each of its files.
type Status string

// The statuses. An item has only accepted, done, failed and cancelled.
const (
	// StatusAccepted says that the command is on disk: from now on it is uploaded, or answered with an error.
	StatusAccepted Status = "accepted"
	// StatusDone says that every file is in Google Photos.
	StatusDone Status = "done"
	// StatusPartial says that some files are in Google Photos, and the others will not get there.
	StatusPartial Status = "partial"
	// StatusFailed says that no file is in Google Photos, or that the command was refused.
	StatusFailed Status = "failed"
	// StatusCancelled says that the command was stopped by job/cancel.
	StatusCancelled Status = "cancelled"
)

// Statuses returns every status that a result can have.
func Statuses() []Status {
	return []Status{StatusAccepted, StatusDone, StatusPartial, StatusFailed, StatusCancelled}
}

// Final reports whether no other status follows. The last result may be published twice, with the same job.
func (s Status) Final() bool { return s != StatusAccepted }

// Result is the message on E/upload/result: accepted, and at last what became of the upload.
type Result struct {
	Status      Status
	Job         string          // "" for a command that was refused
	ID          string          // of the command; "" is null
	Transaction json.RawMessage // of the command; nil is null
	Album       *ResultAlbum    // nil without an album
	Items       []ResultItem    // one for each file, in the command's order
	Error       *Error          // why the command was refused
	Received    Time
	Finished    Time // not set while the upload is on its way
	Attempts    int
}

// ResultAlbum is the album that the files went into.
type ResultAlbum struct {
	ID      string `json:"id"`
	Title   string `json:"title"`
	Created bool   `json:"created"` // by this upload
}

// ResultItem is what became of one file.
type ResultItem struct {
	Path        string `json:"path,omitempty"` // as the command had it
	Name        string `json:"name"`
	Status      Status `json:"status"`
	MediaItemID string `json:"media_item_id,omitempty"`
	ProductURL  string `json:"product_url,omitempty"`
	Bytes       int64  `json:"bytes"`
	Duplicate   bool   `json:"duplicate"` // Google had this content already
	Error       *Error `json:"error,omitempty"`
}

// resultDocument is the form of a Result. "event_type" repeats the status for Home Assistant's event entity, "media_items"
// and "album_id" what Home Assistant's own upload action answers, so that automations can be moved over.
// Source: https://www.home-assistant.io/integrations/event.mqtt/, https://www.home-assistant.io/actions/google_photos.upload/
type resultDocument struct {
	Status      Status            `json:"status"`
	EventType   Status            `json:"event_type"`
	Job         *string           `json:"job"`
	ID          *string           `json:"id"`
	Transaction json.RawMessage   `json:"transaction"`
	Error       *Error            `json:"error,omitempty"`
	Album       *ResultAlbum      `json:"album"`
	Truncated   bool              `json:"truncated,omitempty"`
	Items       []json.RawMessage `json:"items"`
	MediaItems  []mediaItemID     `json:"media_items"`
	AlbumID     string            `json:"album_id,omitempty"`
	Received    Time              `json:"received"`
	Finished    Time              `json:"finished"`
	Attempts    int               `json:"attempts"`
}

type mediaItemID struct {
	ID string `json:"media_item_id"`
}

// Refused returns the result of a command that is not carried out.
func Refused(u Upload, why *Error, at time.Time) Result {
	return Result{Status: StatusFailed, ID: u.ID, Transaction: u.Transaction, Error: why, Received: At(at), Finished: At(at)}
}

// Encode writes the message in at most limit bytes, 0 for no limit. Only 50 very long paths get there: then only the
// ends of the paths are written, and when that does not do, "truncated" says that items are missing.
func (r Result) Encode(limit int) ([]byte, error) {
	text, err := r.fit(0)
	if err != nil || limit == 0 || len(text) <= limit {
		return text, err
	}
	items := make([]ResultItem, len(r.Items))
	for i, item := range r.Items {
		item.Path = ending(item.Path)
		items[i] = item
	}
	r.Items = items
	return r.fit(limit)
}

func (r Result) fit(limit int) ([]byte, error) {
	d := resultDocument{
		Status: r.Status, EventType: r.Status, Job: orNull(r.Job), ID: orNull(r.ID), Transaction: r.Transaction,
		Error: r.Error, Album: r.Album, MediaItems: []mediaItemID{},
		Received: r.Received, Finished: r.Finished, Attempts: r.Attempts,
	}
	if r.Album != nil {
		d.AlbumID = r.Album.ID
	}
	for _, item := range r.Items {
		if item.MediaItemID != "" {
			d.MediaItems = append(d.MediaItems, mediaItemID{item.MediaItemID})
		}
	}
	room := limit
	if limit > 0 {
		room -= len(`"truncated":true,`)
	}
	return fit(room, r.Items, func(kept []json.RawMessage, cut bool) any {
		d.Items, d.Truncated = kept, cut
		return d
	})
}

// ending returns the last bytes of a path, marked when there are more.
func ending(path string) string {
	const keep = 255
	if len(path) <= keep {
		return path
	}
	cut := path[len(path)-keep:]
	for !utf8.RuneStart(cut[0]) {
		cut = cut[1:]
	}
	return "…" + cut
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Progress is the message on E/upload/progress, at most one a second and file.
type Progress struct {
	Job         string          `json:"job"`
	Transaction json.RawMessage `json:"transaction"`
	File        string          `json:"file"`    // its name
	Sent        int64           `json:"sent"`    // bytes
	Size        int64           `json:"size"`    // bytes
	Percent     int             `json:"percent"` // of the file
	Stage       Stage           `json:"stage"`
}

// Stage is what is being done with a file.
type Stage string

// The stages of a file, in their order.
const (
	StageWaiting  Stage = "waiting"  // for its turn, or for the end of a hold
	StageSending  Stage = "sending"  // bytes are going to Google
	StageCreating Stage = "creating" // all bytes are there; Google makes the item
	StageDone     Stage = "done"
)

// Encode writes the message. The percentage follows from the bytes.
func (p Progress) Encode() ([]byte, error) {
	p.Percent = 100
	if p.Size > 0 {
		p.Percent = int(min(100, 100*p.Sent/p.Size))
	}
	return encode(p)
}
