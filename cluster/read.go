package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"gphotos2mqtt/bridge/store/engine"
)

// A message is one value in a bucket.
type message struct {
	subject  string
	revision uint64
	value    []byte // nil = it is a marker that the key was removed
	at       time.Time
}

// A request is that of both APIs below. https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-31.md
type request struct {
	Last     string `json:"last_by_subj,omitempty"`
	Next     string `json:"next_by_subj,omitempty"`
	From     uint64 `json:"seq,omitempty"`
	Batch    int    `json:"batch,omitempty"`
	MaxBytes int    `json:"max_bytes,omitempty"`
}

// last asks the leader of a stream for the value of a subject; ErrNotFound with the revision of the marker, if there is one.
func (c *Conn) last(ctx context.Context, stream, subject string) (m message, err error) {
	question, _ := json.Marshal(request{Last: subject}) //nolint:errchkjson // a string never fails
	answer, err := c.nats.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET."+stream, question)
	if err != nil {
		return m, err
	}
	var got struct {
		Error   *jetstream.APIError `json:"error"`
		Message struct {
			Subject  string    `json:"subject"`
			Sequence uint64    `json:"seq"`
			Header   []byte    `json:"hdrs"`
			Data     []byte    `json:"data"`
			Time     time.Time `json:"time"`
		} `json:"message"`
	}
	switch err := json.Unmarshal(answer.Data, &got); {
	case err != nil:
		return m, fmt.Errorf("answer of the cluster: %w", err)
	case got.Error != nil && got.Error.ErrorCode == jetstream.JSErrCodeMessageNotFound:
		return m, engine.ErrNotFound
	case got.Error != nil:
		return m, got.Error
	}
	header := nats.Header{}
	if len(got.Message.Header) > 0 {
		if header, err = nats.DecodeHeadersMsg(got.Message.Header); err != nil {
			return m, err
		}
	}
	m = message{got.Message.Subject, got.Message.Sequence, nil, got.Message.Time}
	m.value, err = valueOf(header, got.Message.Data)
	if err == nil && m.value == nil {
		err = engine.ErrNotFound
	}
	return m, err
}

// next asks some server of a stream for the first message that matches, from a revision on; ErrNotFound: that server has none.
func (c *Conn) next(ctx context.Context, stream, subjects string, from uint64) (m message, err error) {
	question, _ := json.Marshal(request{Next: subjects, From: from}) //nolint:errchkjson // strings and numbers never fail
	answer, err := c.nats.RequestWithContext(ctx, "$JS.API.DIRECT.GET."+stream, question)
	if err == nil {
		m, _, err = read(answer)
	}
	return m, err
}

// pageMessages and pageBytes are how much one answer of several messages has at most.
const pageMessages, pageBytes = 512, 2 << 20

// page asks some server of a stream for the messages that match, in the order of their revisions, from one on. It returns from where to ask
// on, and whether that server has more. A server may lag behind.
func (c *Conn) page(ctx context.Context, stream, subjects string, from uint64, do func(message)) (next uint64, more bool, err error) {
	inbox := c.nats.NewInbox()
	answers, err := c.nats.SubscribeSync(inbox)
	if err != nil {
		return from, true, err
	}
	defer answers.Unsubscribe() //nolint:errcheck // of a connection that is closed
	//nolint:errchkjson // strings and numbers never fail
	question, _ := json.Marshal(request{Next: subjects, From: from, Batch: pageMessages, MaxBytes: pageBytes})
	if err := c.nats.PublishRequest("$JS.API.DIRECT.GET."+stream, inbox, question); err != nil {
		return from, true, err
	}
	for next = from; ; {
		answer, err := answers.NextMsgWithContext(ctx)
		if err != nil {
			return next, true, err
		}
		switch m, pending, err := read(answer); {
		case errors.Is(err, engine.ErrNotFound):
			return next, false, nil
		case errors.Is(err, errEnd):
			return next, pending > 0, nil
		case err != nil:
			return next, true, err
		default:
			next = m.revision + 1
			do(m)
		}
	}
}

var errEnd = errors.New("end of a page")

// read reads one answer to a direct read, and how many messages that server has beyond it.
func read(answer *nats.Msg) (m message, pending int, err error) {
	h := answer.Header
	pending, _ = strconv.Atoi(h.Get("Nats-Num-Pending")) // 0 when it is not said
	switch status := h.Get("Status"); status {
	case "":
	case "204":
		return m, pending, errEnd
	case "404":
		return m, pending, engine.ErrNotFound
	case "503":
		return m, pending, nats.ErrNoResponders
	default:
		return m, pending, fmt.Errorf("direct read: %s %s", status, h.Get("Description"))
	}
	m.subject = h.Get(jetstream.SubjectHeader)
	if m.revision, err = strconv.ParseUint(h.Get(jetstream.SequenceHeader), 10, 64); err == nil {
		m.at, err = time.Parse(time.RFC3339Nano, h.Get(jetstream.TimeStampHeaer))
	}
	if err == nil {
		m.value, err = valueOf(h, answer.Data)
	}
	return m, pending, err
}
