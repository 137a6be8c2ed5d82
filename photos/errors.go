package photos

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Error is every refusal: of Google, of the network or, before anything was sent, of the limits of this package. This file is the only
// place that looks at status codes and at Google's texts, but for the codes of one item in a batch, see itemError.
type Error struct {
	Kind       Kind          // what it means for the caller
	Op         string        // what was being done, in words: "create items"
	Status     int           // HTTP status; 0 without an answer
	Reason     string        // Google's name for it, such as RESOURCE_EXHAUSTED; may be empty
	Message    string        // Google's sentence, at most 300 characters; may be empty
	RetryAfter time.Duration // how long Google asks to wait, at most a day; 0 when it does not say
	Console    string        // of ProjectBlocked: the page of Google's console to open, https; made here, not taken from the answer
	Lost       bool          // the request may have taken effect although its answer says otherwise or is missing
	Err        error         // the cause when there was no usable answer: what the transport or the context said
}

// Error gives all of it in one line.
func (e *Error) Error() string {
	line := e.Op
	if e.Kind != 0 {
		line += ": " + e.Kind.String()
	}
	if e.Status != 0 {
		line += fmt.Sprintf(" (%s)", strings.Join(strings.Fields(fmt.Sprint(e.Status, " ", http.StatusText(e.Status), " ", e.Reason)), " "))
	} else if e.Reason != "" {
		line += " (" + e.Reason + ")"
	}
	if e.Message != "" {
		line += ": " + e.Message
	}
	if e.Err != nil {
		line += ": " + e.Err.Error()
	}
	return line
}

// Unwrap gives the cause: context.Canceled, a network error, or one of the transport that adds the access token.
func (e *Error) Unwrap() error { return e.Err }

// Kind says what a refusal means for the caller, whatever words Google used for it.
type Kind int

// The kinds of refusal. Zero is none of them: no *Error at all, or a call that its own caller cancelled.
const (
	Transient         Kind = iota + 1 // a fault of the network, a proxy or Google that may be gone in a moment
	RateLimited                       // too many requests in a minute; Google asks for a pause of at least 30 s
	ConcurrentWrites                  // a second write while another one ran for the same account, or for minutes after one did
	DailyQuota                        // the Google project's quota for the day, which comes back at midnight Pacific time
	StorageFull                       // an account without room for the item
	Unauthorized                      // an access token that Google does not accept, also after a refresh; no proof that the link is over
	ScopeMissing                      // a permission that the account's owner did not give
	ProjectBlocked                    // the Google project cannot be used: its API is off, it is suspended or deleted; see Error.Console
	PhotosDisabled                    // an account without Google Photos, as some administrators have it
	Expired                           // a session, upload token or base URL that has died: send all bytes again, or get the item again
	NotFound                          // an item that does not exist or was not made by this Google project
	AlbumNotFound                     // an album that does not exist, or not yet, or was not made by this Google project
	AlbumNotWriteable                 // an album that this Google project may not change
	AlbumFull                         // an album that holds spec.MaxAlbumItems
	TooLarge                          // a file above Google's limit, see spec.MaxSize
	Duplicate                         // an item that Google has: its bytes came twice in a batch, or are in the library; no fault of the file
	ItemFault                         // a fault of Google's with one item, which often goes through when tried again; no fault of the file
	Rejected                          // a file that Google does not take: unreadable, unsupported or empty
	Untrusted                         // an answer that leads to a host that is not Google's; nothing was sent to it or read from it
	Invalid                           // a request that is wrong in itself and stays wrong
)

var kindNames = strings.Fields(`none transient rate_limited concurrent_writes daily_quota storage_full unauthorized scope_missing
	project_blocked photos_disabled expired not_found album_not_found album_not_writeable album_full too_large duplicate item_fault rejected
	untrusted invalid`)

// String gives the kind in snake_case, and "none" for what is no kind.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return kindNames[0]
	}
	return kindNames[k]
}

// KindOf gives the kind of the *Error in err's chain, and 0 when there is none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return 0
}

type subject int

const (
	aboutLibrary subject = 1 << iota // the account as a whole; zero means it too
	aboutItem                        // one media item
	aboutAlbum                       // one album, or items on their way into it
	aboutUpload                      // new bytes, or a new session
	aboutSession                     // where a session stands
	aboutSending                     // bytes into a session
	aboutBytes                       // an item's bytes behind a base URL

	aboutAPI     = aboutLibrary | aboutItem | aboutAlbum | aboutUpload
	aboutAddress = aboutSession | aboutSending | aboutBytes // an address that dies
	aboutAny     = aboutAPI | aboutAddress
)

