package cluster

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"gphotos2mqtt/bridge/store/engine"
)

// A write is one message for a bucket, which may have to be sent several times: the servers know it again by its id.
type write struct {
	message *nats.Msg
	options []jetstream.PublishOpt
	// refused looks at why the servers have refused the write by its expectation: nil = it may be tried again at once.
	refused func(context.Context) error
	isNew   bool // it is refused when there is no room, not held back
}

func newWrite(stream string, m *nats.Msg, expects ...jetstream.PublishOpt) *write {
	return &write{message: m, options: append(expects, jetstream.WithMsgID(nuid.Next()), jetstream.WithExpectStream(stream))}
}

// send makes a write durable and returns its revision. It goes on until ctx ends: then it may or may not have taken effect.
func (c *Conn) send(ctx context.Context, op string, w *write) (revision uint64, err error) {
	err = c.until(ctx, op, len(w.message.Data), func(asking context.Context) error {
		ack, err := c.js.PublishMsg(asking, w.message, w.options...)
		refused, _ := errors.AsType[*jetstream.APIError](err)
		switch {
		case err == nil:
			revision = ack.Sequence // also that of an earlier attempt
			return nil
		case errors.Is(err, nats.ErrMaxPayload), refused != nil && refused.ErrorCode == jetstream.JSErrCodeStreamMessageExceedsMaximum:
			return settledError{fmt.Errorf("the value has %d bytes: raise max_payload of the NATS servers: %w", len(w.message.Data), err)}
		case isFull(err) && w.isNew:
			return settledError{c.explain(err)}
		case refused == nil:
			return err
		case refused.ErrorCode == codeDuplicateOnItsWay:
			return errAtOnce
		case !slices.Contains(codesUnexpected, refused.ErrorCode):
			return err
		case w.refused == nil:
			return settledError{err}
		}
		if err := w.refused(asking); err != nil {
			return err
		}
		return errAtOnce
	})
	return revision, err
}

// codesUnexpected are of a write that is refused by its expectation.
var codesUnexpected = []jetstream.ErrorCode{jetstream.JSErrCodeStreamWrongLastSequence, jetstream.JSErrCodeStreamWrongLastSequenceConstant}

// errAtOnce is of what succeeds in a moment: the servers refuse, without looking, what names a record of which another write is on its way.
var errAtOnce = errors.New("another write is on its way")

func atOncePause() time.Duration { return time.Millisecond + rand.N(4*time.Millisecond) }

// fenced is a write of an entry's record: refused once the owner record is another's.
func (c *Conn) fenced(h *held, subject string, value []byte) *write {
	stream, owner := "KV_"+c.recordsName(), c.ownerSubject(h.entry)
	w := newWrite(stream, valueMessage(subject, value), jetstream.WithExpectLastSequenceForSubject(h.fence, owner))
	w.refused = func(ctx context.Context) error {
		m, err := c.last(ctx, stream, owner)
		if (err == nil || errors.Is(err, engine.ErrNotFound)) && m.revision != h.fence {
			h.lose()
			return settledError{engine.ErrLost}
		}
		return err
	}
	return w
}
