package intake

import (
	"errors"
	"time"

	"gphotos2mqtt/bridge/media"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
)

const (
	firstLook = 250 * time.Millisecond
	laterLook = 5 * time.Second // the longest pause between two looks: network shares tell nobody of changes
)

// ErrElsewhere is the error of a file that is on another machine.
var ErrElsewhere = errors.New("the file is on another machine")

// tried says what becomes of a file by what an attempt to take it returned: it is queued, waits, or failed. Any other error is returned.
func (in *Intake) tried(f *store.File, err error) error {
	if err == nil {
		f.Status, f.Wait, f.ErrorCode, f.ErrorMessage = store.FileQueued, nil, "", ""
		f.NotBefore, f.Pause = time.Time{}, 0
		return nil
	}
	if f.Wait != nil {
		err = in.postpone(f, err)
	}
	if refused, ok := errors.AsType[*mqttapi.Error](err); ok && refused.Code != mqttapi.CodeBusy {
		f.Wait = nil
		f.Status, f.ErrorCode, f.ErrorMessage = store.FileFailed, string(refused.Code), refused.Message
		return nil
	}
	return err
}

// postpone lets a file wait for what passes. When it has waited long enough, or nothing passes, the error says why it fails.
func (in *Intake) postpone(f *store.File, cause error) error {
	now := wake.Wall()
	cause = in.Elsewhere(f, cause)
	before, w := f.Wait, store.Wait{Missing: f.Wait.Missing, Since: now}
	refused, _ := errors.AsType[*mqttapi.Error](cause)
	unavailable, isUnavailable := errors.AsType[*media.UnavailableError](cause)
	unfinished, isUnfinished := errors.AsType[*media.UnfinishedError](cause)
	var reason mqttapi.HoldReason
	var lasts time.Duration // 0 = as long as a job may
	wait, message := Pause(before, now), cause.Error()
	switch {
	case isUnavailable:
		reason, refused = mqttapi.WaitAway, unavailable.Refusal()
		if unavailable.Silent {
			reason = mqttapi.WaitSilent
		} else if unavailable.Faulty() {
			lasts = in.cfg.Patience.Limit
		}
	case isUnfinished:
		if before.Seen != nil && before.Seen.Size > 0 {
			unfinished.Empty = false // it is just being written anew
		}
		reason, refused = mqttapi.WaitUnfinished, unfinished.Refusal()
		lasts = max(in.cfg.Patience.Limit, in.cfg.Patience.Quiet, min(2*unfinished.Ready, laterLook))
		if unfinished.Empty {
			lasts = w.Missing
		}
		w.Seen, w.Still, f.Machine = new(store.Source(unfinished.Seen)), lookedAt(f, unfinished.Seen), in.cfg.Machine
		if unfinished.Ready > 0 {
			wait = min(wait, unfinished.Ready)
		}
	case errors.Is(cause, ErrElsewhere):
		reason, refused, w.Seen = mqttapi.WaitElsewhere, mqttapi.NewError(mqttapi.CodeNotFound), before.Seen
		message = Called(f) + " is on the machine " + f.Machine + ": it is uploaded when a process of the bridge runs there."
	case errors.Is(cause, errTurn):
		reason, wait, refused = mqttapi.WaitTurn, 0, mqttapi.NewError(mqttapi.CodeUnreadable)
		message = Called(f) + " is read after others, or its folder is slow."
	case refused != nil && refused.Code == mqttapi.CodeNotFound && (w.Missing > 0 || f.Source != nil):
		reason, message = mqttapi.WaitMissing, Called(f)+" is not there yet: check its name, if it does not come."
		if f.Source == nil {
			lasts = w.Missing
		}
	case refused != nil && refused.Code == mqttapi.CodeBusy && f.Status == store.FileWaiting:
		reason, message = mqttapi.WaitRoom, refused.Message
	default:
		return cause
	}
	if w.Reason = string(reason); before.Reason == w.Reason {
		w.Since, w.Until, w.Lasts = before.Since, before.Until, before.Lasts
	} else if lasts > 0 {
		w.Until, w.Lasts = now.Add(lasts), lasts
	}
	if isUnfinished && lasts == 0 || isOver(&w) {
		return refused
	}
	if !w.Until.IsZero() {
		wait = min(wait, w.Until.Sub(now))
	}
	f.Status, f.Wait, f.NotBefore, f.Pause = store.FileWaiting, &w, now.Add(wait), wait
	f.ErrorCode, f.ErrorMessage = string(refused.Code), message
	return nil
}

// Elsewhere turns the error of a file that stays where it is, and that is not as it was seen, into ErrElsewhere when it was seen on another
// machine: what is here under its name is not that file. It is sought, and so is one of this machine that cannot be reached here: a share
// may be mounted on several.
func (in *Intake) Elsewhere(f *store.File, cause error) error {
	seen := f.Source
	switch {
	case seen == nil && f.Wait != nil && f.Wait.Seen != nil:
		seen = f.Wait.Seen // it was being written
	case seen == nil && f.After != nil:
		seen = &f.After.Seen
	}
	refused, isRefused := errors.AsType[*mqttapi.Error](cause)
	_, away := errors.AsType[*media.UnavailableError](cause)
	if f.Machine == "" || in.cfg.Machine == "" || seen == nil || !away && !isRefused {
		return cause
	}
	other := f.Machine != in.cfg.Machine
	switch {
	case away || refused.Code == mqttapi.CodeNotFound:
	case !other || refused.Code != mqttapi.CodeChanged && refused.Code != mqttapi.CodeNotAllowed && refused.Code != mqttapi.CodeUnreadable:
		return cause
	}
	in.cfg.Seek(*seen, f.Machine)
	if other {
		return ErrElsewhere
	}
	return cause
}

// Pause grows with the time that a file has waited, so that what comes soon is seen soon.
func Pause(w *store.Wait, now time.Time) time.Duration {
	if w.Since.IsZero() {
		return firstLook
	}
	return min(max(now.Sub(w.Since)/4, firstLook), laterLook)
}

// lookedAt returns since when a file looks as it does now, as far as this process has seen.
func lookedAt(f *store.File, now media.Seen) time.Time {
	if w := f.Wait; w != nil && w.Seen != nil && store.Source(now) == *w.Seen && !w.Still.IsZero() {
		return w.Still
	}
	return time.Now()
}

// lastLook reports whether a file that is not finished is waited for no longer.
func lastLook(f *store.File) bool {
	w := f.Wait
	return w != nil && w.Reason == string(mqttapi.WaitUnfinished) && isOver(w)
}

func isOver(w *store.Wait) bool { return !w.Until.IsZero() && wake.Left(w.Until, w.Lasts) == 0 }