// words go before any status: the first row whose text is in Google's sentence, any case, both parts of a *. No source: all Google APIs.
var words = []struct {
	kind Kind
	text string
}{
	{StorageFull, "remaining storage in the user's account is not enough"}, // dtinit/data-transfer-project GooglePhotosInterface.java
	{AlbumNotFound, "provided id does not match any albums"},               // deleted, or unknown: GooglePhotosImporter.java there
	{AlbumNotFound, "invalid album id"},                                    // the same
	{AlbumNotWriteable, "no permission to add media items to this album"},  // not made by the app: ylexus/jiotty-photos-uploader
	{AlbumFull, "album*20000"},                                             // the limit is documented, its text is not, see spec.MaxAlbumItems
	{AlbumFull, "album*20,000"},
	{PhotosDisabled, "google photos is disabled"},         // GooglePhotosInterface.java
	{ProjectBlocked, "has not been used in project"},      // the API is off in the project
	{ScopeMissing, "insufficient authentication scopes"},  // and https://developers.google.com/photos/support/updates
	{NotFound, "invalid media item id"},                   // foreign, unknown or too fresh: f2calv/CasCap.Api.GooglePhotos issue 118
	{Expired, "must contain a valid upload token"},        // gphotosuploader/gphotos-uploader-cli issue 223
	{Expired, "checksum*does not match received payload"}, // bytes came damaged, the session is of no use: GooglePhotosInterface.java
	{Rejected, "payload must not be empty"},               // google/java-photoslibrary, which refuses size 0 before it asks
}

// reasons are Google's machine-readable words for what a status leaves open, from google.api.ErrorReason and
// https://cloud.google.com/apis/design/errors#error_model.
var reasons = map[string]Kind{
	"ACCESS_TOKEN_SCOPE_INSUFFICIENT": ScopeMissing, "insufficientPermissions": ScopeMissing,
	"SERVICE_DISABLED": ProjectBlocked, "accessNotConfigured": ProjectBlocked,
	"invalid_grant": Unauthorized, "invalid_token": Unauthorized,
	"RESOURCE_EXHAUSTED": RateLimited, "RATE_LIMIT_EXCEEDED": RateLimited, "rateLimitExceeded": RateLimited,
}

// judgeWords looks at what Google says beside the status; 0 when that is nothing.
func judgeWords(a answer) (kind Kind) {
	message := strings.ToLower(a.message)
	for _, row := range words {
		if before, after, _ := strings.Cut(row.text, "*"); strings.Contains(message, before) && strings.Contains(message, after) {
			kind = cmp.Or(kind, row.kind)
		}
	}
	for _, reason := range append(slices.Clone(a.reasons), a.reason) {
		kind = cmp.Or(kind, reasons[reason])
	}
	if kind == RateLimited || a.status == http.StatusTooManyRequests {
		return judgeQuota(a)
	}
	return kind
}

// judgeQuota tells the three quotas apart by their names, else by the sentence; other throttles than the daily one say "daily usage" too.
// Source: gphotosuploader/google-photos-api-client-go retry_test.go; gmizrahi/gpsync internal/uploader/errors.go.
func judgeQuota(a answer) Kind {
	for _, name := range append(slices.Clone(a.quotas), a.message) {
		switch name = strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(name)); {
		case strings.Contains(name, "concurrent"):
			return ConcurrentWrites
		case strings.Contains(name, "perday"):
			return DailyQuota
		case strings.Contains(name, "perminute"):
			return RateLimited
		}
	}
	return RateLimited
}

// statuses apply where words say nothing; the first fitting row counts. Below 400 and from 499 on: Transient anyway; no row: Invalid.
var statuses = []struct {
	kind   Kind
	about  subject
	status []int
	only   func(answer) bool // nil: always
}{
	{Unauthorized, aboutAny, []int{401}, nil},
	{Transient, aboutAny, []int{408}, nil},
	{TooLarge, aboutAny, []int{413}, nil},
	{NotFound, aboutBytes, []int{404, 410}, nil},
	{Expired, aboutBytes, []int{403}, nil},                       // a dead base URL, for which no status is documented
	{Expired, aboutSession | aboutSending, []int{404, 410}, nil}, // google/java-photoslibrary PhotosLibraryUploadExceptionMappingFn.java
	{Transient, aboutAddress, []int{409}, nil},                   // another request, perhaps one that broke, still works on the session
	// Client and Google disagree on where the session stands: ask it and go on, unless it cannot even be asked or is over.
	{Transient, aboutSending, []int{400, 412, 416}, func(a answer) bool { return !over(a.upload) }},
	{Expired, aboutSession | aboutSending, []int{400, 412, 416}, nil},
	// Uploads are answered in text as well. Others are believed only in the API's own form: a proxy's, a firewall's or the front end's
	// page must not make anybody forget an album.
	{Invalid, aboutUpload, []int{403}, nil},
	{Transient, aboutAPI, []int{403, 404, 410}, func(a answer) bool { return !a.api }},
	{AlbumNotWriteable, aboutAlbum, []int{403}, nil},
	{AlbumNotFound, aboutAlbum, []int{404, 410}, nil},
	{NotFound, aboutAPI, []int{404, 410}, nil},
	{Transient, aboutAPI, []int{409}, func(a answer) bool { return a.reason != "ALREADY_EXISTS" }}, // ABORTED: two requests met
	{Duplicate, aboutAPI, []int{409}, nil},
}

