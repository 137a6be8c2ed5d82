// Package letters reads bytes out of what people and programs write: base64 with white space, in a JSON string, in either alphabet, or an
// array of numbers.
package letters

import (
	"encoding/base64"
	"io"
	"strconv"
	"unicode/utf8"
)

// Dense decodes base64 that has neither white space nor escapes, as most has, straight to where it is wanted.
func Dense(text []byte, alphabet *base64.Encoding) io.Reader {
	return &dense{in: text, alphabet: alphabet}
}

type dense struct {
	in       []byte
	alphabet *base64.Encoding
	rest     []byte // decoded already
}

func (d *dense) Read(p []byte) (n int, err error) {
	switch {
	case len(d.rest) > 0:
	case len(d.in) == 0:
		return 0, io.EOF
	case len(p) >= 3:
		in := d.in[:min(len(p)/3*4, len(d.in))]
		d.in = d.in[len(in):]
		return d.alphabet.Decode(p, in)
	default:
		in := d.in[:min(4, len(d.in))]
		d.in = d.in[len(in):]
		d.rest, err = d.alphabet.AppendDecode(nil, in)
	}
	n = copy(p, d.rest)
	d.rest = d.rest[n:]
	return n, err
}

// Loose decodes base64 with white space in it; quoted says that it stands in a JSON string, whose escapes are resolved. All else passes to
// the decoder, which refuses it.
func Loose(text []byte, alphabet *base64.Encoding, quoted bool) io.Reader {
	return base64.NewDecoder(alphabet, &letters{in: text, quoted: quoted})
}

type letters struct {
	in     []byte
	quoted bool
}

func (l *letters) Read(p []byte) (n int, err error) {
	for n < len(p) && len(l.in) > 0 {
		c, width := l.in[0], 1
		if l.quoted && c == '\\' {
			c, width = Unescape(l.in)
		}
		l.in = l.in[width:]
		if Kind[c] != Space {
			p[n] = c
			n++
		}
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// Unescape returns the character that an escape of JSON at the start of text stands for, and how long the escape is; a backslash for
// what is no escape, or stands for no character of base64. Source: https://www.rfc-editor.org/rfc/rfc8259#section-7
func Unescape(text []byte) (c byte, width int) {
	if len(text) >= 2 && text[0] == '\\' {
		switch text[1] {
		case '/', '\\', '"':
			return text[1], 2
		case 'n', 'r', 't':
			return '\n', 2
		case 'u':
			if n, err := strconv.ParseUint(string(text[2:min(len(text), 6)]), 16, 16); err == nil && len(text) >= 6 && n < utf8.RuneSelf {
				return byte(n), 6
			}
		}
	}
	return '\\', 1
}

// The kinds of characters in base64. The letters come first; those of both alphabets have no bit of their own.
const (
	Std   = 1 << iota // of the standard alphabet only
	URL               // of the URL alphabet only
	Space             // white space of JSON and of mail
	Pad
	Bad
)

// Kind tells the kind of each byte, 0 for a letter of both alphabets.
var Kind = func() (table [256]byte) {
	letters := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	for c := range table {
		table[c] = Bad
	}
	for kind, chars := range map[byte]string{0: letters, Std: "+/", URL: "-_", Space: " \t\r\n", Pad: "="} {
		for _, c := range chars {
			table[c] = kind
		}
	}
	return table
}()
