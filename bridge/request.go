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
	payload, err := mqttapi.WithTransaction(receipt.Result, req.Transaction)
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
