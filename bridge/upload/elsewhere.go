package upload

import (
	"errors"
	"maps"
	"slices"

	"gphotos2mqtt/bridge/media"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/mqttapi"
)

// errElsewhere is the error of a file that is on another machine.
var errElsewhere = errors.New("the file is on another machine")

// elsewhere turns the error of a file that stays where it is, and that is not as it was seen, into errElsewhere when it was seen on another
// machine: what is here under its name is not that file. It is sought, and so is one of this machine that cannot be reached here: a share
// may be mounted on several.
func (u *Uploads) elsewhere(f *store.File, cause error) error {
	seen := f.Source
	switch {
	case seen == nil && f.Wait != nil && f.Wait.Seen != nil:
		seen = f.Wait.Seen // it was being written
	case seen == nil && f.After != nil:
		seen = &f.After.Seen
	}
	refused, isRefused := errors.AsType[*mqttapi.Error](cause)
	_, away := errors.AsType[*media.UnavailableError](cause)
	if f.Machine == "" || u.cfg.Machine == "" || seen == nil || !away && !isRefused {
		return cause
	}
	other := f.Machine != u.cfg.Machine
	switch {
	case away || refused.Code == mqttapi.CodeNotFound:
	case !other || refused.Code != mqttapi.CodeChanged && refused.Code != mqttapi.CodeNotAllowed && refused.Code != mqttapi.CodeUnreadable:
		return cause
	}
	u.cfg.Seek(*seen, f.Machine)
	if other {
		return errElsewhere
	}
	return cause
}

// NeedsMachine reports whether a file is to be sent next, or is being sent, that stays on this machine: the entry should not move now.
func (u *Uploads) NeedsMachine() bool {
	q := u.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, f := range slices.AppendSeq(slices.Clone(q.queued), maps.Keys(q.active)) {
		if r := f.view(); r.Source != nil && r.Status == store.FileQueued {
			return true
		}
	}
	return false
}

// Idle reports whether nothing is on its way to Google.
func (u *Uploads) Idle() bool { return u.queue.idle() }
