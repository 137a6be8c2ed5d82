package bridge

import (
	"context"

	"gphotos2mqtt/mqttapi"
)

// busyAnswers is how many answers to a flood may wait; commands beyond are
// dropped without one, which QoS 0 allows.
const busyAnswers = 64

// Busy takes a command that came with QoS 0 while too many others are being
// taken, and returns at once. It is answered with the code busy.
func (e *Entry) Busy(d mqttapi.Delivery) {
	select {
	case e.flood <- d.Topic:
	default:
	}
}

// answerBusy answers what Busy took until ctx ends.
func (e *Entry) answerBusy(ctx context.Context) error {
	for {
		select {
		case topic := <-e.flood:
			if err := e.answerFlood(ctx, topic); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

func (e *Entry) answerFlood(ctx context.Context, topic string) error {
	_, verb, ok := mqttapi.ParseTopic(e.cfg.Root, topic)
	if !ok {
		return nil
	}
	busy := mqttapi.Errorf(mqttapi.CodeBusy, "Too many commands came at once with QoS 0: publish with QoS 1, so that the broker lets them wait.")
	if verb == mqttapi.VerbUpload {
		return e.refuse(ctx, mqttapi.Delivery{}, mqttapi.Upload{}, busy, nil)
	}
	return e.respond(ctx, mqttapi.Delivery{}, mqttapi.Request{Verb: verb}, nil, busy)
}
