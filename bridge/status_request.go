package bridge

import (
	"context"
	"errors"

	"gphotos2mqtt/bridge/dedupe"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/upload"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/mqttapi/broker"
)

// request carries out and answers a request to the bridge as a whole. Its session at the broker does not last, so what is not answered
// before a stop does not come again.
func (s *Status) request(ctx context.Context, d broker.Delivery, verb mqttapi.Verb) {
	req, err := mqttapi.Request{Verb: verb}, error(mqttapi.NewError(mqttapi.CodeRetainedCommand))
	if !d.Retained {
		req, err = mqttapi.ParseBridgeRequest(verb, d.Payload)
	}
	d.Release()
	var data any
	var first []byte
	if err == nil {
		data, first, err = s.once(ctx, req)
	}
	if ctx.Err() != nil {
		return
	}
	response := mqttapi.Response{Transaction: req.Transaction, Data: data}
	log := s.cfg.Log.WithField("op", string(verb))
	if err != nil {
		response.Data, response.Error = nil, mqttapi.NewError(mqttapi.CodeInternal)
		if refused, ok := errors.AsType[*mqttapi.Error](err); ok {
			response.Error = refused
			log.WithField("kind", refused.Code).Info("request refused")
		} else {
			log.WithError(err).Error("request to the bridge failed")
		}
	}
	sending, cancel := wake.Outlive(ctx, answerLimit, answerGrace)
	defer cancel()
	encode := func() ([]byte, error) { return response.Encode(s.cfg.Limits.Publish) }
	payload, err := encode()
	if err == nil && first != nil {
		payload, err = mqttapi.WithTransaction(first, req.Transaction)
	}
	if err == nil {
		topic := mqttapi.Topics{Root: s.cfg.Root, Entry: store.Bridge}.Response(verb)
		err = upload.SendFitting(func(payload []byte) error { return s.cfg.Out.Send(sending, topic, payload) }, payload, encode)
	}
	if err != nil && sending.Err() == nil {
		log.WithError(err).Warn("answer cannot be published")
	}
}

// once carries a request out, unless one of its id was: then it returns the answer to that.
func (s *Status) once(ctx context.Context, req mqttapi.Request) (data any, first []byte, err error) {
	if s.cfg.Request == nil {
		return nil, nil, mqttapi.NewError(mqttapi.CodeUnknownCommand)
	}
	if req.ID == "" {
		data, err = s.cfg.Request(ctx, req.Params)
		return data, nil, err
	}
	if err := s.identified.Lock(ctx); err != nil {
		return nil, nil, err
	}
	defer s.identified.Unlock()
	id := string(req.Verb) + " " + req.ID
	known, err := dedupe.Open(ctx, s.cfg.Store, store.Bridge, nil) // anew: another process may have answered the last one
	if err != nil {
		return nil, nil, err
	}
	if first, ok, err := known.Request(ctx, id); ok || err != nil {
		return nil, first, err
	}
	if data, err = s.cfg.Request(ctx, req.Params); err != nil {
		return nil, nil, err
	}
	answer, err := mqttapi.Response{Data: data}.Encode(s.cfg.Limits.Publish)
	if err == nil {
		// A stop before this save has it carried out again when it is sent again, which changes nothing.
		err = known.SaveRequest(ctx, id, answer)
	}
	return data, nil, err
}
