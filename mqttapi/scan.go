package mqttapi

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// maxDepth is how deep arrays and objects may be nested in a command. The commands need 4 levels; the rest is for
// whoever keeps a structure of their own under transaction.
const maxDepth = 32

// scanner cuts JSON into its values without copying a byte, so that a photo inside a command stays where it is.
//
// It finds where values end and refuses what is broken between them; what is inside a string, a number or a nested
// value is checked by whoever reads it. encoding/json cannot do this: it copies every string.
type scanner struct {
	in []byte
	at int
}

// members calls visit with the key and the raw value of each member of the object raw. The key is still in its quotes.
func members(raw []byte, visit func(key, value []byte)) error {
	s := scanner{in: raw}
	return s.list('{', '}', func() error {
		key, err := s.value()
		if err != nil {
			return err
		}
		if key[0] != '"' {
			return s.fail("a key in quotes")
		}
		if !s.next(':') {
			return s.fail("a colon")
		}
		value, err := s.value()
		if err == nil {
			visit(key, value)
		}
		return err
	})
}

// elements calls visit with each raw value of the array raw.
func elements(raw []byte, visit func(value []byte)) error {
	s := scanner{in: raw}
	return s.list('[', ']', func() error {
		value, err := s.value()
		if err == nil {
			visit(value)
		}
		return err
	})
}

// list reads what is between open and shut, parted by commas, and that nothing follows.
func (s *scanner) list(open, shut byte, element func() error) error {
	if !s.next(open) {
		return s.fail("'" + string(open) + "'")
	}
	if !s.next(shut) {
		for {
			if err := element(); err != nil {
				return err
			}
			if s.next(shut) {
				break
			}
			if !s.next(',') {
				return s.fail("a comma or '" + string(shut) + "'")
			}
		}
	}
	if s.space(); s.at < len(s.in) {
		return s.fail("the end")
	}
	return nil
}

// value returns the bytes of the value that comes next.
func (s *scanner) value() ([]byte, error) {
	s.space()
	if s.at == len(s.in) {
		return nil, s.fail("a value")
	}
	start := s.at
	switch s.in[start] {
	case '"':
		if !s.text() {
			return nil, s.fail("the closing quote of a string")
		}
	case '{', '[':
		if err := s.nested(); err != nil {
			return nil, err
		}
	default:
		for s.at < len(s.in) && bytes.IndexByte([]byte(",:]}\"{[ \t\r\n"), s.in[s.at]) < 0 {
			s.at++
		}
		if !json.Valid(s.in[start:s.at]) {
			s.at = start
			return nil, s.fail("a value")
		}
	}
	return s.in[start:s.at], nil
}

// text moves behind the string that starts here. A quote ends it unless an odd number of backslashes stands before.
func (s *scanner) text() bool {
	start := s.at + 1
	for from := start; ; {
		i := bytes.IndexByte(s.in[from:], '"')
		if i < 0 {
			s.at = len(s.in)
			return false
		}
		quote, slashes := from+i, 0
		for quote-slashes > start && s.in[quote-slashes-1] == '\\' {
			slashes++
		}
		from = quote + 1
		if slashes%2 == 0 {
			s.at = from
			return true
		}
	}
}

// nested moves behind the object or array that starts here, counting brackets.
func (s *scanner) nested() error {
	depth := 0
	for s.at < len(s.in) {
		switch s.in[s.at] {
		case '{', '[':
			if depth++; depth > maxDepth {
				return Errorf(CodeBadPayload, "The JSON is nested more than %d levels deep: make it flatter.", maxDepth)
			}
		case '}', ']':
			if depth--; depth == 0 {
				s.at++
				return nil
			}
		case '"':
			if !s.text() {
				return s.fail("the closing quote of a string")
			}
			continue
		}
		s.at++
	}
	return s.fail("a closing bracket")
}

// next reports whether c comes next, and moves behind it.
func (s *scanner) next(c byte) bool {
	s.space()
	if s.at < len(s.in) && s.in[s.at] == c {
		s.at++
		return true
	}
	return false
}

func (s *scanner) space() {
	for s.at < len(s.in) && isSpace(s.in[s.at]) {
		s.at++
	}
}

func (s *scanner) fail(want string) error {
	return Errorf(CodeBadPayload, "The JSON is broken at byte %d of %d, where %s is missing.", s.at, len(s.in), want)
}

// isSpace reports whether JSON takes c for white space.
func isSpace(c byte) bool {
	return c == ' ' || c == '\t' || c == '\r' || c == '\n'
}

// unquote returns what a string in quotes stands for. ok is false for raw that is no string in valid UTF-8.
func unquote(raw []byte) (s string, ok bool) {
	return s, utf8.Valid(raw) && json.Unmarshal(raw, &s) == nil
}

// typeOf names the type of a raw value in words.
func typeOf(raw []byte) string {
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return "null"
	case raw[0] == '"':
		return "a string"
	case raw[0] == '{':
		return "an object"
	case raw[0] == '[':
		return "an array"
	case raw[0] == 't' || raw[0] == 'f':
		return "true or false"
	}
	return "the number " + clip(string(raw))
}

// clip shortens what a stranger wrote to what fits into a sentence.
func clip(s string) string {
	const limit = 40
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return string([]rune(s)[:limit]) + "…"
}
