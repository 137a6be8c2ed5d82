package upload

import (
	"cmp"
	"context"
	"errors"
	"time"

	"gphotos2mqtt/bridge/capacity"
	"gphotos2mqtt/bridge/media"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
)

const (
	takers    = 8 // how many waiting files are looked at at a time
	ofFolder  = 2 // how many of one folder, so that one that is slow leaves takers to the others
	firstLook = 250 * time.Millisecond
	laterLook = 5 * time.Second // the longest pause between two looks: network shares tell nobody of changes
)

// tried says what becomes of a file by what an attempt to take it returned: it is queued, waits, or failed. Any other error is returned.
func (u *Uploads) tried(f *store.File, err error) error {
	if err == nil {
		f.Status, f.Wait, f.ErrorCode, f.ErrorMessage = store.FileQueued, nil, "", ""
		f.NotBefore, f.Pause = time.Time{}, 0
		return nil
	}
	if f.Wait != nil {
		err = u.postpone(f, err)
	}
	if refused, ok := errors.AsType[*mqttapi.Error](err); ok && refused.Code != mqttapi.CodeBusy {
		f.Wait = nil
		failed(refused.Code, refused.Message)(f)
		return nil
	}
	return err
}

// postpone lets a file wait for what passes. When it has waited long enough, or nothing passes, the error says why it fails.
func (u *Uploads) postpone(f *store.File, cause error) error {
	now := wake.Wall()
	cause = u.elsewhere(f, cause)
	before, w := f.Wait, store.Wait{Missing: f.Wait.Missing, Since: now}
	refused, _ := errors.AsType[*mqttapi.Error](cause)
	unavailable, isUnavailable := errors.AsType[*media.UnavailableError](cause)
	unfinished, isUnfinished := errors.AsType[*media.UnfinishedError](cause)
	var reason mqttapi.HoldReason
	var lasts time.Duration // 0 = as long as a job may
	wait, message := pause(before, now), cause.Error()
	switch {
	case isUnavailable:
		reason, refused = mqttapi.WaitAway, unavailable.Refusal()
		if unavailable.Silent {
			reason = mqttapi.WaitSilent
		} else if unavailable.Faulty() {
			lasts = u.cfg.Patience.Limit
		}
	case isUnfinished:
		if before.Seen != nil && before.Seen.Size > 0 {
			unfinished.Empty = false // it is just being written anew
		}
		reason, refused = mqttapi.WaitUnfinished, unfinished.Refusal()
		lasts = max(u.cfg.Patience.Limit, u.cfg.Patience.Quiet, min(2*unfinished.Ready, laterLook))
		if unfinished.Empty {
			lasts = w.Missing
		}
		w.Seen, w.Still, f.Machine = new(store.Source(unfinished.Seen)), lookedAt(f, unfinished.Seen), u.cfg.Machine
		if unfinished.Ready > 0 {
			wait = min(wait, unfinished.Ready)
		}
	case errors.Is(cause, errElsewhere):
		reason, refused, w.Seen = mqttapi.WaitElsewhere, mqttapi.NewError(mqttapi.CodeNotFound), before.Seen
		message = called(f) + " is on the machine " + f.Machine + ": it is uploaded when a process of the bridge runs there."
	case errors.Is(cause, errTurn):
		reason, wait, refused = mqttapi.WaitTurn, 0, mqttapi.NewError(mqttapi.CodeUnreadable)
		message = called(f) + " is read after others, or its folder is slow."
	case refused != nil && refused.Code == mqttapi.CodeNotFound && (w.Missing > 0 || f.Source != nil):
		reason, message = mqttapi.WaitMissing, called(f)+" is not there yet: check its name, if it does not come."
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

// pause grows with the time that a file has waited, so that what comes soon is seen soon.
func pause(w *store.Wait, now time.Time) time.Duration {
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

// takeOne takes a waiting file of the queue and gives it back.
func (u *Uploads) takeOne(ctx context.Context, f sending) error {
	if err := u.takeWaiting(ctx, f); err != nil {
		return err
	}
	u.queue.leave(f.file)
	u.cfg.Changed()
	return nil
}

func (u *Uploads) takeWaiting(ctx context.Context, of sending) error {
	j, f := of.job.view(), *of.view()
	switch {
	case f.Status == store.FileMade:
		return u.actAfter(ctx, of.file)
	case f.Expand:
		return u.expandWaiting(ctx, of)
	}
	was := f.Wait.Reason
	err := u.takePath(of.ctx, of.ctx, &f, payloadName(j, of.n))
	if of.ctx.Err() != nil {
		u.dropPayload(ctx, &f)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // a stop: the file waits as the store has it
		}
		return u.finish(ctx, ending{of.file, failed(mqttapi.CodeCancelled, "")})
	}
	if err := u.tried(&f, err); err != nil {
		return err
	}
	return u.settleTaking(ctx, of, f, was)
}

// settleTaking saves what became of a file that was waiting.
func (u *Uploads) settleTaking(ctx context.Context, of sending, f store.File, was string) error {
	j := of.job.view()
	switch {
	case f.Status == store.FileFailed:
		u.cfg.Log.WithField("error", f.ErrorMessage).WithFields(map[string]any{"job": j.ID, "kind": f.ErrorCode}).Error("upload failed")
		return u.finish(ctx, ending{of.file, func(now *store.File) { *now = f }})
	case f.Status == store.FileWaiting && u.cfg.Store.Ran()-j.Ran >= u.cfg.MaxAge:
		return u.finish(ctx, ending{of.file, u.tooOld})
	case f.Status == store.FileWaiting && f.Wait.Reason == was:
		of.note(func(r *store.Job) { r.Files[of.n] = f })
		return nil
	case f.Status == store.FileQueued:
		f.Name = mqttapi.UploadFile{Path: f.Path, Name: f.Name}.FileName(j.Entry, j.Received, f.MIMEType)
	}
	// A stop before this save takes the file again at the next start.
	err := of.update(context.WithoutCancel(ctx), func(now *store.File) { *now = f })
	if f.Payload != "" {
		u.cfg.Capacity.Exchange(capacity.Room{Bytes: f.Size}, capacity.Room{}) // it is the job's now
	}
	return err
}

// awaitSource lets a large file wait again whose folder went away, and reports whether that is what err says.
func (u *Uploads) awaitSource(ctx context.Context, of file, cause error) (bool, error) {
	f := *of.view()
	if f.Source == nil {
		return false, nil
	}
	f.Wait = &store.Wait{}
	if u.postpone(&f, cause) != nil {
		return false, nil //nolint:nilerr // nothing passes: the policy decides
	}
	u.cfg.Log.WithError(cause).WithFields(map[string]any{"job": of.ID, "kind": f.Wait.Reason}).Warn("upload waits for its file")
	// A stop before this save finds out again at the next start.
	return true, of.update(ctx, func(now *store.File) { *now = f })
}

// nextToTake waits for a waiting file that is to be looked at again. The caller gives it back with leave.
func (u *Uploads) nextToTake(ctx context.Context) (sending, error) {
	q, folders := u.queue, u.cfg.Media
	return wake.Until(ctx, &q.changed, func() (next sending, ok bool, wait time.Duration) {
		q.mu.Lock()
		defer q.mu.Unlock()
		inHand := map[string]int{} // by folder
		for f := range q.taking {
			inHand[folders.Folder(f.view().Path)]++
		}
		for i, f := range q.waiting {
			r := f.view()
			if d := left(f); d > 0 {
				wait = min(cmp.Or(wait, d), d)
			} else if _, full := folders.Silent(r.Path); !full && inHand[folders.Folder(r.Path)] < ofFolder {
				return q.takeUp(ctx, q.taking, &q.waiting, i), true, 0
			} // else somebody wakes us when that changes
		}
		return next, false, wait
	})
}