// judge turns an answer that is no success into its kind: words first, then the status.
func judge(about subject, a answer) Kind {
	if a.status < 500 {
		if kind := judgeWords(a); kind != 0 {
			return kind
		}
	}
	if a.status < 400 || a.status >= 499 {
		return Transient
	}
	for _, row := range statuses {
		if row.about&cmp.Or(about, aboutLibrary) != 0 && slices.Contains(row.status, a.status) && (row.only == nil || row.only(a)) {
			return row.kind
		}
	}
	return Invalid
}

// over tells whether an X-Goog-Upload-Status takes no more bytes. Clients of Google's spell the last one both ways.
func over(uploadStatus string) bool {
	return uploadStatus == "final" || uploadStatus == "cancelled" || uploadStatus == "canceled"
}

const (
	maxRefusal = 64 << 10       // bytes of an error's body that are read
	maxMessage = 300            // characters of Google's sentence that are kept
	maxWait    = 24 * time.Hour // longest wait that is believed; the longest real one ends at midnight Pacific
)

type answer struct {
	status  int
	upload  string   // X-Goog-Upload-Status
	api     bool     // it came in the API's own form, so no proxy or front end made it up
	reason  string   // Google's name of the status
	reasons []string // finer reasons
	quotas  []string // names of the quota, quota_limit first
	message string
	wait    time.Duration
}

// rpcStatus is google.rpc.Status, as it stands in results of a batch and sometimes in place of an upload token.
type rpcStatus struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// envelope is the form in which the API refuses; of its details ErrorInfo and RetryInfo are read.
// Source: https://cloud.google.com/apis/design/errors#http_mapping,
// https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto
type envelope struct {
	rpcStatus
	Status string `json:"status"`
	Errors []struct {
		Reason string `json:"reason"`
	} `json:"errors"`
	Details []struct {
		Reason     string            `json:"reason"`
		Metadata   map[string]string `json:"metadata"`
		RetryDelay string            `json:"retryDelay"`
	} `json:"details"`
}

var titleTag = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>|\z`)

// parseAnswer reads the body of a refusal, of which nothing is relied upon.
func parseAnswer(body []byte, contentType string) answer {
	var refusal struct {
		Error       json.RawMessage `json:"error"`
		Description string          `json:"error_description"`
	}
	var e envelope
	var word string
	text := strings.TrimSpace(string(body))
	bare := text
	if list, ok := strings.CutPrefix(text, "["); ok { // in which streaming front ends wrap the envelope
		bare = strings.TrimSpace(strings.TrimSuffix(list, "]"))
	}
	switch {
	case readLoosely([]byte(bare), &refusal) && readLoosely(refusal.Error, &e):
		return e.answer()
	case json.Unmarshal(refusal.Error, &word) == nil:
		return answer{reason: plain(word), reasons: []string{word}, message: plain(refusal.Description)}
	case strings.HasPrefix(contentType, "image/"), strings.HasPrefix(contentType, "video/"), !utf8.ValidString(text):
		return answer{}
	case strings.HasPrefix(text, "<"), strings.HasPrefix(contentType, "text/html"):
		return answer{message: plain(html.UnescapeString(titleTag.FindStringSubmatch(text)[1]))}
	default:
		return answer{message: plain(text)}
	}
}

// readLoosely reads a JSON object into v and passes over fields of another type than expected.
func readLoosely(text []byte, v any) bool {
	err := json.Unmarshal(text, v)
	_, mistyped := errors.AsType[*json.UnmarshalTypeError](err)
	return strings.HasPrefix(string(text), "{") && (err == nil || mistyped)
}

func (e envelope) answer() answer {
	a := answer{api: true, status: e.Code, reason: plain(e.Status), message: plain(e.Message)}
	for _, one := range e.Errors {
		a.reasons = append(a.reasons, one.Reason)
	}
	for _, d := range e.Details {
		a.reasons = append(a.reasons, d.Reason)
		a.quotas = append(a.quotas, d.Metadata["quota_limit"], d.Metadata["quota_metric"])
		if wait, err := time.ParseDuration(d.RetryDelay); err == nil {
			a.wait = min(max(wait, 0), maxWait)
		}
	}
	return a
}

// plain makes one printable line of at most 300 characters out of what a stranger wrote.
func plain(text string) string {
	words := strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) })
	return shorten(strings.Join(words, " "), maxMessage)
}

// shorten keeps the first n characters of text, the last of them an ellipsis when some are left out.
func shorten(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n-1]) + "…"
}

// retryAfter reads seconds or a date; what is neither, or has passed, is no wait. https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if seconds, err := strconv.ParseUint(value, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(seconds, uint64(maxWait/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(now), 0), maxWait)
	}
	return 0
}
