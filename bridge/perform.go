package bridge

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos"
)

// perform carries a request out and returns the data of its answer. The scopes
// are those that Google asks for: any one of them is enough.
// Source: https://developers.google.com/photos/overview/authorization#library-api-scopes
func (e *Entry) perform(ctx context.Context, body mqttapi.Body) (any, error) {
	reads, edits := []string{auth.ScopeRead}, []string{auth.ScopeEdit}
	adds, changes := []string{auth.ScopeAppend}, []string{auth.ScopeEdit, auth.ScopeAppend}
	switch b := body.(type) {
	case mqttapi.ListAlbums:
		return read(ctx, e, reads, b, e.listAlbums)
	case mqttapi.ListMedia:
		return read(ctx, e, reads, b, e.listMedia)
	case mqttapi.GetMedia:
		return read(ctx, e, reads, b, e.getMedia)
	case mqttapi.SaveMedia:
		return e.saveMedia(ctx, b)
	case mqttapi.CreateAlbum:
		return write(ctx, e, adds, b, e.createAlbum)
	case mqttapi.UpdateAlbum:
		return write(ctx, e, edits, b, e.updateAlbum)
	case mqttapi.AddItems:
		return e.moveItems(ctx, changes, b.Album, b.IDs, e.google.AddItems, e.listings.added)
	case mqttapi.RemoveItems:
		return e.moveItems(ctx, edits, b.Album, b.IDs, e.google.RemoveItems, e.listings.removed)
	case mqttapi.EnrichAlbum:
		return write(ctx, e, changes, b, e.enrichAlbum)
	case mqttapi.UpdateMedia:
		return write(ctx, e, edits, b, e.updateMedia)
	case mqttapi.Refresh:
		return e.refresh(ctx)
	case mqttapi.StartLink:
		return e.startLink(), nil
	case mqttapi.FinishLink:
		return e.finishLink(ctx, b)
	case mqttapi.Unlink:
		return e.unlink(ctx, b)
	case mqttapi.ListJobs:
		return e.listJobs(), nil
	case mqttapi.CancelJob:
		return e.cancelJob(ctx, b)
	case mqttapi.RetryJob:
		return e.retryJob(ctx, b)
	}
	return nil, mqttapi.NewError(mqttapi.CodeUnknownCommand)
}

// read carries out a request that changes nothing, within its own time: a hold
// that ends and a fault that passes before that are waited for.
func read[B, D any](parent context.Context, e *Entry, scopes []string, body B, do func(context.Context, B) (D, error)) (D, error) {
	var none D
	ctx, cancel := context.WithTimeout(parent, requestLimit)
	defer cancel()
	for tries := 1; ; tries++ {
		if err := e.ready(ctx, scopes); err != nil {
			return none, err
		}
		data, err := do(ctx, body)
		if err == nil {
			return data, nil
		}
		d := decide(err, attempt{Tries: tries, Streak: 1, MaxAge: time.Hour, Resent: true}, time.Now(), rand.Float64())
		if parent.Err() != nil || d.action != actRetry {
			return none, e.named(err, scopes)
		}
		if err := e.wait(ctx, d.at); err != nil {
			return none, mqttapi.NewError(mqttapi.CodeGoogleUnavailable)
		}
	}
}

// ready waits for the end of a hold, and refuses at once what would be refused
// now and when the time is over.
func (e *Entry) ready(ctx context.Context, scopes []string) error {
	for {
		err := e.open()
		if err == nil {
			return e.need(scopes...)
		}
		h, held := e.queue.held(time.Now())
		if !held || h.Until.IsZero() || e.wait(ctx, h.Until) != nil {
			return err
		}
	}
}

// wait waits until a time, if ctx lasts as long.
func (e *Entry) wait(ctx context.Context, until time.Time) error {
	if end, ok := ctx.Deadline(); ok && end.Before(until) {
		return context.DeadlineExceeded
	}
	return sleep(ctx, nil, max(time.Until(until), 1))
}

// write carries out a request that changes something at Google, when the
// entry's one writer is free. What is in hand at a stop is finished.
func write[B any](ctx context.Context, e *Entry, scopes []string, body B, do func(context.Context, B) (any, error)) (any, error) {
	if err := e.open(); err != nil {
		return nil, err
	}
	if err := e.need(scopes...); err != nil {
		return nil, err
	}
	ctx, cancel := outlive(ctx, writeLimit, stopLimit)
	defer cancel()
	if err := e.writer.take(ctx); err != nil {
		return nil, mqttapi.NewError(mqttapi.CodeGoogleUnavailable)
	}
	defer e.writer.give()
	data, err := do(ctx, body)
	return data, e.named(err, scopes)
}

// open refuses at once what Google would refuse now.
func (e *Entry) open() error {
	if err := e.linked(); err != nil && mqttapi.CodeOf(err) == mqttapi.CodeNotLinked {
		return err
	}
	h, held := e.queue.held(time.Now())
	if !held || h.Reason == mqttapi.HoldStorageFull {
		return nil
	}
	code := codeOfHold(h.Reason)
	if h.Until.IsZero() {
		return mqttapi.Errorf(code, "%s", h.Message)
	}
	return mqttapi.Errorf(code, "%s It goes on at %s.", h.Message, h.Until.UTC().Format(time.RFC3339))
}

// need refuses a request for which none of the scopes was granted when the
// account was linked.
func (e *Entry) need(scopes ...string) error {
	for _, scope := range scopes {
		if e.link.State().Has(scope) {
			return nil
		}
	}
	return e.missing(scopes)
}

func (e *Entry) missing(scopes []string) error {
	return mqttapi.Errorf(mqttapi.CodeScopeMissing, "The account was linked without the permission %s: link %s again and tick every box.",
		strings.Join(scopes, " or "), e.cfg.Name)
}

// named gives Google's own refusal for a scope the name of that scope.
func (e *Entry) named(err error, scopes []string) error {
	if refused, ok := errors.AsType[*photos.Error](err); ok && refused.Kind == photos.ScopeMissing {
		return e.missing(scopes)
	}
	return err
}
