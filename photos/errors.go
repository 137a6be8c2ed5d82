package photos

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Error is every refusal: of Google, of the network or, before anything was sent, of the limits of this package. This file is the only
// place that looks at status codes and at Google's texts, but for the codes of one item in a batch, see itemError; the forms in which they
// come are in answer.go.
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
	PhotosDisabled                    // an account without Google Photos, as some administrators have it, or that this project may not use
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

// A row counts when its text is in what Google says, any case; with a * all parts must be. No source: seen with many Google APIs.
type row struct {
	kind Kind
	text string
}

// loud texts go before every status, since Google sends them with more than one: what is full, who may not ask, which quota is used up.
var loud = []row{
	{StorageFull, "remaining storage in the user's account is not enough"}, // dtinit/data-transfer-project GooglePhotosInterface.java
	{StorageFull, "storage quota"},
	{StorageFull, "not enough storage"},
	{StorageFull, "insufficient storage"},
	{ProjectBlocked, "has not been used in project"},
	{ProjectBlocked, "access not configured"}, // the API is off in the project
	{ProjectBlocked, "consumer*has been suspended"},
	{ProjectBlocked, "project*has been suspended"},
	{ProjectBlocked, "project*has been deleted"},
	{ProjectBlocked, "permission denied on resource project"}, // deleted, google.api.ErrorReason CONSUMER_INVALID
	{ProjectBlocked, "requires billing to be enabled"},
	{PhotosDisabled, "google photos is disabled"},        // GooglePhotosInterface.java
	{ScopeMissing, "insufficient authentication scopes"}, // and https://developers.google.com/photos/support/updates
	{RateLimited, "insufficient tokens for quota"},       // with a 400, gphotosuploader/gphotos-uploader-cli
	{RateLimited, "quota exceeded"},
	{RateLimited, "exceeded*quota"},
	{RateLimited, "resource has been exhausted"},
	{RateLimited, "rate limit exceeded"},
	{RateLimited, "daily limit exceeded"},
}

// words go before the statuses from 400 to 499 but 429.
var words = []row{
	{AlbumNotFound, "provided id does not match any albums"},              // deleted, or unknown: GooglePhotosImporter.java there
	{AlbumNotFound, "invalid album id"},                                   // the same
	{AlbumNotWriteable, "no permission to add media items to this album"}, // not made by the app: ylexus/jiotty-photos-uploader
	{AlbumFull, "album*20000"},                                            // the limit is documented, its text is not, see spec.MaxAlbumItems
	{AlbumFull, "album*20,000"},
	{NotFound, "invalid media item id"},                   // foreign, unknown or too fresh: f2calv/CasCap.Api.GooglePhotos issue 118
	{Expired, "must contain a valid upload token"},        // gphotosuploader/gphotos-uploader-cli issue 223
	{Expired, "invalid upload token"},                     // the same
	{Expired, "checksum*does not match received payload"}, // bytes came damaged, the session is of no use: GooglePhotosInterface.java
	{Rejected, "payload must not be empty"},               // google/java-photoslibrary, which refuses size 0 before it asks
}

