package bridge

import (
	"cmp"
	"context"
	"errors"
	"math"
	"time"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos"
)

// Waits, in the order of the table in decide. Google's rules:
// https://developers.google.com/photos/overview/best-practices (5xx: back off
// from 1 s with jitter; 429: at least 30 s) and
// https://developers.google.com/photos/overview/api-limits-quotas (daily quota).
const (
	firstRetry    = time.Second
	lastRetry     = 15 * time.Minute
	rateLimitWait = 30 * time.Second
	lastRateWait  = 10 * time.Minute
	storageWait   = time.Hour
	setupWait     = 10 * time.Minute
	// freshToken is how old an upload token may be for Google's refusal to be
	// about the file: an older one may be refused for its age.
	freshToken = time.Hour
	// itemTries is how often an item that fails inside Google (code 13) is tried.
	itemTries = 5
	// offlineAfter is how many requests in a row must find no Google before the
	// whole entry waits and not each file.
	offlineAfter = 2
)

// An action is what becomes of a file, or of all files, after an error.
type action int

const (
	actRetry       action = iota + 1 // this file waits until `at`
	actHoldEntry                     // nothing of the entry moves until `at`
	actHoldProject                   // nothing of any entry of this client id moves until `at`
	actRelink                        // nothing of the entry moves until a person links again
	actResend                        // the bytes are sent again, because session or token are of no use
	actFindAlbum                     // the album id is forgotten and the title looked up again
	actFail                          // the file is over
)

// An attempt is what decide may know of the file that failed.
type attempt struct {
	Tries    int           // failed tries of this file since it last came further, this one included
	Faults   int           // of them, those that Google failed at the item itself, this one included
	Streak   int           // failed requests of the entry in a row, this one included
	Age      time.Duration // since the command was accepted
	MaxAge   time.Duration // setting GPHOTOS_MAX_AGE
	TokenAge time.Duration // of the upload token that was refused; 0 before there is one
	ByTitle  bool          // the album was named by its title
	Resent   bool          // the bytes were sent anew for such an error before
}

// A decision is the one answer to one error.
type decision struct {
	action action
	at     time.Time
	hold   mqttapi.HoldReason // for the actions that hold
	code   mqttapi.Code       // what the user sees when the file is over
	words  string
	fault  bool // counts among attempt.Faults
}

// decide is the only place that says what an error means for an upload: a pure
// function of the error, the file's history, the time and a random number in
// [0,1) for jitter. Whatever only waits turns into a failure once the job is
// older than MaxAge.
func decide(err error, a attempt, now time.Time, random float64) decision {
	d := decideKind(err, a, now, random)
	if d.action != actFail && a.Age >= a.MaxAge {
		d.action = actFail
	}
	return d
}

func decideKind(err error, a attempt, now time.Time, random float64) decision {
	if refused, ok := errors.AsType[*mqttapi.Error](err); ok {
		return decision{action: actFail, code: refused.Code, words: refused.Message}
	}
	if errors.Is(err, store.ErrDamaged) || errors.Is(err, store.ErrNotFound) {
		return because(actFail, mqttapi.CodeInternal).saying("The copy of the file that was waiting is damaged: send the file again.")
	}
	if errors.Is(err, photos.ErrMediaChanged) {
		return because(actFail, mqttapi.CodeChanged)
	}
	google, ok := errors.AsType[*photos.Error](err)
	if link, bad := errors.AsType[*auth.Error](err); bad {
		switch {
		case errors.Is(link, auth.ErrUnlinked), errors.Is(link, auth.ErrRelink):
			return because(actRelink, mqttapi.CodeRelinkRequired).holding(mqttapi.HoldRelink, time.Time{}).saying(link.Message)
		case !errors.Is(link, auth.ErrUnavailable) && !errors.Is(link, auth.ErrVault):
			return because(actHoldEntry, mqttapi.CodeRelinkRequired).holding(mqttapi.HoldRelink, now.Add(setupWait)).saying(link.Message)
		}
		google, ok = &photos.Error{Kind: photos.Transient}, true
	}
	if !ok && errors.Is(err, context.DeadlineExceeded) {
		google, ok = &photos.Error{Kind: photos.Transient, Lost: true}, true
	}
	if !ok {
		return because(actFail, mqttapi.CodeInternal)
	}
	switch google.Kind {
	case photos.Transient, photos.ItemFault, photos.Duplicate, photos.Expired, photos.Rejected:
		return decideFile(google, a, now, random)
	case photos.RateLimited, photos.ConcurrentWrites, photos.DailyQuota, photos.StorageFull, photos.Unauthorized, photos.AccessNotConfigured:
		return decideAccount(google, a, now, random)
	case photos.ScopeMissing, photos.NotFound, photos.AlbumNotFound, photos.AlbumNotWriteable, photos.AlbumFull, photos.TooLarge, photos.Invalid:
		return decideRefusal(google, a)
	}
	return because(actFail, mqttapi.CodeInternal)
}

