package mqttapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// object reads one JSON object of a command strictly: only known keys, none twice, each of its type and within its
// limits. Its methods return the zero value for a key that is absent or null, and remember the first thing that is
// wrong, so that a parser reads all it needs and asks for the error once.
type object struct {
	place  string            // where the object is, such as "files[2].", for messages
	values map[string][]byte // raw values of the known keys
	wrong  *error            // the first error, shared with the objects inside
}

// readObject reads raw, whose keys must be among known. It is usable after an error too, with the keys it has seen.
func readObject(raw []byte, known ...string) *object {
	return readInner(raw, "", new(error), known)
}

func readInner(raw []byte, place string, wrong *error, known []string) *object {
	o := &object{place: place, values: make(map[string][]byte, len(known)), wrong: wrong}
	err := members(raw, func(quoted, value []byte) {
		key, ok := unquote(quoted)
		switch {
		case !ok:
			o.fail("A key of the JSON object is no valid text in UTF-8.")
		case !slices.Contains(known, key):
			o.fail("%q is an unknown key; the keys known here are %s.", place+clip(key), strings.Join(known, ", "))
		case o.values[key] != nil:
			o.fail("%q is given twice.", place+key)
		default:
			o.values[key] = value
		}
	})
	if err != nil {
		o.note(err)
	}
	return o
}

// has reports whether key is given and not null.
func (o *object) has(key string) bool {
	return o.given(key) != nil
}

// need makes it an error that key is absent.
func (o *object) need(key string) {
	if !o.has(key) {
		o.fail("%q is missing.", o.place+key)
	}
}

// choose returns which one of keys is given, "" for none. More than one is an error.
func (o *object) choose(keys ...string) string {
	chosen := ""
	for _, key := range keys {
		switch {
		case !o.has(key):
		case chosen != "":
			o.fail("%q and %q are both given; only one of them is possible.", o.place+chosen, o.place+key)
		default:
			chosen = key
		}
	}
	return chosen
}

// chooseOne is choose, and none is an error too.
func (o *object) chooseOne(keys ...string) string {
	chosen := o.choose(keys...)
	if chosen == "" {
		o.fail("One of the keys %s is missing.", o.place+strings.Join(keys, ", "+o.place))
	}
	return chosen
}

// text returns a string of 1 to limit characters on one line.
func (o *object) text(key string, limit int) string {
	raw := o.given(key)
	if raw == nil {
		return ""
	}
	return o.line(o.place+key, raw, limit)
}

// prose returns a string of at most limit characters that may be empty and have line breaks.
func (o *object) prose(key string, limit int) string {
	raw := o.given(key)
	if raw == nil {
		return ""
	}
	s, _ := o.str(o.place+key, raw, limit)
	return s
}

// texts returns an array of 1 to count strings, each as text returns them.
func (o *object) texts(key string, count, limit int) []string {
	var list []string
	o.each(key, count, func(place string, raw []byte) {
		list = append(list, o.line(place, raw, limit))
	})
	return list
}

// each visits the elements of an array of 1 to count values. It returns how many there are, also beyond count.
func (o *object) each(key string, count int, visit func(place string, raw []byte)) int {
	raw := o.given(key)
	if raw == nil {
		return 0
	}
	if raw[0] != '[' {
		o.mistyped(o.place+key, "an array", raw)
		return 0
	}
	n := 0
	err := elements(raw, func(value []byte) {
		if n++; n <= count {
			visit(fmt.Sprintf("%s%s[%d]", o.place, key, n-1), value)
		}
	})
	switch {
	case err != nil:
		o.note(err)
	case n == 0:
		o.fail("%q is an empty array.", o.place+key)
	case n > count:
		o.fail("%q has %d elements; at most %d are possible.", o.place+key, n, count)
	}
	return n
}

// decimal returns a number from low to high.
func (o *object) decimal(key string, low, high float64) float64 {
	return o.number(key, "a number", low, high)
}

