package account

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
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
	setupWait     = time.Minute // first pause while a person has something to set right in Google's console; it doubles up to lastSetup
	lastSetup     = time.Hour
	faultTries    = 32               // how often an item that fails inside Google (code 13) is tried: for more than five hours
	twinTries     = 5                // the same for one that Google says it has, and does not say which it is: for a quarter of an hour
	receiptTries  = 5                // the same for one whose upload token Google refuses each time
	offlineAfter  = 2                // requests in a row that must find no Google before the whole entry waits and not each file
	faultyFor     = time.Minute      // how long Google must answer with faults alone before the whole entry waits
	clockLook     = 30 * time.Second // between two looks whether the clock is right by now
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
	InARow   int           // failed requests of the step in a row, this one included
	Lasts    time.Duration // since the first of those
	Age      time.Duration // since the command was accepted
	MaxAge   time.Duration // setting GPHOTOS_MAX_AGE
	Sent     bool          // it was an upload token that was refused
	ByTitle  bool          // the album was named by its title
	NewAlbum bool          // the bridge has made the album only minutes ago
	Resent   bool          // the bytes were sent anew for such an error before
	Sought   bool          // the album was looked for again before
	step     Step          // what failed
}

// A Decision is the one answer to one error.
type Decision struct {
	Action   Action
	At       time.Time          // when it is tried again; zero = at once, or when a person has acted
	Wait     time.Duration      // until At
	Hold     mqttapi.HoldReason // for the actions that hold
	Code     mqttapi.Code       // what the user sees when the file is over
	Sentence string
	Fault    bool // counts among Attempt.Faults
	step     Step // of the Attempt
}

// Decide alone says what an error means for an upload. It is pure: random is in [0,1). What only waits fails once the job is past MaxAge.
func Decide(err error, a Attempt, now time.Time, random float64) Decision {
	d := decide(err, a, now, random)
	d.step = a.step
	if d.Sentence = cmp.Or(d.Sentence, d.Code.Sentence()); a.Age >= a.MaxAge {
		d.Action = Fail
	}
	if !d.At.IsZero() {
		d.Wait = max(d.At.Sub(now), 0)
	}
	return d
}

func decide(err error, a Attempt, now time.Time, random float64) Decision {
	silence := &photos.Error{Kind: photos.Transient}
	google, answered := errors.AsType[*photos.Error](err)
	refused, isRefused := errors.AsType[*mqttapi.Error](err)
	link, isLink := errors.AsType[*auth.Error](err)
	if wrong := wake.WrongClock(err); wrong != "" {
		return Decision{
			Action: HoldEntry, Code: mqttapi.CodeGoogleUnavailable, Hold: mqttapi.HoldOffline, Sentence: wrong, At: now.Add(clockLook),
		}
	}
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
	case errors.Is(err, auth.ErrUnlinked), errors.Is(err, auth.ErrRelink):
		return Decision{Action: Relink, Code: mqttapi.CodeRelinkRequired, Hold: mqttapi.HoldRelink, Sentence: link.Message}
	case isLink && !errors.Is(link, auth.ErrUnavailable) && !errors.Is(link, auth.ErrVault):
		return Decision{
			Action: HoldEntry, Code: mqttapi.CodeAccessNotConfigured, Hold: mqttapi.HoldClientRefused, Sentence: link.Message,
			At: now.Add(doubled(setupWait, lastSetup, a.InARow)),
		}
	case isLink:
		google = &photos.Error{Kind: photos.Transient, Status: link.Answered}
	case !answered && errors.Is(err, context.DeadlineExceeded):
		google = silence
	case !answered:
		return Decision{Action: Fail, Code: mqttapi.CodeInternal}
	}
	return decideGoogle(google, a, now, random)
}

// MayBeOfOne tells whether Google may have refused a whole batch for one of its files, as it does for one bad upload token:
// https://github.com/gphotosuploader/gphotos-uploader-cli/issues/223
func MayBeOfOne(err error) bool {
	switch photos.KindOf(err) { //nolint:exhaustive // the others are about the account, the album or nothing that is known
	case photos.Expired, photos.Invalid, photos.Rejected, photos.NotFound:
		return true
	}
	return false
}

