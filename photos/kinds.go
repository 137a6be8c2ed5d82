package photos

// Kind says what a refusal means for the caller, whatever words Google used for it.
type Kind int

// The kinds of refusal. Zero is none of them: no *Error at all, or a call that its own caller cancelled.
const (
	// Transient is a fault of the network, a proxy or Google that may be gone in a moment.
	Transient Kind = iota + 1
	// RateLimited is too many requests in a minute; Google asks for a pause of at least 30 s.
	RateLimited
	// ConcurrentWrites is a second write while another one ran for the same account.
	ConcurrentWrites
	// DailyQuota is the Google project's quota for the day, which comes back at midnight Pacific time.
	DailyQuota
	// StorageFull is an account without room for the item.
	StorageFull
	// Unauthorized is an access token that Google does not accept, also after a refresh.
	Unauthorized
	// ScopeMissing is a permission that the account's owner did not give.
	ScopeMissing
	// AccessNotConfigured is an API that is off in the Google project, or an account without Google Photos.
	AccessNotConfigured
	// Expired is a session, an upload token or a base URL that Google no longer knows: send the bytes again from the
	// start, or get the item again for a fresh URL.
	Expired
	// NotFound is an item that does not exist or was not made by this Google project.
	NotFound
	// AlbumNotFound is an album that does not exist or was not made by this Google project.
	AlbumNotFound
	// AlbumNotWriteable is an album that this Google project may not change.
	AlbumNotWriteable
	// AlbumFull is an album that holds 20,000 items.
	AlbumFull
	// TooLarge is a file above Google's limits (MaxPhotoSize, MaxVideoSize).
	TooLarge
	// Duplicate is an item whose bytes are in the same batch a second time; in a later batch it goes through.
	Duplicate
	// ItemFault is a fault of Google's with one item, which often goes through when tried again.
	ItemFault
	// Rejected is a file that Google does not take: unreadable, unsupported or empty.
	Rejected
	// Invalid is a request that is wrong in itself and stays wrong.
	Invalid
)

var kindNames = map[Kind]string{
	Transient:           "transient",
	RateLimited:         "rate_limited",
	ConcurrentWrites:    "concurrent_writes",
	DailyQuota:          "daily_quota",
	StorageFull:         "storage_full",
	Unauthorized:        "unauthorized",
	ScopeMissing:        "scope_missing",
	AccessNotConfigured: "access_not_configured",
	Expired:             "expired",
	NotFound:            "not_found",
	AlbumNotFound:       "album_not_found",
	AlbumNotWriteable:   "album_not_writeable",
	AlbumFull:           "album_full",
	TooLarge:            "too_large",
	Duplicate:           "duplicate",
	ItemFault:           "item_fault",
	Rejected:            "rejected",
	Invalid:             "invalid",
}

// String gives the kind in snake_case, and "none" for what is no kind.
func (k Kind) String() string {
	if name, ok := kindNames[k]; ok {
		return name
	}
	return "none"
}
