package mqttapi

import (
	"gphotos2mqtt/mqttapi/letters"
	"gphotos2mqtt/mqttapi/mistake"
)

// bufferType is the "type" of a Buffer of Node.js in JSON, whose "data" is an array of bytes: what Node-RED makes of one in a message's
// property. Source: https://nodejs.org/api/buffer.html#buftojson
const bufferType = "Buffer"

// data reads content: base64, a data URI, a Buffer or its array.
func (r *reader) data(place string) (data Data) {
	switch r.dec.PeekKind() {
	case '{':
		r.object(place, field{"type", r.isBuffer, 0}, field{"data", func(place string) { data = r.array(place) }, 0}).need("type", "data")
	case '[':
		data = r.array(place)
	default:
		raw := r.value()
		if raw.Kind() != '"' {
			r.mistyped(place, "base64 in a string, or a Buffer", raw)
			break
		}
		var err error
		text := raw[1 : len(raw)-1]
		switch data, err = decoded(text, true); {
		case err != nil && isPath(text, nil):
			r.fail("%q holds a path: name the file under \"path\".", place)
		case err != nil && mistake.PythonBytes(text):
			r.fail("%q holds what Python prints of bytes (b'…'): send .decode() of it.", place)
		default:
			r.within(place, err)
		}
	}
	return data
}

func (r *reader) isBuffer(place string) { r.word(place, bufferType) }

// array reads a JSON array of bytes in one pass, and copies nothing.
func (r *reader) array(place string) Data {
	raw := r.value()
	if raw.Kind() != '[' {
		r.mistyped(place, "an array of bytes", raw)
		return Data{}
	}
	var size int64
	elements := raw[1 : len(raw)-1]
	for rest := letters.Skip(elements); len(rest) > 0; size++ {
		var ok bool
		if _, rest, ok = letters.NextByte(rest); !ok {
			r.fail("\"%s[%d]\" must be a byte, a whole number from 0 to 255.", place, size)
			return Data{}
		}
	}
	if size == 0 {
		r.note(Errorf(CodeEmpty, "%q has no content: check what fills it.", place))
	}
	return Data{raw: elements, array: true, size: size}
}