// Sentences of Google's answers that say more than their codes do.
const (
	sayFault = "Google fails on its own side at making this item, and nothing is wrong with the file: it is tried again for hours, and then " +
		"with job/retry."
	sayTwin = "Google says that it has this very photo or video, and does not say which item it is: look for it in Google Photos. Nothing " +
		"is wrong with the file."
	sayToken = "Google gives the bridge access and then refuses to take it (status 401). It is asked again by itself; if that lasts, look " +
		"for a security notice in the Google account, and link the account again with every box ticked."
	sayReceipt = "Google does not take its own receipt for the bytes of this file, although they were sent again: nothing is known to be " +
		"wrong with the file, try it again with job/retry."
	sayFaulty   = "Google Photos answers with a fault of its own: nothing is lost, it goes on by itself."
	sayForeign  = "An answer that should be Google's leads to a host that is not, and was not followed: look for a proxy or DNS server."
	sayNewAlbum = "Google does not know the new album yet: it goes on by itself within minutes."
	sayDisabled = "Google does not let the bridge use Google Photos for this account: turn it on for the account, or have the administrator " +
		"of its organisation do so, then link the account again with every box ticked, or link another one."
)

// answers are what becomes of a file by Google's answer. What depends on more than that is in decideGoogle.
var answers = map[photos.Kind]Decision{
	// One file waits, or starts again.
	photos.Transient: {Action: Retry, Code: mqttapi.CodeGoogleUnavailable},
	photos.Untrusted: {Action: Retry, Code: mqttapi.CodeGoogleUnavailable, Sentence: sayForeign},
	photos.ItemFault: {Action: Retry, Code: mqttapi.CodeGoogleUnavailable, Sentence: sayFault, Fault: true},
	photos.Duplicate: {Action: Retry, Code: mqttapi.CodeRejected, Sentence: sayTwin, Fault: true},
	photos.Expired:   {Action: Resend, Code: mqttapi.CodeGoogleUnavailable},
	photos.Rejected:  {Action: Fail, Code: mqttapi.CodeRejected},
	// Everything of the account waits.
	photos.RateLimited:      {Action: HoldEntry, Code: mqttapi.CodeRateLimited, Hold: mqttapi.HoldRateLimited},
	photos.ConcurrentWrites: {Action: HoldEntry, Code: mqttapi.CodeRateLimited, Hold: mqttapi.HoldRateLimited},
	photos.DailyQuota:       {Action: HoldProject, Code: mqttapi.CodeQuotaDaily, Hold: mqttapi.HoldQuotaDaily},
	photos.StorageFull:      {Action: HoldEntry, Code: mqttapi.CodeStorageFull, Hold: mqttapi.HoldStorageFull},
	photos.Unauthorized:     {Action: HoldEntry, Code: mqttapi.CodeGoogleUnavailable, Hold: mqttapi.HoldGoogleUnavailable, Sentence: sayToken},
	photos.ProjectBlocked:   {Action: HoldProject, Code: mqttapi.CodeAccessNotConfigured, Hold: mqttapi.HoldAccessNotConfigured},
	photos.PhotosDisabled: {
		Action: HoldEntry, Code: mqttapi.CodeAccessNotConfigured, Hold: mqttapi.HoldAccessNotConfigured, Sentence: sayDisabled,
	},
	photos.ScopeMissing: {Action: HoldEntry, Code: mqttapi.CodeScopeMissing, Hold: mqttapi.HoldScopeMissing},
	// No waiting changes it.
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
	d.At = now.Add(max(backoff(a.Tries, random), err.RetryAfter)) // of those that wait, and have no time of their own below
	together := now.Add(max(backoff(a.InARow, random), err.RetryAfter))
	switch err.Kind { //nolint:exhaustive // of the others the table says all
	case photos.Transient:
		switch {
		case err.Status == 0 && a.InARow >= offlineAfter:
			d.Action, d.Hold, d.At = HoldEntry, mqttapi.HoldOffline, together
		case err.Status != 0 && a.Lasts >= faultyFor:
			d.Action, d.Hold, d.At, d.Sentence = HoldEntry, mqttapi.HoldGoogleUnavailable, together, sayFaulty
		}
	case photos.ItemFault:
		d.Action = unless(d.Action, a.Faults >= faultTries, Fail)
	case photos.Duplicate: // in the next batch it often is another item of equal bytes that Google has made of this one
		d.Action, d.At = unless(d.Action, a.Faults >= twinTries, Fail), now
		if a.Faults > 1 {
			d.At = now.Add(doubled(time.Minute, lastRetry, a.Faults-1))
		}
	case photos.Expired:
		if a.Sent && a.Resent { // its age was not the cause: bytes are not sent again and again
			d.At, d.Sentence, d.Fault = now.Add(doubled(time.Minute, lastRetry, a.Faults)), sayReceipt, true
			d.Action = unless(d.Action, a.Faults >= receiptTries, Fail)
		}
	case photos.Rejected, photos.NotFound: // perhaps it is the token that is refused, as one of another account or of yesterday
		if a.Sent && !a.Resent {
			d.Action, d.At = Resend, now
		}
	case photos.RateLimited, photos.ConcurrentWrites:
		wait := doubled(rateLimitWait, lastRateWait, a.InARow) + time.Duration(random*float64(rateLimitWait)/2)
		d.At = now.Add(max(wait, err.RetryAfter))
	case photos.DailyQuota:
		d.At = quotaBack(now)
	case photos.StorageFull:
		d.At = now.Add(storageWait)
	case photos.ProjectBlocked, photos.PhotosDisabled, photos.ScopeMissing, photos.Unauthorized:
		d.At, d.Sentence = now.Add(doubled(setupWait, lastSetup, a.InARow)), cmp.Or(d.Sentence, blocked(err))
		if err.Kind == photos.PhotosDisabled && err.Message != "" {
			d.Sentence += fmt.Sprintf(" Google says: %q.", strings.TrimSuffix(err.Message, "."))
		}
	case photos.AlbumNotFound:
		switch {
		case a.NewAlbum:
			d.Action, d.Code, d.Sentence = Retry, mqttapi.CodeGoogleUnavailable, sayNewAlbum
		case a.ByTitle && !a.Sought:
			d.Action, d.At = FindAlbum, time.Time{}
		}
	case photos.Invalid:
		if err.Message != "" {
			d.Sentence = "Google refused the request: " + err.Message
		}
	}
	if d.Action == Fail {
		d.At = time.Time{}
	}
	return d
}

