package photos

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Error is every refusal, whether it came from Google, from the network or, before anything was sent, from the
// limits of this package. This file is the only place that looks at status codes and at Google's texts.
type Error struct {
	Kind       Kind          // what it means for the caller
	Op         string        // what was being done, in words: "create items"
	Status     int           // HTTP status; 0 without an answer
	Reason     string        // Google's name for it, such as RESOURCE_EXHAUSTED; may be empty
	Message    string        // Google's sentence, at most 300 characters; may be empty
	RetryAfter time.Duration // how long Google asks to wait, at most a day; 0 when it does not say
	Lost       bool          // the request may have taken effect although its answer says otherwise or is missing
	Err        error         // the cause when there was no usable answer: what the transport or the context said
}

// Error gives the whole story in one line, for operators.
func (e *Error) Error() string {
	line := e.Op + ": " + e.Kind.String()
	if e.Kind == 0 {
		line = e.Op
	}
	if about := strings.TrimSpace(statusText(e.Status) + " " + e.Reason); about != "" {
		line += " (" + about + ")"
	}
	if e.Message != "" {
		line += ": " + e.Message
	}
	if e.Err != nil {
		line += ": " + e.Err.Error()
	}
	return line
}

// Unwrap gives the cause: context.Canceled, the error of the transport that adds the access token, or a network error.
func (e *Error) Unwrap() error { return e.Err }

// KindOf gives the kind of the *Error in err's chain, and 0 when there is none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return 0
}

func statusText(status int) string {
	if status == 0 {
		return ""
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s", status, http.StatusText(status)))
}

// subject is what a request is about, which tells one 404 from another.
type subject int

const (
	aboutLibrary subject = iota // the account as a whole
	aboutItem                   // one media item
	aboutAlbum                  // one album, or items on their way into it
	aboutUpload                 // new bytes, or a new session
	aboutSession                // where a session stands
	aboutSending                // bytes into a session
	aboutBytes                  // an item's bytes behind a base URL
)

// texts are refusals that only Google's words tell apart; the first row all of whose parts are in the message counts, in
// any case of letters, below status 500 and whatever the status is.
var texts = []struct {
	kind  Kind
	parts []string
}{
	// Raised by batchCreate as a 400. Source: dtinit/data-transfer-project, GooglePhotosInterface.java.
	{StorageFull, []string{"remaining storage in the user's account is not enough"}},
	// An album deleted or unknown. Source: dtinit/data-transfer-project, GooglePhotosImporter.java.
	{AlbumNotFound, []string{"provided id does not match any albums"}},
	{AlbumNotFound, []string{"invalid album id"}},
	// An album that the app did not make. Source: ylexus/jiotty-photos-uploader, tests.
	{AlbumNotWriteable, []string{"no permission to add media items to this album"}},
	// The limit is documented, its text is not.
	// Source: https://developers.google.com/photos/library/guides/manage-albums#adding-items-to-album
	{AlbumFull, []string{"album", "20000"}},
	{AlbumFull, []string{"album", "20,000"}},
	// Source: dtinit/data-transfer-project, GooglePhotosInterface.java.
	{AccessNotConfigured, []string{"google photos is disabled"}},
	// The API is off in the project. Source: the sentence that all Google APIs share.
	{AccessNotConfigured, []string{"has not been used in project"}},
	// Source: https://developers.google.com/photos/support/updates and the sentence that all Google APIs share.
	{ScopeMissing, []string{"insufficient authentication scopes"}},
	// An id that is foreign, unknown or too fresh. Source: f2calv/CasCap.Api.GooglePhotos issue 118.
	{NotFound, []string{"invalid media item id"}},
	// Source: gphotosuploader/gphotos-uploader-cli issue 223.
	{Expired, []string{"must contain a valid upload token"}},
	// The bytes came damaged, so the session is of no use. Source: dtinit/data-transfer-project, GooglePhotosInterface.java.
	{Expired, []string{"checksum", "does not match received payload"}},
	// Source: google/java-photoslibrary, which refuses size 0 before it asks.
	{Rejected, []string{"payload must not be empty"}},
}

// reasons are Google's machine-readable words for what a bare 403 leaves open.
// Source: https://cloud.google.com/apis/design/errors#error_model and google.api.ErrorReason.
var reasons = map[string]Kind{
	"ACCESS_TOKEN_SCOPE_INSUFFICIENT": ScopeMissing,
	"insufficientPermissions":         ScopeMissing,
	"SERVICE_DISABLED":                AccessNotConfigured,
	"accessNotConfigured":             AccessNotConfigured,
	"invalid_grant":                   Unauthorized,
	"invalid_token":                   Unauthorized,
}

// judge turns an answer that is no success into its kind: words first, then the status.
func judge(about subject, a answer) Kind {
	if a.status < 500 {
		if kind := judgeWords(a); kind != 0 {
			return kind
		}
	}
	switch status := a.status; {
	case status == http.StatusUnauthorized:
		return Unauthorized
	case status == http.StatusRequestTimeout, status < 400, status >= 499:
		return Transient
	case status == http.StatusRequestEntityTooLarge:
		return TooLarge
	case about == aboutBytes, about == aboutSession, about == aboutSending:
		return judgeAddress(about, a)
	case status == http.StatusForbidden, status == http.StatusNotFound, status == http.StatusGone:
		return judgeMissing(about, a)
	case status == http.StatusConflict && a.reason != "ALREADY_EXISTS":
		return Transient // ABORTED: two requests met
	case status == http.StatusConflict:
		return Duplicate
	}
	return Invalid
}

// judgeWords looks at what Google says beside the status; 0 when that says nothing.
func judgeWords(a answer) Kind {
	if a.status == http.StatusTooManyRequests {
		return judgeQuota(a)
	}
	message := strings.ToLower(a.message)
	for _, text := range texts {
		if !slices.ContainsFunc(text.parts, func(part string) bool { return !strings.Contains(message, part) }) {
			return text.kind
		}
	}
	for _, reason := range a.reasons {
		if kind := reasons[reason]; kind != 0 {
			return kind
		}
	}
	if a.reason == "RESOURCE_EXHAUSTED" ||
		slices.Contains(a.reasons, "rateLimitExceeded") || slices.Contains(a.reasons, "RATE_LIMIT_EXCEEDED") {
		return judgeQuota(a)
	}
	return 0
}

// judgeQuota tells the three quotas apart: by their names, which are made for it, and else by the sentence. "per day"
// is the word for the daily one, because other throttles speak of "daily usage" too.
// Source: gphotosuploader/google-photos-api-client-go retry_test.go; gmizrahi/gpsync internal/uploader/errors.go.
func judgeQuota(a answer) Kind {
	for _, name := range a.quotas {
		name = strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(name))
		switch {
		case strings.Contains(name, "concurrent"):
			return ConcurrentWrites
		case strings.Contains(name, "perday"):
			return DailyQuota
		case strings.Contains(name, "perminute"):
			return RateLimited
		}
	}
	switch text := strings.ToLower(a.message); {
	case strings.Contains(text, "concurrent write"):
		return ConcurrentWrites
	case strings.Contains(text, "per day"):
		return DailyQuota
	}
	return RateLimited
}

