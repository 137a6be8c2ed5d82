package account

import (
	"cmp"
	"context"
	"errors"
	"time"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos"
)

// Google's rules: https://developers.google.com/photos/overview/best-practices (5xx: back off from 1 s with jitter; 429: at least 30 s)
// and https://developers.google.com/photos/overview/api-limits-quotas (daily quota).
const (
	firstRetry    = time.Second
	lastRetry     = 15 * time.Minute
	rateLimitWait = 30 * time.Second
	lastRateWait  = 10 * time.Minute
	storageWait   = time.Hour
	setupWait     = 10 * time.Minute
	freshToken    = time.Hour // up to this age of an upload token Google's refusal is about the file, not about its age
	itemTries     = 5         // how often an item that fails inside Google (code 13) is tried
	offlineAfter  = 2         // requests in a row that must find no Google before the whole entry waits and not each file
)

// An Action is what becomes of a file, or of all files, after an error.
type Action int

// What may become of it.
const (
	Retry       Action = iota + 1 // this file waits until At
	HoldEntry                     // nothing of the entry moves until At
	HoldProject                   // nothing of any entry of this client id moves until At
	Relink                        // nothing of the entry moves until a person links again
	Resend                        // the bytes are sent again, because session or token are of no use
	FindAlbum                     // the album id is forgotten and the title looked up again
	Fail                          // the file is over
)

// An Attempt is what Decide may know of the file that failed.
type Attempt struct {
	Tries    int           // failed tries of this file since it last came further, this one included
	Faults   int           // of them, those that Google failed at the item itself, this one included
	InARow   int           // failed requests of the entry in a row, this one included
	Age      time.Duration // since the command was accepted
	MaxAge   time.Duration // setting GPHOTOS_MAX_AGE
	TokenAge time.Duration // of the upload token that was refused; 0 before there is one
	ByTitle  bool          // the album was named by its title
	Resent   bool          // the bytes were sent anew for such an error before
}

// A Decision is the one answer to one error.
type Decision struct {
	Action   Action
	At       time.Time          // when it is tried again; zero = at once, or when a person has acted
	Hold     mqttapi.HoldReason // for the actions that hold
	Code     mqttapi.Code       // what the user sees when the file is over
	Sentence string
	Fault    bool // counts among Attempt.Faults
}

// Decide alone says what an error means for an upload. It is pure: random is in [0,1). What only waits fails once the job is past MaxAge.
func Decide(err error, a Attempt, now time.Time, random float64) Decision {
	d := decide(err, a, now, random)
	if d.Sentence = cmp.Or(d.Sentence, d.Code.Sentence()); a.Age >= a.MaxAge {
		d.Action = Fail
	}
	return d
}

func decide(err error, a Attempt, now time.Time, random float64) Decision {
	silence := &photos.Error{Kind: photos.Transient}
	google, answered := errors.AsType[*photos.Error](err)
	refused, isRefused := errors.AsType[*mqttapi.Error](err)
	link, isLink := errors.AsType[*auth.Error](err)
	switch {
	case errors.Is(err, wake.ErrStalled):
		google = silence
	case isRefused:
		return Decision{Action: Fail, Code: refused.Code, Sentence: refused.Message}
	case errors.Is(err, store.ErrDamaged), errors.Is(err, store.ErrNotFound):
		const damaged = "The copy of the file that was waiting is damaged: send the file again."
		return Decision{Action: Fail, Code: mqttapi.CodeInternal, Sentence: damaged}
	case errors.Is(err, photos.ErrMediaChanged):
		return Decision{Action: Fail, Code: mqttapi.CodeChanged}
	case isLink && !errors.Is(link, auth.ErrUnavailable) && !errors.Is(link, auth.ErrVault):
		d := Decision{Action: Relink, Code: mqttapi.CodeRelinkRequired, Hold: mqttapi.HoldRelink, Sentence: link.Message}
		if !errors.Is(link, auth.ErrUnlinked) && !errors.Is(link, auth.ErrRelink) {
			d.Action, d.At = HoldEntry, now.Add(setupWait)
		}
		return d
	case isLink, !answered && errors.Is(err, context.DeadlineExceeded):
		google = silence
	case !answered:
		return Decision{Action: Fail, Code: mqttapi.CodeInternal}
	}
	return decideGoogle(google, a, now, random)
}

