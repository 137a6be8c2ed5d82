package mqttapi

import (
	"cmp"
	_ "embed" // the sentences
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Response is the message on E/response/<verb>: Data, or an Error.
type Response struct {
	Status      string          `json:"status"`        // set by Encode: "ok" or "error"
	Data        any             `json:"data,omitzero"` // the type below that belongs to the verb; nil for one that answers nothing but "ok"
	Error       *Error          `json:"error,omitzero"`
	Transaction json.RawMessage `json:"transaction"` // of the command; nil is null
}

// Encode writes the message in at most limit bytes, 0 for no limit: a longer list is cut at its end, and "truncated" says so.
func (r Response) Encode(limit int) ([]byte, error) {
	if r.Error != nil {
		r.Status, r.Data = "error", nil
		return Encode(r)
	}
	r.Status = "ok"
	switch d := r.Data.(type) {
	case nil:
		r.Data = struct{}{}
	case AlbumsData:
		r.Data = &d
		return fit(limit, r, &d.Albums, &d.Truncated)
	case MediaData:
		r.Data = &d
		return fit(limit, r, &d.Items, &d.Truncated)
	case GotData:
		d.Truncated = d.Requested > len(d.Items)
		d.Requested = max(d.Requested, len(d.Items))
		d.Items = slices.Clone(d.Items)
		for i, item := range d.Items {
			if d.Items[i].Status = "ok"; item.Error != nil {
				d.Items[i].Status = "error"
				d.Failed++
			}
		}
		r.Data = &d
		return fit(limit, r, &d.Items, &d.Truncated)
	case EntriesData:
		r.Data = &d
		return fit(limit, r, &d.Entries, &d.Truncated)
	case JobsData:
		r.Data = &d
		return fit(limit, r, &d.Jobs, &d.Truncated)
	}
	return Encode(r)
}

// The data of the responses.
type (
	// AlbumsData is the data of VerbAlbums.
	AlbumsData struct {
		Albums        []Album `json:"albums"`
		NextPageToken string  `json:"next_page_token"` // "" on the last page
		Truncated     bool    `json:"truncated"`       // set by Encode, here and below
	}
	// OneData is the data of a verb that answers with one thing: the Album of VerbAlbumCreate and VerbAlbumUpdate, the EnrichmentID of
	// VerbAlbumEnrich, the Item of VerbMediaUpdate, the Account of VerbLinkFinish, the Job of VerbJobCancel and VerbJobRetry.
	OneData struct {
		Album        *Album   `json:"album,omitzero"`
		EnrichmentID string   `json:"enrichment_id,omitzero"`
		Item         *Item    `json:"item,omitzero"`
		Account      *Account `json:"account,omitzero"`
		Job          *Job     `json:"job,omitzero"`
	}
	// CountData is the data of VerbAlbumAdd and VerbAlbumRemove.
	CountData struct {
		AlbumID   string `json:"album_id"`
		Requested int    `json:"requested"` // items
		Done      int    `json:"done"`      // items
		Failed    int    `json:"failed"`    // items, of calls that Google refused as a whole
		Error     *Error `json:"error"`     // why some failed, the last reason; nil when none did
	}
	// MediaData is the data of VerbMedia.
	MediaData struct {
		Items         []Item `json:"items"`
		Expires       Time   `json:"expires"`         // when the URLs of the items stop working
		NextPageToken string `json:"next_page_token"` // "" on the last page
		Truncated     bool   `json:"truncated"`
	}
	// GotData is the data of VerbMediaGet, in the order of the request.
	GotData struct {
		Items     []GotItem `json:"items"`
		Requested int       `json:"requested"` // items
		Failed    int       `json:"failed"`    // items with an Error, set by Encode
		Expires   Time      `json:"expires"`   // when the URLs of the items stop working
		Truncated bool      `json:"truncated"`
	}
	// GotItem is one item of GotData: its ID beside the Item, or beside the Error that came instead.
	GotItem struct {
		Status string `json:"status"` // set by Encode: "ok" or "error"
		ID     string `json:"id"`
		*Item
		Error *Error `json:"error,omitzero"`
	}
	// SavedData is the data of VerbMediaSave.
	SavedData struct {
		Path  string `json:"path"`
		Bytes int64  `json:"bytes"`
	}
	// RefreshData is the data of VerbRefresh: how much was published.
	RefreshData struct {
		Albums int `json:"albums"`
		Items  int `json:"items"`
	}
	// LinkData is the data of VerbLink.
	LinkData struct {
		URL        string `json:"url"`         // to open in a browser, once
		ConsentURL string `json:"consent_url"` // Google's own page, for a browser that does not reach URL
		Expires    Time   `json:"expires"`
	}
	// JobsData is the data of VerbJobs, oldest first.
	JobsData struct {
		Jobs      []Job `json:"jobs"`
		Truncated bool  `json:"truncated"`
	}
	// Job is an upload that is queued, or that failed and can be tried again.
	Job struct {
		Job         string          `json:"job"`
		ID          Optional        `json:"id"`
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
)

// What is said about an upload.
type (
	// Status is how far an upload has come, for the whole command and for each of its files.
	Status string
	// Result is the message on E/upload/result: accepted, and at last what became of the upload. What Encode sets repeats the rest, for
	// Home Assistant's event entity and as Home Assistant's own upload action answers, so that automations can be moved over.
	// Source: https://www.home-assistant.io/integrations/event.mqtt/, https://www.home-assistant.io/actions/google_photos.upload/
	Result struct {
		Status      Status              `json:"status"`
		EventType   Status              `json:"event_type"`         // set by Encode
		Job         Optional            `json:"job"`                // "" for a command that was refused
		ID          Optional            `json:"id"`                 // of the command
		Transaction json.RawMessage     `json:"transaction"`        // of the command; nil is null
		Error       *Error              `json:"error,omitzero"`     // why the command was refused
		Album       *ResultAlbum        `json:"album"`              // nil without an album
		Truncated   bool                `json:"truncated,omitzero"` // set by Encode
		Items       []ResultItem        `json:"items"`              // one for each file, in the command's order
		More        int                 `json:"more,omitzero"`      // files that were found beyond the limit and left out
		MediaItems  []map[string]string `json:"media_items"`        // set by Encode: the "media_item_id" of each item
		AlbumID     string              `json:"album_id,omitzero"`  // set by Encode
		Received    Time                `json:"received"`
		Finished    Time                `json:"finished"` // not set while the upload is on its way
		Attempts    int                 `json:"attempts"`
	}
	// ResultAlbum is the album that the files went into.
	ResultAlbum struct {
		ID      string `json:"id"`
		Title   string `json:"title"`
		Created bool   `json:"created"` // by this upload
	}
	// ResultItem is what became of one file.
	ResultItem struct {
		Path        string       `json:"path,omitzero"` // as the command had it
		Name        string       `json:"name"`
		Status      Status       `json:"status"`
		MediaItemID string       `json:"media_item_id,omitzero"`
		ProductURL  string       `json:"product_url,omitzero"`
		Bytes       int64        `json:"bytes"`
		Duplicate   bool         `json:"duplicate"` // Google had this content already
		Error       *Error       `json:"error,omitzero"`
		After       *ResultAfter `json:"after,omitzero"` // what became of the file, when the command wanted something
	}
	// ResultAfter is what became of a file that was uploaded.
	ResultAfter struct {
		Outcome string   `json:"outcome"`          // deleted, moved or kept
		Path    Optional `json:"path"`             // where it is now; "" when it is nowhere
		Message string   `json:"message,omitzero"` // why it was kept
	}
	// Progress is the message on E/upload/progress, at most one a second and file. The one without a file is retained.
	Progress struct {
		Job         Optional        `json:"job"`
		Transaction json.RawMessage `json:"transaction"`
		File        string          `json:"file"`    // its name
		Sent        int64           `json:"sent"`    // bytes
		Size        int64           `json:"size"`    // bytes
		Percent     int             `json:"percent"` // of the file, set by Encode
		Stage       Stage           `json:"stage"`
	}
	// Stage is what is being done with a file.
	Stage string
)

// The statuses and the stages. An item has only accepted, done, failed and cancelled.
const (
	StatusAccepted  Status = "accepted"  // the command is on disk: from now on it is uploaded, or answered with an error
	StatusDone      Status = "done"      // every file is in Google Photos
	StatusPartial   Status = "partial"   // some files are in Google Photos, and the others will not get there
	StatusFailed    Status = "failed"    // no file is in Google Photos, or the command was refused
	StatusCancelled Status = "cancelled" // stopped by job/cancel

	StageSending  Stage = "sending"  // bytes are going to Google
	StageCreating Stage = "creating" // all bytes are there; Google makes the item
	StageDone     Stage = "done"
	StageIdle     Stage = "idle" // no file is on its way
)

// Refused returns the result of a command that is not carried out.
func Refused(u Upload, why *Error, at time.Time) Result {
	return Result{Status: StatusFailed, ID: Optional(u.ID), Transaction: u.Transaction, Error: why, Received: At(at), Finished: At(at)}
}

// Encode writes at most limit bytes, 0 for no limit. Over it, paths keep their last 255 bytes; then items go, and "truncated" says so.
func (r Result) Encode(limit int) ([]byte, error) {
	r.EventType, r.Items = r.Status, slices.Clone(r.Items)
	if r.Album != nil {
		r.AlbumID = r.Album.ID
	}
	for _, item := range r.Items {
		if item.MediaItemID != "" {
			r.MediaItems = append(r.MediaItems, map[string]string{"media_item_id": item.MediaItemID})
		}
	}
	text, err := Encode(r)
	if err != nil || limit == 0 || len(text) <= limit {
		return text, err
	}
	for i, item := range r.Items {
		if over := len(item.Path) - 255; over > 0 {
			r.Items[i].Path = "…" + strings.ToValidUTF8(item.Path[over:], "")
		}
	}
	return fit(limit, &r, &r.Items, &r.Truncated)
}

// TooLarge returns, in place of an answer or a result that the broker does not take, one that only says so, about the same command.
func TooLarge(answer []byte) ([]byte, error) {
	var of struct {
		Status      Status
		EventType   Status `json:"event_type"` // of a result alone
		Job, ID     *string
		Transaction json.RawMessage
	}
	if err := json.Unmarshal(answer, &of); err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	why, text := NewError(CodeAnswerTooLarge), func(s *string) Optional { return Optional(*cmp.Or(s, new(string))) }
	if of.EventType == "" {
		return Response{Transaction: of.Transaction, Error: why}.Encode(0)
	}
	return Result{Status: of.Status, Job: text(of.Job), ID: text(of.ID), Transaction: of.Transaction, Error: why, Truncated: true}.Encode(0)
}

// Encode writes the message.
func (p Progress) Encode() ([]byte, error) {
	if p.Percent = 100; p.Size > 0 || p.Stage == StageIdle {
		p.Percent = int(min(100, 100*p.Sent/max(p.Size, 1)))
	}
	return Encode(p)
}

// Code says what went wrong, for a program to branch on. It is part of the contract: never renamed, never another meaning.
type Code string

// The codes. None of those of refused commands is worth the same command again: somebody has to change something first.
const (
	// Of refused commands.
	CodeBadPayload      Code = "bad_payload"       // cannot be understood: JSON, a key, a type, a limit, or none of the forms
	CodeUnknownEntry    Code = "unknown_entry"     // the bridge has no such entry
	CodeUnknownCommand  Code = "unknown_command"   // a topic below E/request/ that is no command
	CodeRetainedCommand Code = "retained_command"  // published with retain: it would come again at every connection, so it never runs
	CodeEntryInSettings Code = "entry_in_settings" // a request to the bridge may not change an entry of the settings
	CodeTooManyEntries  Code = "too_many_entries"  // the bridge or its built-in broker serves no more
	CodeUploadsWaiting  Code = "uploads_waiting"   // an entry with queued uploads is not removed unless that is said
	CodeTooManyFiles    Code = "too_many_files"    // more than MaxFiles

	// Of refused files.
	CodeNotAllowed      Code = "not_allowed"      // a path outside the media directories, also by way of ".." or of a symbolic link
	CodeNotFound        Code = "not_found"        // a file, item, album or job that is not there
	CodeUnreadable      Code = "unreadable"       // a path that is no regular file, or that the bridge has no right to read
	CodeChanged         Code = "changed"          // a file too large for a copy, changed between the command and its upload
	CodeEmpty           Code = "empty"            // a file without a single byte
	CodeTooLarge        Code = "too_large"        // a photo, a video or any file above its limit
	CodeUnsupportedType Code = "unsupported_type" // content that Google Photos does not take, whatever the file's name says
	CodeBusy            Code = "busy"             // an upload that the spool has no room for

	// Of the link between an entry and its Google account.
	CodeNotLinked           Code = "not_linked"            // a command that needs a Google account, for an entry without one
	CodeRelinkRequired      Code = "relink_required"       // Google has ended the grant; holds uploads
	CodeScopeMissing        Code = "scope_missing"         // a right that was not ticked when the account was linked
	CodeLinkFailed          Code = "link_failed"           // denied, expired, or an address that belongs to another attempt
	CodeWrongAccount        Code = "wrong_account"         // another account than the linked one; the old link stays
	CodeAccessNotConfigured Code = "access_not_configured" // the project has the Photos Library API switched off; holds uploads

	// Of what Google refused.
	CodeAlbumNotFound     Code = "album_not_found"     // an album that is not there or was not made by this bridge
	CodeAlbumNotWriteable Code = "album_not_writeable" // an album that Google does not let the bridge change
	CodeAlbumFull         Code = "album_full"          // an album with 20,000 items
	CodeRejected          Code = "rejected"            // a file or a request that Google refused for good
	CodeQuotaDaily        Code = "quota_daily"         // the project's requests of the day are used up; holds uploads
	CodeRateLimited       Code = "rate_limited"        // too many requests in a minute; holds uploads
	CodeStorageFull       Code = "storage_full"        // an account without free storage; holds uploads
	CodeGoogleUnavailable Code = "google_unavailable"  // no answer, or a fault of Google's own; holds uploads

	// Of the bridge itself.
	CodeCancelled      Code = "cancelled"        // an upload that was stopped by the command job/cancel
	CodeAnswerTooLarge Code = "answer_too_large" // an answer that the broker does not take; what was asked for is done
	CodeInternal       Code = "internal"         // a fault of the bridge; the details are in its log
)

// Error is what a user reads: a code, and one sentence to act on. It never holds a secret, and is safe to publish as it is.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
}

// NewError returns the error of a code with the code's own sentence.
func NewError(code Code) *Error { return &Error{Code: code, Message: code.Sentence()} }

// Errorf returns the error of a code with a sentence that says more than the code's own.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Error returns the code and the sentence.
func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// Sentence returns what to tell a person when nothing more particular is known.
func (c Code) Sentence() string { return cmp.Or(sentences[c], sentences[CodeInternal]) }

//go:embed sentences.json
var sentencesText []byte

var sentences = func() (of map[Code]string) {
	_ = json.Unmarshal(sentencesText, &of)
	return of
}()
