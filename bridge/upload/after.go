package upload

import (
	"context"
	"errors"
	"fmt"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/bridge/media"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/upload/intake"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos"
)

// actAfter deletes or moves the file of an item that Google has answered with. What does not answer is tried again for as long as an
// unfinished file is waited for; then the file stays, and the result says so.
func (t *taker) actAfter(ctx context.Context, f file) error {
	r := *f.view()
	now, err := "", t.verify(ctx, &r)
	if err == nil {
		plan := media.After{
			Folder: r.After.Folder, Seen: media.Seen(r.After.Seen), Sum: r.SHA256, Skip: r.After.Skip, Aside: r.After.Aside, Target: r.After.Target,
		}
		now, err = t.cfg.Media.Do(ctx, plan, func(p media.After) error {
			// A stop after this save goes on from here: the file is under one of the two names, or was dealt with.
			return f.update(context.WithoutCancel(ctx), func(f *store.File) {
				after := *f.After
				after.Aside, after.Target, f.After = p.Aside, p.Target, &after
			})
		})
	}
	err = t.intake.Elsewhere(&r, err)
	refused, isRefused := errors.AsType[*mqttapi.Error](err)
	unavailable, away := errors.AsType[*media.UnavailableError](err)
	lasts := t.cfg.Patience.Limit
	switch {
	case errors.Is(err, store.ErrEngine):
		return err
	case ctx.Err() != nil:
		return nil //nolint:nilerr // a stop: it goes on at the next start
	case away:
		refused = unavailable.Refusal()
	case errors.Is(err, intake.ErrElsewhere):
		refused = mqttapi.Errorf(mqttapi.CodeNotFound, "%s is on the machine %s, where no process of the bridge ran.", intake.Called(&r), r.Machine)
	case err != nil && !isRefused:
		refused = mqttapi.NewError(mqttapi.CodeGoogleUnavailable)
	}
	if err != nil && !isRefused && wake.Left(r.Wait.Since.Add(lasts), lasts) > 0 {
		f.note(func(j *store.Job) {
			now := &j.Files[f.n]
			now.Pause = intake.Pause(r.Wait, wake.Wall())
			now.NotBefore = wake.Wall().Add(now.Pause)
		})
		return nil
	}
	return t.outcomes.finish(ctx, ending{f, func(f *store.File) {
		after := *f.After
		if f.Status, f.After, f.ErrorMessage = store.FileDone, &after, ""; refused != nil {
			after.Outcome, after.Now, after.Problem = "kept", now, refused.Message
		} else if after.Outcome, after.Now = "deleted", now; after.Folder != "" {
			after.Outcome = "moved"
		}
	}})
}

// verify asks Google for the item of a file that it had already: it may be one that is about to vanish. An *mqttapi.Error means that the
// file stays.
func (t *taker) verify(ctx context.Context, f *store.File) error {
	if !f.Duplicate || f.After.Aside != "" {
		return nil
	}
	err := t.cfg.Account.Read(ctx, []string{auth.ScopeRead}, func(ctx context.Context) error {
		_, err := t.cfg.Google.Item(ctx, f.ItemID)
		return err
	})
	refused, isRefused := errors.AsType[*mqttapi.Error](err)
	switch {
	case photos.KindOf(err) == photos.NotFound:
		return mqttapi.Errorf(mqttapi.CodeNotFound, "Google had this content already and does not show the item: the file stays.")
	case isRefused && refused.Code == mqttapi.CodeScopeMissing:
		return refused
	case isRefused:
		return fmt.Errorf("verify a duplicate: %s", refused.Message) // it passes
	}
	return err
}