// reasons are Google's machine-readable words for what a status leaves open, from google.api.ErrorReason,
// https://cloud.google.com/apis/design/errors#error_model, https://developers.google.com/webmaster-tools/v1/errors (those in lower case,
// which come with ?alt=json) and of OAuth, https://www.rfc-editor.org/rfc/rfc6749#section-5.2.
var reasons = map[string]Kind{
	"ACCESS_TOKEN_SCOPE_INSUFFICIENT": ScopeMissing, "insufficientPermissions": ScopeMissing,
	"SERVICE_DISABLED": ProjectBlocked, "accessNotConfigured": ProjectBlocked, "SERVICE_NOT_VISIBLE": ProjectBlocked,
	"CONSUMER_SUSPENDED": ProjectBlocked, "CONSUMER_INVALID": ProjectBlocked, "RESOURCE_PROJECT_INVALID": ProjectBlocked,
	"USER_PROJECT_DENIED": ProjectBlocked, "GCP_SUSPENDED": ProjectBlocked, "BILLING_DISABLED": ProjectBlocked,
	"invalid_client": ProjectBlocked, "unauthorized_client": ProjectBlocked, "deleted_client": ProjectBlocked,
	"disabled_client":       ProjectBlocked,
	"USER_BLOCKED_BY_ADMIN": PhotosDisabled, "domainPolicy": PhotosDisabled, "admin_policy_enforced": PhotosDisabled,
	"invalid_grant": Unauthorized, "invalid_token": Unauthorized, "authError": Unauthorized, "ACCESS_TOKEN_EXPIRED": Unauthorized,
	"ACCESS_TOKEN_TYPE_UNSUPPORTED": Unauthorized, "CREDENTIALS_MISSING": Unauthorized, "ACCOUNT_STATE_INVALID": Unauthorized,
	"RESOURCE_EXHAUSTED": RateLimited, "RATE_LIMIT_EXCEEDED": RateLimited, "RESOURCE_QUOTA_EXCEEDED": RateLimited,
	"rateLimitExceeded": RateLimited, "userRateLimitExceeded": RateLimited, "quotaExceeded": RateLimited, "limitExceeded": RateLimited,
	"dailyLimitExceeded": DailyQuota, "concurrentLimitExceeded": ConcurrentWrites, "storageQuotaExceeded": StorageFull,
}

// find gives the kind of the first row whose text is in what was said; 0 when there is none.
func find(rows []row, said string) Kind {
	for _, row := range rows {
		if !slices.ContainsFunc(strings.Split(row.text, "*"), func(part string) bool { return !strings.Contains(said, part) }) {
			return row.kind
		}
	}
	return 0
}

// judgeWords looks at what Google says beside the status; 0 when that is nothing.
func judgeWords(a answer) Kind {
	kind := find(loud, a.said)
	if a.status < 500 && a.status != http.StatusTooManyRequests {
		kind = cmp.Or(kind, find(words, a.said))
	}
	for _, reason := range append(slices.Clone(a.reasons), a.reason) {
		kind = cmp.Or(kind, reasons[reason])
	}
	if kind == RateLimited || kind == 0 && a.status == http.StatusTooManyRequests {
		return judgeQuota(a)
	}
	return kind
}

var limitName = regexp.MustCompile(`limit '([^']*)'`)

