package mqttapi

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"time"
)

// Time is a point in time as the contract writes it: RFC 3339, UTC, whole seconds; null when it is not set.
type Time struct{ time.Time }

// At returns t as the contract writes it.
func At(t time.Time) Time { return Time{t} }

// MarshalJSON writes the time.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return t.UTC().AppendFormat(nil, `"`+time.RFC3339+`"`), nil
}

// encode writes a document. Unlike json.Marshal it leaves &, < and > alone: the documents are read by people and by
// programs, never put into HTML as they are, and an escaped URL cannot be copied.
func encode(document any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(document); err != nil {
		return nil, fmt.Errorf("encode %T: %w", document, err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// WithTransaction returns a message that was encoded before with another transaction in it, nil for none. It serves to
// answer a repeated command as the first one was answered.
func WithTransaction(message []byte, transaction json.RawMessage) ([]byte, error) {
	if transaction == nil {
		transaction = json.RawMessage("null")
	}
	var b bytes.Buffer
	separator := byte('{')
	err := members(message, func(key, value []byte) {
		if string(key) == `"transaction"` {
			value = transaction
		}
		b.WriteByte(separator)
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
		separator = ','
	})
	if err != nil || separator == '{' {
		return nil, fmt.Errorf("set the transaction of a message of %d bytes: %w", len(message), cmp.Or(err, error(NewError(CodeInternal))))
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// fit writes a document with as many of its elements, from the first on, as limit bytes hold; 0 is no limit. document
// makes the document of the elements that are kept; cut says that some are not. Each element is written once, and none
// after the first that has no room.
//
// A document that is too large without a single element comes back as it is: the connection refuses to publish it.
func fit[T any](limit int, elements []T, document func(kept []json.RawMessage, cut bool) any) ([]byte, error) {
	kept := []json.RawMessage{}
	used := 0
	if limit > 0 {
		// "cut" is false here, and so never shorter than in the end.
		frame, err := encode(document(kept, false))
		if err != nil {
			return nil, err
		}
		used = len(frame) - len(",") // there is none before the first element
	}
	for _, element := range elements {
		one, err := encode(element)
		if err != nil {
			return nil, err
		}
		if used += len(one) + len(","); limit > 0 && used > limit {
			break
		}
		kept = append(kept, one)
	}
	return encode(document(kept, len(kept) < len(elements)))
}