// judgeAddress reads the statuses of a session and of a base URL, which are addresses that die.
// Source: google/java-photoslibrary PhotosLibraryUploadExceptionMappingFn.java; the status of a dead base URL is not
// documented.
func judgeAddress(about subject, a answer) Kind {
	switch a.status {
	case http.StatusNotFound, http.StatusGone:
		if about == aboutBytes {
			return NotFound
		}
		return Expired
	case http.StatusForbidden:
		if about == aboutBytes {
			return Expired
		}
	case http.StatusConflict:
		return Transient // another request, perhaps one that broke, still works on the session
	case http.StatusBadRequest, http.StatusPreconditionFailed, http.StatusRequestedRangeNotSatisfiable:
		// Client and Google disagree on where the session stands: ask it and go on. A session that cannot even be
		// asked, or says it is over, is of no use any more.
		switch {
		case about == aboutSending && !over(a.upload):
			return Transient
		case about != aboutBytes:
			return Expired
		}
	}
	return Invalid
}

// over tells whether an X-Goog-Upload-Status takes no more bytes. Clients of Google's spell the last one both ways.
func over(uploadStatus string) bool {
	return uploadStatus == "final" || uploadStatus == "cancelled" || uploadStatus == "canceled"
}

// judgeMissing reads 403, 404 and 410. They are believed only in the API's own form: a proxy's, a firewall's or the
// front end's page must not make anybody forget an album.
func judgeMissing(about subject, a answer) Kind {
	switch {
	case about == aboutUpload && a.status == http.StatusForbidden:
		return Invalid // uploads are answered in text as well
	case !a.api:
		return Transient
	case a.status == http.StatusForbidden && about == aboutAlbum:
		return AlbumNotWriteable
	case a.status == http.StatusForbidden:
		return Invalid
	case about == aboutAlbum:
		return AlbumNotFound
	}
	return NotFound
}

// codes are the names and meanings of google.rpc codes, in which Google speaks of one item of a batch.
// Source: https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto; what 3, 6 and 13 mean for an item
// is seen in ylexus/jiotty-photos-uploader and gphotosuploader/gphotos-uploader-cli issue 105.
var codes = []struct {
	name string
	kind Kind
}{
	{"OK", ItemFault}, // reached only by an OK without an item
	{"CANCELLED", Transient},
	{"UNKNOWN", ItemFault},
	{"INVALID_ARGUMENT", Rejected},
	{"DEADLINE_EXCEEDED", Transient},
	{"NOT_FOUND", NotFound},
	{"ALREADY_EXISTS", Duplicate},
	{"PERMISSION_DENIED", Invalid},
	{"RESOURCE_EXHAUSTED", RateLimited},
	{"FAILED_PRECONDITION", Rejected},
	{"ABORTED", Transient},
	{"OUT_OF_RANGE", Rejected},
	{"UNIMPLEMENTED", Invalid},
	{"INTERNAL", ItemFault},
	{"UNAVAILABLE", Transient},
	{"DATA_LOSS", ItemFault},
	{"UNAUTHENTICATED", Unauthorized},
}

// itemError is the refusal of one item in an answer that was a success as a whole.
func itemError(op string, about subject, s rpcStatus) *Error {
	a := answer{message: plain(s.Message)}
	kind := ItemFault
	if s.Code >= 0 && s.Code < len(codes) {
		a.reason, kind = codes[s.Code].name, codes[s.Code].kind
	}
	if worded := judgeWords(a); worded != 0 {
		kind = worded
	}
	if kind == Rejected && about == aboutItem {
		kind = NotFound // what cannot be an id is the id of nothing
	}
	return &Error{Kind: kind, Op: op, Reason: a.reason, Message: a.message}
}
