package bridge

import (
	"time"

	"gphotos2mqtt/mqttapi"
)

// A Hold is why nothing of an entry moves, as E/state tells it.
type Hold struct {
	// Reason is empty when nothing is held.
	Reason mqttapi.HoldReason
	// Until is when it is tried again; zero when only a person can end it.
	Until time.Time
	// Message is one sentence for the person who reads E/state.
	Message string
}

// wait returns how long the hold lasts from now on, 0 for one without an end.
func (h Hold) wait(now time.Time) time.Duration {
	if h.Until.IsZero() {
		return 0
	}
	return h.Until.Sub(now)
}

// A holdSource is who set a hold: each source has one at a time, so that
// linking again does not end a quota hold.
type holdSource int

const (
	holdByLink    holdSource = iota // the account must be linked (again)
	holdByProject                   // Google's daily quota of the client id
	holdByEntry                     // what Google last answered this account
)

// holds are the reasons to wait, by source.
type holds [3]Hold

// at returns the hold that lasts longest at that time, one without an end
// before all others.
func (hs holds) at(now time.Time) (Hold, bool) {
	var longest Hold
	for _, h := range hs {
		switch {
		case h.Reason == "" || !h.Until.IsZero() && !h.Until.After(now):
		case longest.Reason == "" || !longest.Until.IsZero() && (h.Until.IsZero() || h.Until.After(longest.Until)):
			longest = h
		}
	}
	return longest, longest.Reason != ""
}

// codeOfHold is what a user sees who does not want to wait for the end of a hold.
func codeOfHold(reason mqttapi.HoldReason) mqttapi.Code {
	switch reason {
	case mqttapi.HoldQuotaDaily:
		return mqttapi.CodeQuotaDaily
	case mqttapi.HoldRateLimited:
		return mqttapi.CodeRateLimited
	case mqttapi.HoldStorageFull:
		return mqttapi.CodeStorageFull
	case mqttapi.HoldRelink:
		return mqttapi.CodeRelinkRequired
	case mqttapi.HoldOffline:
	}
	return mqttapi.CodeGoogleUnavailable
}
