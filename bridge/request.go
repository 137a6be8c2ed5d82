package bridge

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/sirupsen/logrus"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/upload"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/mqttapi/broker"
)

const (
	answerLimit = 30 * time.Second // for an answer to wait for the broker while its command takes a place in the window
	answerGrace = time.Second      // for an answer once the bridge stops; the connection waits 2 s for its handlers
	busyAnswers = 64               // how many answers to a flood may wait; commands beyond are dropped without one, which QoS 0 allows
)

// Handle takes one command from the broker, until it is answered or durable, and acknowledged. After a stop or an error of the store, which
// ends the process, it is not: the broker delivers it again.
func (e *Entry) Handle(ctx context.Context, d broker.Delivery) {
	entry, verb, ok := mqttapi.ParseTopic(e.cfg.Root, d.Topic)
	if !ok || entry != e.cfg.Name || e.clears(d, verb) {
		d.Ack()
		return
	}
	if unanswerable(d, e.log) {
		return
	}
	var a reply
	var err error
	if verb == mqttapi.VerbUpload {
		a, err = ready(e.uploads.Accept(ctx, &d))
	} else {
		a, err = e.request(ctx, d, verb)
	}
	d.Release()
	if err == nil && a != nil {
		err = e.answer(ctx, d, verb, a)
	} else if err == nil {
		d.Ack()
	}
	if err != nil && ctx.Err() == nil {
		select {
		case e.failures <- err:
		default: // the first one already ends the process
		}
	}
}

// clears reports whether a message is there to take a retained command away. Every empty one on the upload topic is, as an upload is never
// empty. A request may be: it is run, but for unlink, of which the first empty one after a refused one is not taken for another.
func (e *Entry) clears(d broker.Delivery, verb mqttapi.Verb) bool {
	if verb == mqttapi.VerbUnlink && d.Retained {
		e.unlinkRetained.Store(true)
	}
	return len(d.Payload) == 0 && !d.Retained &&
		(verb == mqttapi.VerbUpload || verb == mqttapi.VerbUnlink && e.unlinkRetained.CompareAndSwap(true, false))
}

// unanswerable takes a command whose topic is too long to be answered: brokers hang up on, or drop, what is published on such.
func unanswerable(d broker.Delivery, log *logrus.Entry) bool {
	if len(d.Topic) <= mqttapi.MaxTopic {
		return false
	}
	log.WithFields(logrus.Fields{"op": "answer", "bytes": len(d.Topic)}).Warn("command on a topic above 1,024 bytes is not answered")
	d.Ack()
	return true
}

// A reply is what a command is answered with, cut to at most limit bytes where it can be.
type reply func(limit int) ([]byte, error)

func ready(payload []byte, err error) (reply, error) {
	if payload == nil || err != nil {
		return nil, err
	}
	return func(int) ([]byte, error) { return payload, nil }, nil
}

// Busy takes a command that came with QoS 0 while too many others are being handled, and returns at once: its answer is the code busy.
func (e *Entry) Busy(d broker.Delivery) {
	select {
	case e.busy <- d.Topic:
	default:
	}
}

func (e *Entry) answerBusy(ctx context.Context, topic string) error {
	_, verb, ok := mqttapi.ParseTopic(e.cfg.Root, topic)
	if !ok {
		return nil
	}
	why := mqttapi.Errorf(mqttapi.CodeBusy, "Too many commands came at once with QoS 0: publish with QoS 1, so that the broker lets them wait.")
	refusal := e.respond(mqttapi.Request{Verb: verb}, nil, why)
	if verb == mqttapi.VerbUpload {
		refusal = func(int) ([]byte, error) { return e.uploads.Refuse(mqttapi.Upload{}, why) }
	}
	return e.answer(ctx, broker.Delivery{}, verb, refusal)
}

// answer publishes the answer to a command, and only then acknowledges it: a stop in between has it delivered and answered again. One that
// the broker does not take is cut, or replaced by a short one that says so. An error is of the encoding.
func (e *Entry) answer(ctx context.Context, d broker.Delivery, verb mqttapi.Verb, encode reply) error {
	topic := e.topics.Response(verb)
	if verb == mqttapi.VerbUpload {
		topic = e.topics.UploadResult()
	}
	ctx, cancel := wake.Outlive(ctx, answerLimit, answerGrace)
	defer cancel()
	payload, err := encode(e.cfg.MaxPublish())
	if err != nil {
		return err
	}
	log := e.log.WithField("op", "answer")
	send := func(payload []byte) error { return e.cfg.Out.Send(ctx, topic, payload) }
	switch err = upload.SendFitting(send, payload, func() ([]byte, error) { return encode(e.cfg.MaxPublish()) }); {
	case err == nil:
		d.Ack()
	case errors.Is(err, broker.ErrTooLarge), errors.Is(err, broker.ErrTopic):
		log.WithError(err).Warn("answer cannot be published")
		d.Ack()
	default:
		log.WithError(err).Debug("answer not sent, the broker delivers the command again")
	}
	return nil
}