// decideFile holds the rows in which one file waits, or starts again.
func decideFile(err *photos.Error, a attempt, now time.Time, random float64) decision {
	later := now.Add(max(backoff(a.Tries, random), err.RetryAfter))
	switch err.Kind { //nolint:exhaustive // the other kinds are rows of the other functions
	case photos.Duplicate:
		if a.Faults >= itemTries {
			return because(actFail, mqttapi.CodeRejected)
		}
		return because(actRetry, mqttapi.CodeRejected).after(now).counting()
	case photos.Expired:
		return because(actResend, mqttapi.CodeGoogleUnavailable).after(later)
	case photos.Rejected:
		if a.TokenAge >= freshToken && !a.Resent {
			return because(actResend, mqttapi.CodeRejected).after(now)
		}
		return because(actFail, mqttapi.CodeRejected)
	case photos.ItemFault:
		if a.Faults >= itemTries {
			return because(actFail, mqttapi.CodeRejected)
		}
		return because(actRetry, mqttapi.CodeGoogleUnavailable).after(later).counting()
	case photos.Transient:
		if err.Status == 0 && a.Streak >= offlineAfter {
			until := now.Add(backoff(a.Streak, random))
			return because(actHoldEntry, mqttapi.CodeGoogleUnavailable).holding(mqttapi.HoldOffline, until)
		}
	}
	return because(actRetry, mqttapi.CodeGoogleUnavailable).after(later)
}

// decideAccount holds the rows in which everything of the account waits.
func decideAccount(err *photos.Error, a attempt, now time.Time, random float64) decision {
	switch err.Kind { //nolint:exhaustive // the other kinds are rows of the other functions
	case photos.DailyQuota:
		return because(actHoldProject, mqttapi.CodeQuotaDaily).holding(mqttapi.HoldQuotaDaily, quotaBack(now))
	case photos.StorageFull:
		return because(actHoldEntry, mqttapi.CodeStorageFull).holding(mqttapi.HoldStorageFull, now.Add(storageWait))
	case photos.Unauthorized:
		return because(actRelink, mqttapi.CodeRelinkRequired).holding(mqttapi.HoldRelink, time.Time{})
	case photos.AccessNotConfigured:
		d := because(actHoldEntry, mqttapi.CodeAccessNotConfigured).holding(mqttapi.HoldOffline, now.Add(setupWait))
		return d.saying(cmp.Or(err.Message, d.words))
	}
	wait := min(rateLimitWait<<min(max(a.Streak-1, 0), 5), lastRateWait)
	wait += time.Duration(random * float64(rateLimitWait) / 2)
	return because(actHoldEntry, mqttapi.CodeRateLimited).holding(mqttapi.HoldRateLimited, now.Add(max(wait, err.RetryAfter)))
}

// decideRefusal holds the rows that no waiting changes.
func decideRefusal(err *photos.Error, a attempt) decision {
	switch err.Kind { //nolint:exhaustive // the other kinds are rows of the other functions
	case photos.ScopeMissing:
		return because(actFail, mqttapi.CodeScopeMissing)
	case photos.AlbumNotFound:
		if a.ByTitle && !a.Resent {
			return because(actFindAlbum, mqttapi.CodeAlbumNotFound)
		}
		return because(actFail, mqttapi.CodeAlbumNotFound)
	case photos.AlbumNotWriteable:
		return because(actFail, mqttapi.CodeAlbumNotWriteable)
	case photos.AlbumFull:
		return because(actFail, mqttapi.CodeAlbumFull)
	case photos.TooLarge:
		return because(actFail, mqttapi.CodeTooLarge)
	case photos.NotFound:
		return because(actFail, mqttapi.CodeNotFound).saying("Google knows no such item, or the bridge has not made it.")
	}
	d := because(actFail, mqttapi.CodeRejected)
	if err.Message != "" {
		d = d.saying("Google refused the request: " + err.Message)
	}
	return d
}

// because starts a decision with the code's own sentence.
func because(act action, code mqttapi.Code) decision {
	return decision{action: act, code: code, words: code.Sentence()}
}

func (d decision) after(at time.Time) decision {
	d.at = at
	return d
}

func (d decision) holding(reason mqttapi.HoldReason, until time.Time) decision {
	d.hold, d.at = reason, until
	return d
}

func (d decision) counting() decision {
	d.fault = true
	return d
}

func (d decision) saying(words string) decision {
	d.words = words
	return d
}

// backoff doubles from 1 s up to 15 min, with up to a quarter more by chance so
// that many files do not come back together.
func backoff(tries int, random float64) time.Duration {
	wait := time.Duration(float64(firstRetry) * math.Pow(2, float64(min(max(tries-1, 0), 20))))
	wait = min(wait, lastRetry)
	return wait + time.Duration(random*float64(wait)/4)
}
