package account

import (
	"cmp"
	"time"

	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
)

// A hold is why an account waits, as E/state shows it.
type hold struct {
	mqttapi.Hold
	wait time.Duration // how long it was to last when it began; 0 = until a person ends it
	step Step          // what Google has refused
}

// ofUploads tells a hold that stops nothing else: what reads finds out by itself whether Google answers.
func (h hold) ofUploads() bool {
	return h.Reason == mqttapi.HoldStorageFull || h.Reason == mqttapi.HoldScopeMissing || h.Reason == mqttapi.HoldGoogleUnavailable
}

// Who sets holds: each has one at a time, so that linking again does not end a quota hold.
const (
	byLink    = iota // the account must be linked, or linked again
	byProject        // Google's daily quota of the client id, or what is wrong with its project
	byAnswer         // what Google last answered this account
	sources
)

type holds [sources]hold

// longest returns the hold that lasts longest, nil when there is none, and how long that is; 0 = until a person ends it.
func (hs holds) longest(uploads bool) (longest *mqttapi.Hold, lasts time.Duration) {
	for _, h := range hs {
		left := wake.Left(h.Until.Time, h.wait)
		switch {
		case h.Reason == "" || !uploads && h.ofUploads():
		case h.wait == 0:
			return &h.Hold, 0
		case left > lasts:
			longest, lasts = &h.Hold, left
		}
	}
	return longest, lasts
}

// HoldCode is what a user sees who does not want to wait for the end of a hold.
func HoldCode(h *mqttapi.Hold) mqttapi.Code {
	return cmp.Or(holdCodes[h.Reason], mqttapi.CodeGoogleUnavailable)
}

var holdCodes = map[mqttapi.HoldReason]mqttapi.Code{
	mqttapi.HoldQuotaDaily: mqttapi.CodeQuotaDaily, mqttapi.HoldRateLimited: mqttapi.CodeRateLimited,
	mqttapi.HoldStorageFull: mqttapi.CodeStorageFull, mqttapi.HoldRelink: mqttapi.CodeRelinkRequired,
	mqttapi.HoldScopeMissing: mqttapi.CodeScopeMissing, mqttapi.HoldAccessNotConfigured: mqttapi.CodeAccessNotConfigured,
	mqttapi.HoldClientRefused: mqttapi.CodeAccessNotConfigured,
}