// answers are what becomes of a file by Google's answer. What depends on more than that is in decideGoogle.
var answers = map[photos.Kind]Decision{
	// One file waits, or starts again.
	photos.Transient: {Action: Retry, Code: mqttapi.CodeGoogleUnavailable},
	photos.Untrusted: {Action: Retry, Code: mqttapi.CodeGoogleUnavailable},
	photos.ItemFault: {Action: Retry, Code: mqttapi.CodeGoogleUnavailable, Fault: true},
	photos.Duplicate: {Action: Retry, Code: mqttapi.CodeRejected, Fault: true},
	photos.Expired:   {Action: Resend, Code: mqttapi.CodeGoogleUnavailable},
	photos.Rejected:  {Action: Fail, Code: mqttapi.CodeRejected},
	// Everything of the account waits.
	photos.RateLimited:      {Action: HoldEntry, Code: mqttapi.CodeRateLimited, Hold: mqttapi.HoldRateLimited},
	photos.ConcurrentWrites: {Action: HoldEntry, Code: mqttapi.CodeRateLimited, Hold: mqttapi.HoldRateLimited},
	photos.DailyQuota:       {Action: HoldProject, Code: mqttapi.CodeQuotaDaily, Hold: mqttapi.HoldQuotaDaily},
	photos.StorageFull:      {Action: HoldEntry, Code: mqttapi.CodeStorageFull, Hold: mqttapi.HoldStorageFull},
	photos.Unauthorized:     {Action: Relink, Code: mqttapi.CodeRelinkRequired, Hold: mqttapi.HoldRelink},
	photos.ProjectBlocked:   {Action: HoldEntry, Code: mqttapi.CodeAccessNotConfigured, Hold: mqttapi.HoldOffline},
	photos.PhotosDisabled:   {Action: HoldEntry, Code: mqttapi.CodeAccessNotConfigured, Hold: mqttapi.HoldOffline},
	// No waiting changes it.
	photos.ScopeMissing:      {Action: Fail, Code: mqttapi.CodeScopeMissing},
	photos.AlbumNotFound:     {Action: Fail, Code: mqttapi.CodeAlbumNotFound},
	photos.AlbumNotWriteable: {Action: Fail, Code: mqttapi.CodeAlbumNotWriteable},
	photos.AlbumFull:         {Action: Fail, Code: mqttapi.CodeAlbumFull},
	photos.TooLarge:          {Action: Fail, Code: mqttapi.CodeTooLarge},
	photos.Invalid:           {Action: Fail, Code: mqttapi.CodeRejected},
	photos.NotFound:          {Action: Fail, Code: mqttapi.CodeNotFound, Sentence: "Google knows no such item, or the bridge has not made it."},
}

func decideGoogle(err *photos.Error, a Attempt, now time.Time, random float64) Decision {
	d, ok := answers[err.Kind]
	if !ok {
		return Decision{Action: Fail, Code: mqttapi.CodeInternal}
	}
	later := now.Add(max(backoff(a.Tries, random), err.RetryAfter))
	switch err.Kind { //nolint:exhaustive // of the others the table says all
	case photos.Transient:
		if d.At = later; err.Status == 0 && a.InARow >= offlineAfter {
			d.Action, d.Hold, d.At = HoldEntry, mqttapi.HoldOffline, now.Add(backoff(a.InARow, random))
		}
	case photos.ItemFault, photos.Duplicate, photos.Expired, photos.Untrusted:
		if d.At = later; d.Fault && a.Faults >= itemTries {
			return Decision{Action: Fail, Code: mqttapi.CodeRejected}
		} else if err.Kind == photos.Duplicate {
			d.At = now
		}
	case photos.Rejected:
		if a.TokenAge >= freshToken && !a.Resent {
			d.Action, d.At = Resend, now
		}
	case photos.RateLimited, photos.ConcurrentWrites:
		wait := min(rateLimitWait<<min(max(a.InARow-1, 0), 5), lastRateWait) + time.Duration(random*float64(rateLimitWait)/2)
		d.At = now.Add(max(wait, err.RetryAfter))
	case photos.DailyQuota:
		d.At = quotaBack(now)
	case photos.StorageFull:
		d.At = now.Add(storageWait)
	case photos.ProjectBlocked, photos.PhotosDisabled:
		d.At, d.Sentence = now.Add(setupWait), err.Message
	case photos.AlbumNotFound:
		if a.ByTitle && !a.Resent {
			d.Action = FindAlbum
		}
	case photos.Invalid:
		if err.Message != "" {
			d.Sentence = "Google refused the request: " + err.Message
		}
	}
	return d
}

// backoff doubles from 1 s up to 15 min, with up to a quarter more by chance so that many files do not come back together.
func backoff(tries int, random float64) time.Duration {
	wait := min(firstRetry<<min(max(tries-1, 0), 20), lastRetry)
	return wait + time.Duration(random*float64(wait)/4)
}