// whole returns a whole number from 1 to high.
func (o *object) whole(key string, high int) int {
	n := o.number(key, "a whole number", 1, float64(high))
	if n != math.Trunc(n) {
		o.mistyped(o.place+key, "a whole number", o.given(key))
	}
	return int(n)
}

// flag returns true or false, and absent when the key is absent.
func (o *object) flag(key string, absent bool) bool {
	raw := o.given(key)
	if raw == nil {
		return absent
	}
	if b := string(raw); b != "true" && b != "false" {
		o.mistyped(o.place+key, "true or false", raw)
	}
	return string(raw) == "true"
}

// inner returns the object under key, which must be given.
func (o *object) inner(key string, known ...string) *object {
	return o.innerAt(o.place+key, o.given(key), known...)
}

// innerAt returns the object raw that was found at place.
func (o *object) innerAt(place string, raw []byte, known ...string) *object {
	if len(raw) == 0 || raw[0] != '{' {
		o.mistyped(place, "an object", raw)
		return &object{place: place + ".", wrong: o.wrong}
	}
	return readInner(raw, place+".", o.wrong, known)
}

// raw returns the JSON value under key as it was written, null included, in memory of its own.
func (o *object) raw(key string, limit int) json.RawMessage {
	raw, ok := o.values[key]
	switch {
	case !ok:
		return nil
	case len(raw) > limit:
		o.fail("%q has %d bytes; at most %d are possible.", o.place+key, len(raw), limit)
		return nil
	case !utf8.Valid(raw) || !json.Valid(raw):
		o.fail("%q is no valid JSON.", o.place+key)
		return nil
	}
	return bytes.Clone(raw)
}

// err returns the first thing that was wrong, as an *Error.
func (o *object) err() error {
	return *o.wrong
}

// fail remembers that the payload is wrong, in a whole sentence.
func (o *object) fail(format string, args ...any) {
	o.note(Errorf(CodeBadPayload, format, args...))
}

func (o *object) note(err error) {
	if *o.wrong == nil {
		*o.wrong = err
	}
}

func (o *object) given(key string) []byte {
	raw := o.values[key]
	if string(raw) == "null" {
		return nil
	}
	return raw
}

// line reads a string of 1 to limit characters without control characters.
func (o *object) line(place string, raw []byte, limit int) string {
	s, ok := o.str(place, raw, limit)
	switch {
	case !ok:
	case s == "":
		o.fail("%q is empty.", place)
	case strings.ContainsFunc(s, unicode.IsControl):
		o.fail("%q has a control character, such as NUL or a line break.", place)
	default:
		return s
	}
	return ""
}

// str reads a string of at most limit characters. One that must be longer by its bytes (12 is what an escaped character
// takes at most) is not even unescaped.
func (o *object) str(place string, raw []byte, limit int) (string, bool) {
	if raw[0] != '"' {
		o.mistyped(place, "a string", raw)
		return "", false
	}
	s, ok := "", len(raw) <= 12*limit+2
	if ok {
		if s, ok = unquote(raw); !ok {
			o.fail("%q is no valid text in UTF-8.", place)
			return "", false
		}
	}
	if !ok || utf8.RuneCountInString(s) > limit {
		o.fail("%q is too long; at most %d characters are possible.", place, limit)
		return "", false
	}
	return s, true
}

func (o *object) number(key, want string, low, high float64) float64 {
	raw := o.given(key)
	if raw == nil {
		return 0
	}
	var n float64
	if json.Unmarshal(raw, &n) != nil {
		o.mistyped(o.place+key, want, raw)
		return 0
	}
	if n < low || n > high {
		o.fail("%q must be from %v to %v.", o.place+key, low, high)
		return 0
	}
	return n
}

func (o *object) mistyped(place, want string, raw []byte) {
	o.fail("%q must be %s, not %s.", place, want, typeOf(raw))
}