func (e *Entry) request(ctx context.Context, d broker.Delivery, verb mqttapi.Verb) (reply, error) {
	if d.Retained {
		return e.respond(mqttapi.Request{Verb: verb}, nil, mqttapi.NewError(mqttapi.CodeRetainedCommand)), nil
	}
	req, err := mqttapi.ParseRequest(verb, d.Payload)
	if err != nil {
		return e.respond(req, nil, err), nil
	}
	id, dedupe := "", e.uploads.Dedupe()
	if req.ID != "" {
		id = string(verb) + " " + req.ID
	}
	unlock, err := dedupe.Lock(ctx, id, store.Delivery{})
	if err != nil {
		return nil, err
	}
	defer unlock()
	if first, ok, err := dedupe.Request(ctx, id); err != nil {
		return nil, err
	} else if ok {
		return ready(mqttapi.WithTransaction(first, req.Transaction))
	}
	data, err := e.dispatch(ctx, req.Params)
	if ctx.Err() != nil || errors.Is(err, store.ErrEngine) {
		return nil, cmp.Or(ctx.Err(), err)
	}
	if id != "" && err == nil {
		first, err := mqttapi.Response{Data: data}.Encode(e.cfg.MaxPublish())
		if err == nil {
			// A stop before this save carries the request out again when the broker delivers it again; after it, it is only answered.
			err = dedupe.SaveRequest(ctx, id, first)
		}
		if err != nil {
			return nil, err
		}
	}
	return e.respond(req, data, err), nil
}

func (e *Entry) respond(req mqttapi.Request, data any, cause error) reply {
	response := mqttapi.Response{Transaction: req.Transaction, Data: data}
	if cause != nil {
		response.Data, response.Error = nil, e.account.Explain(cause)
		e.log.WithError(cause).WithFields(map[string]any{"op": string(req.Verb), "kind": response.Error.Code}).Info("request refused")
	}
	return response.Encode
}

// dispatch carries a request out and returns the data of its answer. Google asks for any one of the scopes.
// Source: https://developers.google.com/photos/overview/authorization#library-api-scopes
func (e *Entry) dispatch(ctx context.Context, params any) (any, error) {
	reads, edits := []string{auth.ScopeRead}, []string{auth.ScopeEdit}
	adds, changes := []string{auth.ScopeAppend}, []string{auth.ScopeEdit, auth.ScopeAppend}
	switch b := params.(type) {
	case mqttapi.ListAlbums:
		return data(ctx, e.account.Read, reads, b, e.listAlbums)
	case mqttapi.ListMedia:
		return data(ctx, e.account.Read, reads, b, e.listMedia)
	case mqttapi.GetMedia:
		return data(ctx, e.account.Read, reads, b, e.getMedia)
	case mqttapi.SaveMedia:
		return e.saveMedia(ctx, b)
	case mqttapi.CreateAlbum:
		return data(ctx, e.account.Write, adds, b, e.createAlbum)
	case mqttapi.UpdateAlbum:
		return data(ctx, e.account.Write, edits, b, e.updateAlbum)
	case mqttapi.AddItems:
		return e.moveItems(ctx, changes, b.Album, b.IDs, e.cfg.Google.AddItems, e.library.Added)
	case mqttapi.RemoveItems:
		return e.moveItems(ctx, edits, b.Album, b.IDs, e.cfg.Google.RemoveItems, e.library.Removed)
	case mqttapi.EnrichAlbum:
		return data(ctx, e.account.Write, changes, b, e.enrichAlbum)
	case mqttapi.UpdateMedia:
		return data(ctx, e.account.Write, edits, b, e.updateMedia)
	case mqttapi.Refresh:
		return e.refresh(ctx)
	case mqttapi.StartLink:
		invitation := e.cfg.Link.Start()
		return mqttapi.LinkData{URL: invitation.URL, ConsentURL: invitation.Consent, Expires: mqttapi.At(invitation.Expires)}, nil
	case mqttapi.FinishLink:
		return e.finishLink(ctx, b)
	case mqttapi.Unlink:
		return nil, linkError(e.cfg.Link.Unlink(ctx, b.Revoke))
	case mqttapi.ListJobs:
		return mqttapi.JobsData{Jobs: e.uploads.List()}, nil
	case mqttapi.CancelJob:
		return e.uploads.Cancel(ctx, b.Job)
	case mqttapi.RetryJob:
		return e.uploads.Requeue(ctx, b.Job)
	}
	return nil, mqttapi.NewError(mqttapi.CodeUnknownCommand)
}

// data carries a request out as a read or a write of the account.
func data[B any](ctx context.Context, as func(context.Context, []string, func(context.Context) error) error,
	scopes []string, body B, do func(context.Context, B) (any, error),
) (result any, err error) {
	err = as(ctx, scopes, func(ctx context.Context) error {
		result, err = do(ctx, body)
		return err
	})
	return result, err
}

func (e *Entry) finishLink(ctx context.Context, b mqttapi.FinishLink) (any, error) {
	address := string(b.Address)
	if address == "" {
		address = url.Values{"state": {string(b.State)}, "code": {string(b.Code)}}.Encode()
	}
	account, err := e.cfg.Link.FinishAddress(ctx, address)
	if err == nil {
		e.library.ReadAgain()
	}
	return mqttapi.OneData{Account: new(accountView(account))}, linkError(err)
}

// linkCodes are the codes of the errors of linking; any other is link_failed.
var linkCodes = map[error]mqttapi.Code{
	auth.ErrWrongAccount: mqttapi.CodeWrongAccount,
	auth.ErrUnlinked:     mqttapi.CodeNotLinked,
	auth.ErrUnavailable:  mqttapi.CodeGoogleUnavailable,
	auth.ErrAddress:      mqttapi.CodeBadPayload,
	auth.ErrVault:        mqttapi.CodeInternal,
}

// linkError gives an error of linking the contract's code; the sentence is the link's own, which knows best what to do.
func linkError(err error) error {
	failed, ok := errors.AsType[*auth.Error](err)
	if !ok {
		return err
	}
	code := mqttapi.CodeLinkFailed
	for cause, of := range linkCodes {
		if errors.Is(failed, cause) {
			code = of
		}
	}
	return &mqttapi.Error{Code: code, Message: failed.Message}
}
