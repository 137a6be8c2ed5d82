package mqttapi

// The payloads of E/availability.
const (
	Online  = "online"
	Offline = "offline"
)

// State is the retained document on E/state: how the entry is, at a glance.
type State struct {
	Link       LinkState   `json:"link"`
	Queue      Queue       `json:"queue"`
	Hold       *Hold       `json:"hold"` // nil when nothing holds the uploads
	Quota      Quota       `json:"quota"`
	Totals     Totals      `json:"totals"`
	LastUpload *LastUpload `json:"last_upload"` // nil before the first
	LastError  *LastError  `json:"last_error"`  // nil before the first
}

// LinkState is the link to the Google account.
type LinkState struct {
	Status        LinkStatus `json:"status"`
	Account       *Account   `json:"account"`        // nil without one
	MissingScopes []string   `json:"missing_scopes"` // rights that were not ticked
	URL           string     `json:"url"`            // where to link the account, while linking; else ""
	Expires       Time       `json:"expires"`        // when URL stops working
	Problem       string     `json:"problem"`        // one sentence on why the last attempt to link came to nothing; else ""
}

// LinkStatus is how the link is.
type LinkStatus string

// The statuses of a link.
const (
	LinkLinked   LinkStatus = "linked"
	LinkUnlinked LinkStatus = "unlinked" // no account, until somebody asks to link one
	LinkLinking  LinkStatus = "linking"  // somebody has asked; the address waits for a browser
	LinkRelink   LinkStatus = "relink"   // Google has ended the access; it must be given again
)

// LinkStatuses returns every status of a link.
func LinkStatuses() []LinkStatus {
	return []LinkStatus{LinkLinked, LinkUnlinked, LinkLinking, LinkRelink}
}

// Account is a Google account.
type Account struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email"`
}

// Queue is what waits to be uploaded.
type Queue struct {
	Waiting int   `json:"waiting"` // files
	Active  int   `json:"active"`  // files
	Bytes   int64 `json:"bytes"`
	Oldest  Time  `json:"oldest"` // when the oldest command came; not set for an empty queue
}

// Hold says why no upload moves.
type Hold struct {
	Reason  HoldReason `json:"reason"`
	Message string     `json:"message"` // one sentence that a person can act on
	Until   Time       `json:"until"`   // when the bridge tries again; not set when it waits for a person
}

// HoldReason is why an entry waits.
type HoldReason string

// The reasons for a hold.
const (
	HoldQuotaDaily  HoldReason = "quota_daily"  // the project's requests of the day are used up
	HoldRateLimited HoldReason = "rate_limited" // too many requests in a minute
	HoldStorageFull HoldReason = "storage_full" // the account has no storage left
	HoldRelink      HoldReason = "relink"       // the account must be linked, or linked again
	HoldOffline     HoldReason = "offline"      // Google cannot be reached, or refuses the project
)

// Quota is the requests of the Google Cloud project, which all entries of one client id share.
// Source: https://developers.google.com/photos/overview/api-limits-quotas
type Quota struct {
	RequestsToday int  `json:"requests_today"`
	RequestsLimit int  `json:"requests_limit"`
	Resets        Time `json:"resets"` // midnight Pacific time
}

// Totals counts files since the entry was set up.
type Totals struct {
	Uploaded int64 `json:"uploaded"`
	Failed   int64 `json:"failed"`
}

// LastUpload is the newest file that got into Google Photos.
type LastUpload struct {
	Time        Time   `json:"time"`
	Name        string `json:"name"`
	Album       string `json:"album"` // title; "" without an album
	MediaItemID string `json:"media_item_id"`
	ProductURL  string `json:"product_url"`
	Job         string `json:"job"`
}

// LastError is the newest error of the entry.
type LastError struct {
	Time    Time   `json:"time"`
	Code    Code   `json:"code"`
	Message string `json:"message"`
	Job     string `json:"job"` // "" when it is not about one upload
}

// Encode writes the document.
func (s State) Encode() ([]byte, error) {
	if s.Link.MissingScopes == nil {
		s.Link.MissingScopes = []string{}
	}
	return encode(s)
}
