package mqttapi

import (
	"encoding/base64"
	"io"
	"strconv"
	"unicode/utf8"
)

// readBase64 checks text and returns the data it stands for. It accepts both alphabets (RFC 4648, sections 4 and 5), but
// not a mixture, with and without padding, and white space anywhere; quoted says that text is the inside of a JSON
// string, whose escapes may stand for any character. One pass over the text, no copy.
// Source: https://www.rfc-editor.org/rfc/rfc4648
func readBase64(text []byte, quoted bool) (Data, error) {
	var count [charBad + 1]int64
	end := 0 // behind the last letter
	for at := 0; at < len(text); {
		c, width := text[at], 1
		if quoted && (c == '\\' || c < ' ') {
			if c, width = unescape(text[at:]); width == 0 {
				return Data{}, Errorf(CodeBadPayload, "The JSON string with the base64 is broken at its byte %d.", at)
			}
		}
		kind := kinds[c]
		switch {
		case kind == charBad:
			r := rune(c)
			if width == 1 {
				r, _ = utf8.DecodeRune(text[at:])
			}
			return Data{}, Errorf(CodeBadPayload, "%s at byte %d is no character of base64: check that nothing else got into the data.", strconv.QuoteRune(r), at)
		case kind <= charURL && count[charPad] > 0:
			return Data{}, Errorf(CodeBadPayload, "The base64 goes on after its end, behind the '=' before byte %d: send one file only, encoded in one piece.", at)
		}
		count[kind]++
		at += width
		if kind <= charURL {
			end = at
		}
	}
	total := count[charLetter] + count[charStd] + count[charURL]
	switch {
	case total == 0 && count[charPad] == 0:
		return Data{}, Errorf(CodeEmpty, "The data has no content: check what encodes it.")
	case count[charStd] > 0 && count[charURL] > 0:
		return Data{}, Errorf(CodeBadPayload, "The base64 mixes the standard alphabet (+ and /) with the URL alphabet (- and _): use one of them.")
	case total%4 == 1, count[charPad] > 0 && (count[charPad] > 2 || (total+count[charPad])%4 != 0):
		return Data{}, Errorf(CodeBadPayload, "The base64 is cut off or incomplete: its %d characters are no whole number of bytes.", total)
	}
	alphabet := base64.RawStdEncoding
	if count[charURL] > 0 {
		alphabet = base64.RawURLEncoding
	}
	return Data{raw: text[:end], alphabet: alphabet, quoted: quoted, size: total * 6 / 8}, nil
}

// letters reads the letters of base64 out of text, without the white space between them and, in a JSON string, with its
// escapes resolved. Whatever else it meets it passes on, for the decoder to refuse.
type letters struct {
	in     []byte
	quoted bool
}

// Read fills p with letters.
func (l *letters) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) && len(l.in) > 0 {
		c, width := l.in[0], 1
		if l.quoted && c == '\\' {
			if c, width = unescape(l.in); width == 0 {
				c, width = '\\', 1
			}
		}
		l.in = l.in[width:]
		if kinds[c] != charSpace {
			p[n] = c
			n++
		}
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// unescape returns the character that an escape of JSON at the start of text stands for, and how long the escape is; 0
// for what is no escape, or stands for a character that is not in ASCII. Source: https://www.rfc-editor.org/rfc/rfc8259#section-7
func unescape(text []byte) (c byte, width int) {
	if len(text) < 2 || text[0] != '\\' {
		return 0, 0
	}
	switch text[1] {
	case '/', '\\', '"':
		return text[1], 2
	case 'n', 'r', 't':
		return '\n', 2
	case 'u':
		if len(text) < 6 {
			return 0, 0
		}
		n, err := strconv.ParseUint(string(text[2:6]), 16, 16)
		if err != nil || n >= utf8.RuneSelf {
			return 0, 0
		}
		return byte(n), 6
	}
	return 0, 0
}

// The kinds of characters in base64. The letters come first.
const (
	charLetter = iota // of both alphabets
	charStd           // of the standard alphabet only
	charURL           // of the URL alphabet only
	charSpace
	charPad
	charBad
)

// kinds tells the kind of each byte.
var kinds = func() (table [256]byte) {
	for c := range table {
		switch c := byte(c); {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			table[c] = charLetter
		case c == '+', c == '/':
			table[c] = charStd
		case c == '-', c == '_':
			table[c] = charURL
		case isSpace(c):
			table[c] = charSpace
		case c == '=':
			table[c] = charPad
		default:
			table[c] = charBad
		}
	}
	return table
}()