// blocked says what a person has to set right, and where; "" when that is nothing.
func blocked(err *photos.Error) string {
	what := "Google refuses the whole Google Cloud project of this OAuth client: open %s and set right what it says there"
	if err.Kind == photos.ScopeMissing {
		return fmt.Sprintf("Google says that the right to upload was not given: link the account again and tick the box %q on Google's page.",
			auth.Box(auth.ScopeAppend))
	} else if err.Kind != photos.ProjectBlocked {
		return ""
	} else if strings.Contains(err.Console, "/apis/library/") {
		what = "The Photos Library API is switched off in the Google Cloud project of this OAuth client: open %s and enable it"
	}
	return fmt.Sprintf(what+"; nothing is lost, it goes on by itself.", cmp.Or(err.Console, "https://console.cloud.google.com/home/dashboard"))
}

func unless(a Action, over bool, then Action) Action {
	if over {
		return then
	}
	return a
}

// backoff doubles from 1 s up to 15 min, with up to a quarter more by chance so that many files do not come back together.
func backoff(tries int, random float64) time.Duration {
	wait := doubled(firstRetry, lastRetry, tries)
	return wait + time.Duration(random*float64(wait)/4)
}

// doubled is the pause after the n-th failure in a row: the first one, doubled each time, and the last one in the end.
func doubled(first, last time.Duration, n int) time.Duration {
	return min(first<<min(max(n-1, 0), 20), last)
}
