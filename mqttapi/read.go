package mqttapi

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"gphotos2mqtt/photos/spec"
)

// reader reads a command's JSON in one pass, photos left in place. It keeps the first fault and reads on, for the id and transaction.
type reader struct {
	in     []byte
	dec    *jsontext.Decoder
	err    error // the first thing that is wrong
	broken bool  // the JSON itself is, and nothing more can be read
}

func newReader(text []byte) *reader {
	// Keys given twice and what is no UTF-8 would be the end of reading, so they are looked for where they are read.
	dec := jsontext.NewDecoder(bytes.NewBuffer(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	return &reader{in: text, dec: dec}
}

// members calls visit with each key of the object that comes next; visit reads the value.
func (r *reader) members(place string, visit func(key string)) {
	if r.dec.PeekKind() != '{' {
		r.mistyped(place, "an object", r.value())
		return
	}
	for r.token(); r.more('}'); {
		visit(r.token().String())
	}
}

// end refuses what follows the one value of the payload.
func (r *reader) end() {
	end := r.dec.InputOffset()
	if _, err := r.dec.ReadToken(); !r.broken && !errors.Is(err, io.EOF) {
		r.fail("The JSON is broken at byte %d of %d: something follows its end.", end, len(r.in))
	}
}

// more reports whether another key or element comes, and reads the closing bracket when none does.
func (r *reader) more(closing jsontext.Kind) bool {
	if r.dec.PeekKind() != closing {
		return !r.broken
	}
	r.token()
	return false
}

func (r *reader) token() jsontext.Token {
	token, err := r.dec.ReadToken()
	r.breakOff(err)
	return token
}

// value returns the value that comes next as it is written, null when the JSON is broken.
func (r *reader) value() jsontext.Value {
	raw, err := r.dec.ReadValue()
	if r.breakOff(err); r.broken {
		return jsontext.Value("null")
	}
	end := int(r.dec.InputOffset()) // what ReadValue returns is not promised to last
	return r.in[end-len(raw) : end]
}

func (r *reader) fail(format string, args ...any) { r.note(Errorf(CodeBadPayload, format, args...)) }

func (r *reader) note(err error) { r.err = cmp.Or(r.err, err) }

// within notes an error of the value at a place.
func (r *reader) within(place string, err error) {
	if refused, ok := errors.AsType[*Error](err); ok {
		r.note(Errorf(refused.Code, "%q: %s", place, refused.Message))
	}
}

func (r *reader) mistyped(place, want string, is jsontext.Value) {
	kind, ok := map[jsontext.Kind]string{
		'n': "null", 't': "true or false", 'f': "true or false", '"': "a string", '{': "an object", '[': "an array",
	}[is.Kind()]
	if !ok {
		kind = "the number " + clip(string(is))
	}
	r.fail("%q must be %s, not %s.", place, want, kind)
}

func clip(s string) string {
	if short := spec.Cut(s, 40); short != s {
		return short + "…"
	}
	return s
}

type field struct {
	key   string
	to    any // where its value goes, see reader.read
	limit int // characters of a text, bytes of a transaction, the highest whole number; 0 for what has none
}

// keyTransaction is the one key whose value may be null; every other key counts as not given then.
const keyTransaction = "transaction"

// object is one JSON object of a command: which keys it may have, and which of them are given.
type object struct {
	*reader
	place  string // of its keys, such as "files[2].", for messages
	fields []field
	given  map[string]bool // of the keys so far; false for null
}

func (r *reader) object(place string, fields ...field) *object {
	return (&object{reader: r, place: place}).expect(fields...)
}

// expect reads the object, which has no keys but those of fields, each at most once.
func (o *object) expect(fields ...field) *object {
	o.fields = append(o.fields, fields...)
	at := o.place
	if at != "" {
		o.place += "."
	}
	o.given = map[string]bool{}
	o.members(at, func(key string) {
		i := slices.IndexFunc(o.fields, func(f field) bool { return f.key == key })
		_, twice := o.given[key]
		switch null := o.dec.PeekKind() == 'n'; {
		case i < 0:
			var known []string
			for _, f := range o.fields {
				known = append(known, f.key)
			}
			o.fail("%q is an unknown key; the keys known here are %s.", o.place+clip(key), strings.Join(known, ", "))
		case twice:
			o.fail("%q is given twice.", o.place+key)
		case null && key != keyTransaction:
			o.given[key] = false
		default:
			o.given[key] = true
			o.read(o.place+key, o.fields[i].to, o.fields[i].limit)
			return
		}
		o.value() // passes over it
	})
	return o
}

func (o *object) need(keys ...string) {
	for _, key := range keys {
		if !o.given[key] {
			o.fail("%q is missing.", o.place+key)
		}
	}
}

// choose returns which one of keys is given, "" for none. More than one is an error.
func (o *object) choose(keys ...string) (chosen string) {
	for _, key := range keys {
		if chosen != "" && o.given[key] {
			o.fail("%q and %q are both given; only one of them is possible.", o.place+chosen, o.place+key)
		} else if o.given[key] {
			chosen = key
		}
	}
	return chosen
}

func (o *object) chooseOne(keys ...string) *object {
	if o.choose(keys...) == "" {
		o.fail("One of the keys %s is missing.", o.place+strings.Join(keys, ", "+o.place))
	}
	return o
}

// check passes on what spec says of the values of the object.
func (o *object) check(err error) {
	if refused, ok := errors.AsType[*spec.Error](err); ok {
		o.fail("%s", refused.Within(o.place))
	}
}
