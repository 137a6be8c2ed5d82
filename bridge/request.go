package bridge

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/oklog/ulid/v2"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/mqttapi"
)

const (
	// requestLimit is how long a request that only reads may take; below the 30 s
	// after which some brokers deliver an unacknowledged message again.
	requestLimit = 25 * time.Second
	// writeLimit is the same for one that changes something, which waits for the
	// writer's turn besides.
	writeLimit = 5 * time.Minute
)

// handleRequest takes one command below E/request/, carries it out and answers it.
func (e *Entry) handleRequest(ctx context.Context, d mqttapi.Delivery, verb mqttapi.Verb) error {
	if d.Retained {
		return e.respond(ctx, d, mqttapi.Request{Verb: verb}, nil, errRetained())
	}
	req, err := mqttapi.ParseRequest(verb, d.Payload)
	if err != nil {
		return e.respond(ctx, d, req, nil, err)
	}
	id := ""
	if req.ID != "" {
		id = string(verb) + " " + req.ID
	}
	release, err := e.known.claim(ctx, id, store.Delivery{})
	if err != nil {
		return nil // a stop: not acknowledged, so delivered again
	}
	defer release()
	if first, ok := e.known.job(id); ok {
		return e.respondAgain(ctx, d, req, first)
	}
	data, err := e.perform(ctx, req.Body)
	if ctx.Err() != nil {
		return nil
	}
	if errors.Is(err, store.ErrEngine) {
		return err
	}
	if id != "" && err == nil {
		// A stop before this save carries the request out again when the broker
		// delivers it again; after it, it is only answered.
		receipt := store.Receipt{
			Job: ulid.Make().String(), Entry: e.cfg.Name, CommandID: id, At: time.Now(),
		}
		if receipt.Result, err = (mqttapi.Response{Data: data}).Encode(e.cfg.MaxPublish); err != nil {
			return err
		}
		if err := e.store.SaveReceipt(ctx, receipt); err != nil {
			return stopped(ctx, fmt.Errorf("save receipt: %w", err))
		}
		e.known.remember(receipt)
	}
	return e.respond(ctx, d, req, data, err)
}

// respond publishes the answer to a request.
func (e *Entry) respond(ctx context.Context, d mqttapi.Delivery, req mqttapi.Request, data any, cause error) error {
	response := mqttapi.Response{Transaction: req.Transaction, Data: data}
	if cause != nil {
		response.Error = e.explain(cause)
		e.log.WithError(cause).WithFields(map[string]any{"op": string(req.Verb), "kind": response.Error.Code}).Info("request refused")
	}
	payload, err := response.Encode(e.cfg.MaxPublish)
	if err != nil {
		return err
	}
	return e.answer(ctx, d, e.topics.Response(req.Verb), payload)
}

// respondAgain answers a request whose id is known as the first one was answered.
func (e *Entry) respondAgain(ctx context.Context, d mqttapi.Delivery, req mqttapi.Request, first string) error {
	receipt, _, err := e.store.Receipt(ctx, e.cfg.Name, first)
	if err != nil {
		return stopped(ctx, fmt.Errorf("read receipt: %w", err))
	}
	payload, err := withTransaction(receipt.Result, req.Transaction)
	if err != nil {
		return err
	}
	return e.answer(ctx, d, e.topics.Response(req.Verb), payload)
}

// explain turns any error into what a user sees. Holds are set as for uploads:
// Google's refusal counts for the whole account.
func (e *Entry) explain(err error) *mqttapi.Error {
	if refused, ok := errors.AsType[*mqttapi.Error](err); ok {
		return refused
	}
	d := decide(err, attempt{Tries: 1, Streak: 1, MaxAge: time.Hour, Resent: true}, time.Now(), rand.Float64())
	e.hold(d)
	if d.hold != "" && !d.at.IsZero() {
		return mqttapi.Errorf(d.code, "%s It goes on at %s.", d.words, d.at.UTC().Format(time.RFC3339))
	}
	return &mqttapi.Error{Code: d.code, Message: d.words}
}

// perform carries a request out and returns the data of its answer.
func (e *Entry) perform(ctx context.Context, body mqttapi.Body) (any, error) {
	switch b := body.(type) {
	case mqttapi.ListAlbums:
		return read(ctx, e, b, e.listAlbums)
	case mqttapi.ListMedia:
		return read(ctx, e, b, e.listMedia)
	case mqttapi.GetMedia:
		return read(ctx, e, b, e.getMedia)
	case mqttapi.SaveMedia:
		return e.saveMedia(ctx, b)
	case mqttapi.CreateAlbum:
		return write(ctx, e, b, e.createAlbum)
	case mqttapi.UpdateAlbum:
		return write(ctx, e, b, e.updateAlbum)
	case mqttapi.AddItems:
		return write(ctx, e, b, e.addItems)
	case mqttapi.RemoveItems:
		return write(ctx, e, b, e.removeItems)
	case mqttapi.EnrichAlbum:
		return write(ctx, e, b, e.enrichAlbum)
	case mqttapi.UpdateMedia:
		return write(ctx, e, b, e.updateMedia)
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

// read carries out a request that changes nothing, within its own time.
func read[B any](ctx context.Context, e *Entry, body B, do func(context.Context, B) (any, error)) (any, error) {
	if err := e.open(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	data, err := do(ctx, body)
	if err != nil && errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return nil, mqttapi.NewError(mqttapi.CodeGoogleUnavailable)
	}
	return data, err
}

// write carries out a request that changes something at Google, when the
// entry's one writer is free. What is in hand at a stop is finished.
func write[B any](ctx context.Context, e *Entry, body B, do func(context.Context, B) (any, error)) (any, error) {
	if err := e.open(); err != nil {
		return nil, err
	}
	ctx, cancel := outlive(ctx, writeLimit, stopLimit)
	defer cancel()
	if err := e.writer.take(ctx); err != nil {
		return nil, mqttapi.NewError(mqttapi.CodeGoogleUnavailable)
	}
	defer e.writer.give()
	return do(ctx, body)
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

// need refuses a request whose scope was not granted when the account was linked.
func (e *Entry) need(scope string) error {
	if e.link.State().Has(scope) {
		return nil
	}
	return mqttapi.Errorf(mqttapi.CodeScopeMissing, "The account was linked without the permission %s: link %s again and tick every box.", scope, e.cfg.Name)
}
