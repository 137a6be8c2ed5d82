package mqttapi

import (
	"bytes"
	"encoding/base64"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"gphotos2mqtt/mediatype"
	"gphotos2mqtt/mqttapi/letters"
)

// Data is a file's content inside a command's payload, which must not change meanwhile; no copy, decoded when read. Zero is no data.
type Data struct {
	raw      []byte           // the part of the payload that holds the content
	alphabet *base64.Encoding // nil: raw is the content itself
	quoted   bool             // raw stands in a JSON string and may have its escapes
	dense    bool             // raw has letters of the alphabet alone
	array    bool             // raw is the elements of a JSON array of bytes
	size     int64            // of the content
}

// Len returns how many bytes of content there are.
func (d Data) Len() int64 { return d.size }

// Open returns a new reader from the first byte, so reading can be repeated. It fails only when the payload was changed after ParseUpload.
func (d Data) Open() io.Reader {
	switch {
	case d.array:
		return letters.Array(d.raw)
	case d.alphabet == nil:
		return bytes.NewReader(d.raw)
	case d.dense:
		return letters.Dense(d.raw, d.alphabet)
	}
	return letters.Loose(d.raw, d.alphabet, d.quoted)
}

// head returns the first bytes of the content, as many as mediatype.Of looks at.
func (d Data) head() []byte {
	head := make([]byte, min(d.size, mediatype.HeadSize))
	n, _ := io.ReadFull(d.Open(), head) // what cannot be read is not recognised
	return head[:n]
}

// isDataURI reports whether text starts like a data URI. Source: https://www.rfc-editor.org/rfc/rfc2397
func isDataURI(text []byte) bool { return len(text) >= 5 && bytes.EqualFold(text[:5], []byte("data:")) }

// decoded returns the data of a data URI or of base64; quoted says that text is the inside of a JSON string.
func decoded(text []byte, quoted bool) (Data, error) {
	if !isDataURI(text) {
		return readBase64(text, quoted)
	}
	const maxHead = 1024 // a media type has 30 bytes, and some programs add the file's name; it is not looked at: the content decides
	comma := bytes.IndexByte(text[:min(len(text), maxHead)], ',')
	if comma < 0 {
		return Data{}, Errorf(CodeBadPayload, "The data URI has no comma after its media type: write data:image/jpeg;base64, and then the base64.")
	}
	if head := strings.TrimSpace(string(text[:comma])); !strings.HasSuffix(strings.ToLower(head), ";base64") {
		return Data{}, Errorf(CodeBadPayload, "The data URI is not in base64: write data:image/jpeg;base64, and then the base64.")
	}
	return readBase64(text[comma+1:], quoted)
}

// readBase64 checks text and returns the data it stands for. It accepts both alphabets (RFC 4648, sections 4 and 5), but not a
// mixture, with and without padding, and white space anywhere; quoted says that text is the inside of a JSON string, whose escapes may
// stand for any character. One pass over the text, no copy. Source: https://www.rfc-editor.org/rfc/rfc4648
func readBase64(text []byte, quoted bool) (Data, error) {
	var count, pads int64
	var used byte // kinds of letters
	end := 0      // behind the last letter
	for at := 0; at < len(text); {
		start := at
		for at < len(text) && letters.Kind[text[at]] < letters.Space { // most of the text
			used |= letters.Kind[text[at]]
			at++
		}
		run := int64(at - start)
		if run == 0 {
			c, width := text[at], 1
			if quoted && (c == '\\' || c < ' ') {
				c, width = letters.Unescape(text[at:])
			}
			at += width
			switch letters.Kind[c] {
			case letters.Space:
				if c == ' ' && count > 0 && end == start && at < len(text) && letters.Kind[text[at]] < letters.Space {
					return Data{}, Errorf(CodeBadPayload, "A space stands in the base64 at byte %d: what sent it made spaces of its '+'.", start)
				}
				continue
			case letters.Pad:
				pads++
				continue
			case letters.Bad:
				r := rune(c)
				if width == 1 {
					r, _ = utf8.DecodeRune(text[start:])
				}
				return Data{}, Errorf(CodeBadPayload, "%s at byte %d is no character of base64: check that nothing else got into the data.", strconv.QuoteRune(r), start)
			}
			used |= letters.Kind[c]
			run = 1
		}
		if pads > 0 {
			return Data{}, Errorf(CodeBadPayload, "The base64 goes on after its end, behind the '=' before byte %d: send one file only, encoded in one piece.", start)
		}
		count += run
		end = at
	}
	alphabet := base64.RawStdEncoding
	switch {
	case count == 0 && pads == 0:
		return Data{}, Errorf(CodeEmpty, "The data has no content: check what encodes it.")
	case used == letters.Std|letters.URL:
		return Data{}, Errorf(CodeBadPayload, "The base64 mixes the standard alphabet (+ and /) with the URL alphabet (- and _): use one of them.")
	case count%4 == 1, pads > 0 && (pads > 2 || (count+pads)%4 != 0):
		return Data{}, Errorf(CodeBadPayload, "The base64 is cut off or incomplete: its %d characters are no whole number of bytes.", count)
	case used == letters.URL:
		alphabet = base64.RawURLEncoding
	}
	d := Data{raw: text[:end], alphabet: alphabet, quoted: quoted, dense: count == int64(end), size: count * 6 / 8}
	if pads == 0 && count%4 != 0 && mediatype.End(&rewinding{data: d}, d.size) == mediatype.Cut {
		return Data{}, Errorf(CodeBadPayload, "The base64 is cut off: the file in it does not end after its %d characters.", count)
	}
	return d, nil
}

// A rewinding reader reads data here and there, anew from its start for what lies before.
type rewinding struct {
	data Data
	r    io.Reader
	at   int64
}

func (r *rewinding) ReadAt(p []byte, offset int64) (int, error) {
	if r.r == nil || offset < r.at {
		r.r, r.at = r.data.Open(), 0
	}
	skipped, err := io.CopyN(io.Discard, r.r, offset-r.at)
	if r.at += skipped; err != nil {
		return 0, err
	}
	n, err := io.ReadFull(r.r, p)
	r.at += int64(n)
	return n, err
}
