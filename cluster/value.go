package cluster

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"gphotos2mqtt/bridge/store/engine"
)

// A value of more than squeezeFrom bytes is deflated: a listing of an album would else be near a server's max_payload, which is 1 MiB
// unless it is set. https://docs.nats.io/running-a-nats-service/configuration#limits
const (
	squeezeFrom    = 8 << 10
	valueMax       = 64 << 20 // of one that was deflated; nothing that is stored is near it
	encodingHeader = "Gphotos-Encoding"
	operation      = "KV-Operation" // of a marker. https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-8.md
)

// valueMessage makes a message of a value; nil makes it the marker of a removed record, in place of all before it.
func valueMessage(subject string, value []byte) *nats.Msg {
	m := nats.NewMsg(subject)
	switch {
	case value == nil:
		m.Header.Set(operation, "PURGE")
		m.Header.Set(jetstream.MsgRollup, jetstream.MsgRollupSubject)
		m.Header.Set(jetstream.MsgTTLHeader, markersStay.String())
	case len(value) > squeezeFrom:
		var b bytes.Buffer
		w, _ := flate.NewWriter(&b, flate.BestSpeed) // it is a level
		_, _ = w.Write(value)                        // a buffer takes all
		_ = w.Close()
		m.Header.Set(encodingHeader, "deflate")
		m.Data = b.Bytes()
	default:
		m.Data = value
	}
	return m
}

// valueOf is the way back; nil for a marker, also for one that the servers have made.
func valueOf(h nats.Header, data []byte) ([]byte, error) {
	if h.Get(operation) != "" || h.Get(jetstream.MarkerReasonHeader) != "" {
		return nil, nil
	}
	if h.Get(encodingHeader) == "" {
		return append([]byte{}, data...), nil // the library's buffer may be larger
	}
	value, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(data)), valueMax))
	if err != nil {
		err = fmt.Errorf("%w: a value cannot be inflated: %w", engine.ErrDamaged, err)
	}
	return value, err
}