// judgeQuota tells the three quotas apart by their names, else by the sentence; other throttles than the daily one say "daily usage" too.
// Source: gphotosuploader/google-photos-api-client-go retry_test.go; gmizrahi/gpsync internal/uploader/errors.go.
func judgeQuota(a answer) Kind {
	names := slices.Clone(a.quotas)
	for _, found := range limitName.FindAllStringSubmatch(a.said, -1) {
		names = append(names, found[1])
	}
	for i, name := range append(names, a.said) {
		name = strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(name))
		has := func(part string) bool { return strings.Contains(name, part) }
		switch {
		case has("concurrent"):
			return ConcurrentWrites
		case has("perday"), has("dailylimit"), i < len(names) && (has("daily") || strings.HasPrefix(name, "1/d")):
			return DailyQuota
		case has("permin"), has("persecond"), has("perhour"), i < len(names) && strings.HasPrefix(name, "1/"):
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
	{Transient, aboutAny, []int{407, 408, 421, 425}, nil}, // a proxy's, or of the connection
	{TooLarge, aboutAny, []int{413}, nil},
	{NotFound, aboutBytes, []int{404, 410}, nil},
	{Expired, aboutBytes, []int{403}, nil},                       // a dead base URL, for which no status is documented
	{Expired, aboutSession | aboutSending, []int{404, 410}, nil}, // google/java-photoslibrary PhotosLibraryUploadExceptionMappingFn.java
	{Transient, aboutAddress, []int{409}, nil},                   // another request, perhaps one that broke, still works on the session
	// Client and Google disagree on where the session stands: ask it and go on, unless it cannot even be asked or is over.
	{Transient, aboutSending, []int{400, 412, 416}, func(a answer) bool { return !over(a.upload) }},
	{Expired, aboutSession | aboutSending, []int{400, 412, 416}, nil},
	// Others are believed only in the API's own form: a proxy's, a firewall's or the front end's page must not make anybody forget an album or
	// give up a photo. In that form a 403 is about what was named, and where that is nothing but bytes, about the whole account.
	{Transient, aboutAny, []int{403}, func(a answer) bool { return !a.api }},
	{Expired, aboutSession | aboutSending, []int{403}, nil},
	{PhotosDisabled, aboutLibrary | aboutUpload, []int{403}, nil},
	{Transient, aboutAPI, []int{404, 410}, func(a answer) bool { return !a.api }},
	{AlbumNotWriteable, aboutAlbum, []int{403}, nil},
	{AlbumNotFound, aboutAlbum, []int{404, 410}, nil},
	{NotFound, aboutAPI, []int{404, 410}, nil},
	{Transient, aboutAPI, []int{409}, func(a answer) bool { return a.reason != "ALREADY_EXISTS" }}, // ABORTED: two requests met
	{Duplicate, aboutAPI, []int{409}, nil},
	{Transient, aboutAPI, []int{405, 406, 411, 417, 426, 428, 431, 451}, func(a answer) bool { return !a.api }},
	{Transient, aboutAPI, []int{400}, func(a answer) bool { return a.page || !a.api && a.reason == "" && a.said == "" }},
}

// judge turns an answer that is no success into its kind: words first, then the status.
func judge(about subject, a answer) Kind {
	a.status = a.meant()
	if kind := judgeWords(a); kind != 0 {
		return kind
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

// named are the statuses of google.rpc codes that say more than the 400 under which uploads and batches also send them.
// Source: https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
var named = map[string]int{
	"CANCELLED": 499, "UNKNOWN": 500, "DEADLINE_EXCEEDED": 504, "NOT_FOUND": 404, "ALREADY_EXISTS": 409, "PERMISSION_DENIED": 403,
	"RESOURCE_EXHAUSTED": 429, "ABORTED": 409, "INTERNAL": 500, "UNAVAILABLE": 503, "DATA_LOSS": 500, "UNAUTHENTICATED": 401,
}

// meant is the status that counts: a bare 400 says less than the name in its body.
func (a answer) meant() int {
	if !a.api || a.status != http.StatusBadRequest {
		return a.status
	}
	return cmp.Or(named[a.reason], max(a.code, a.status))
}

// over tells whether an X-Goog-Upload-Status takes no more bytes. Clients of Google's spell the last one both ways.
func over(uploadStatus string) bool {
	return uploadStatus == "final" || uploadStatus == "cancelled" || uploadStatus == "canceled"
}

// refusal is the error that an answer stands for.
func (a answer) refusal(op string, kind Kind) *Error {
	e := &Error{Kind: kind, Op: op, Status: a.status, Reason: a.reason, Message: a.message, RetryAfter: a.wait}
	if kind == ProjectBlocked {
		e.Console = a.console()
	}
	return e
}

// projectNamed finds the number or the id of a Google project in a sentence or in the name of a consumer.
var projectNamed = regexp.MustCompile(`(?:project_number:|projects/|project[:=])([a-z0-9](?:[a-z0-9:.-]*[a-z0-9])?)|project #?([0-9]+)`)

// console is the page where the owner of the Google project sees what is wrong: that of the API when it is off, else the project's.
func (a answer) console() string {
	page := "https://console.cloud.google.com/home/dashboard"
	off := func(reason string) bool { return reason == "SERVICE_DISABLED" || reason == "accessNotConfigured" }
	if slices.ContainsFunc(a.reasons, off) || find([]row{{1, "has not been used in project"}, {1, "access not configured"}}, a.said) != 0 {
		page = "https://console.cloud.google.com/apis/library/photoslibrary.googleapis.com"
	}
	if found := projectNamed.FindStringSubmatch(a.project + " " + a.said); found != nil {
		page += "?" + url.Values{"project": {found[1] + found[2]}}.Encode()
	}
	return page
}
