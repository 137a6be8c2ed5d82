// Package mistake says what is wrong with JSON that cannot be read, in words for who wrote it: of programs and shells that put it together,
// and of texts that come from web pages or Python.
package mistake

import (
	"bytes"
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// templates is what Home Assistant's templates need, which write a dictionary as Python does.
const templates = `in a Home Assistant template, "| to_json" writes it right`

var (
	pythonWord = regexp.MustCompile(`^(True|False|None)\b`)
	controls   = map[byte]string{
		'\n': `a line break stands in a text: write \n for it`,
		'\r': `a line break stands in a text: write \r\n for it`,
		'\t': `a tab stands in a text: write \t for it`,
	}
	bareText   = regexp.MustCompile(`^[\p{L}/\\._~*]`)
	otherQuote = regexp.MustCompile("^['`´‘’“”„«»]")
)

// At says what is wrong with in at a byte, where jsontext says why; isKey: a key belongs there.
func At(in []byte, at int, isKey bool, why string) string {
	rest, comma := bytes.CutPrefix(in[at:], []byte(","))
	rest = bytes.TrimSpace(rest)
	tooMany := comma != bytes.HasSuffix(bytes.TrimSpace(in[:at]), []byte(",")) && len(rest) > 0 && (rest[0] == ']' || rest[0] == '}')
	bad := in[min(at, len(in)):]
	blank, _ := utf8.DecodeRune(bad)
	switch {
	case strings.HasPrefix(why, "invalid escape sequence"):
		return `a single backslash stands in a text: write \\ for each, or / between folders`
	case strings.HasSuffix(why, "(expecting non-control character)") && len(bad) > 0:
		return cmp.Or(controls[bad[0]], "a control character stands in a text: leave it out")
	case bytes.HasPrefix(bad, []byte("{{")), at > 0 && bytes.HasPrefix(in[at-1:], []byte("{{")), at > 0 && bytes.HasPrefix(in[at-1:], []byte("{%")):
		return "a template stands there that nothing has filled in"
	case blank > utf8.RuneSelf && unicode.In(blank, unicode.Z, unicode.Cf):
		return fmt.Sprintf("an invisible character stands there (%U), as web pages have it: write a common space", blank)
	case otherQuote.Match(bad):
		return fmt.Sprintf(`keys and texts stand in double quotes ("), not in %s; %s`, otherQuote.Find(bad), templates)
	case pythonWord.Match(bad):
		return fmt.Sprintf("%s is Python's word, and JSON has true, false and null; %s", pythonWord.Find(bad), templates)
	case tooMany:
		return "there is a comma too many"
	case isKey && strings.HasSuffix(why, "at start of value"):
		return "a key in double quotes is missing"
	case strings.HasSuffix(why, "at start of value") && bareText.Match(bad), strings.Contains(why, "in literal"):
		return "a text stands there without double quotes, or a word that is none of true, false and null"
	}
	return why
}

// IsQuote reports whether a letter is a quotation mark other than JSON's.
func IsQuote(q rune) bool { return otherQuote.MatchString(string(q)) }

// PythonBytes tells the text of bytes that were not decoded.
func PythonBytes(text []byte) bool {
	return len(text) > 2 && text[0] == 'b' && (text[1] == '\'' || text[1] == '"') && text[len(text)-1] == text[1]
}

// InUTF16 tells UTF-16 by the byte order mark, or by the zeros between the letters.
func InUTF16(text []byte) bool {
	if bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) {
		return true
	}
	letter := func(a, b byte) bool { return a == 0 && b >= ' ' && b < 0x7f }
	return len(text) >= 4 && (letter(text[0], text[1]) && letter(text[2], text[3]) || letter(text[1], text[0]) && letter(text[3], text[2]))
}
