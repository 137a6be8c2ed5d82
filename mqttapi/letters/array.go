package letters

import "io"

// Array reads the bytes of a JSON array out of what is between its brackets.
func Array(elements []byte) io.Reader { return &array{in: elements} }

type array struct{ in []byte }

func (e *array) Read(p []byte) (n int, err error) {
	for e.in = Skip(e.in); n < len(p) && len(e.in) > 0; n++ {
		var ok bool
		if p[n], e.in, ok = NextByte(e.in); !ok {
			return n, io.ErrUnexpectedEOF
		}
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// NextByte returns the number that elements start with, and what follows it and its comma.
func NextByte(elements []byte) (b byte, rest []byte, ok bool) {
	number, digits := 0, 0
	for digits < len(elements) && elements[digits]-'0' <= 9 && number < 256 {
		number = 10*number + int(elements[digits]-'0')
		digits++
	}
	rest = Skip(elements[digits:])
	ended := len(rest) == 0 || len(rest) < len(elements)-digits // by a comma or white space
	return byte(number), rest, digits > 0 && number < 256 && ended
}

// Skip passes over commas and white space.
func Skip(text []byte) []byte {
	for len(text) > 0 && (text[0] == ',' || Kind[text[0]] == Space) {
		text = text[1:]
	}
	return text
}
