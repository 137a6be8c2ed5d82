package mqttapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"gphotos2mqtt/mediatype"
	"gphotos2mqtt/mqttapi/letters"
	"gphotos2mqtt/mqttapi/mistake"
)

// breakOff says where the JSON is broken, in jsontext's words but for what people do most.
func (r *reader) breakOff(err error) {
	if err == nil || r.broken {
		return
	}
	r.broken = true
	at, within, why := len(r.in), "", "it ends too early"
	e, ok := errors.AsType[*jsontext.SyntacticError](err)
	if ok && !errors.Is(e.Err, io.ErrUnexpectedEOF) {
		at = int(e.ByteOffset)
		kind, members := r.dec.StackIndex(r.dec.StackDepth())
		why = mistake.At(r.in, at, kind == '{' && members%2 == 0, e.Err.Error())
	}
	if ok && e.JSONPointer != "" {
		within = fmt.Sprintf(", in %q", clip(strings.ReplaceAll(string(e.JSONPointer[1:]), "/", ".")))
	}
	r.fail("The JSON is broken at byte %d of %d%s: %s.", at, len(r.in), within, why)
}

var halfURI = regexp.MustCompile(`(?i)^(image|video)/[0-9a-z.+-]+;base64,`)

// imageCutOff reports whether a text that is no base64 begins as that of an image or video does.
func imageCutOff(text []byte) bool {
	const enough = 1024 // letters, more than mediatype needs for any kind
	n, used := 0, byte(0)
	for ; n < min(len(text), enough) && letters.Kind[text[n]] < letters.Space; n++ {
		if used |= letters.Kind[text[n]]; used == letters.Std|letters.URL {
			break
		}
	}
	data, _ := readBase64(text[:n/4*4], false)
	return mediatype.Of(data.head()).Taken
}

// unfit says why a payload is in none of the forms. data is set when the text is base64.
func unfit(payload, text []byte, data Data) *Error {
	isText := utf8.Valid(text) && !bytes.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && !unicode.IsSpace(r) })
	content := payload
	if data.Len() >= 64 { // fewer bytes are a word or a path that happens to be made of the letters of base64
		content = data.head()
	}
	kind := mediatype.Of(content)
	if wrapped := inWrapping(text); wrapped != nil {
		return wrapped
	}
	switch {
	case isText && text[0] == '[':
		return Errorf(CodeBadPayload, `The JSON is not an object: write {"path": "…"} or {"paths": ["…", "…"]}.`)
	case isText && address.Match(text):
		return notFetched(string(address.Find(text)))
	case isText && halfURI.Match(text):
		return Errorf(CodeBadPayload, "The data URI lacks its beginning: write data:image/jpeg;base64, and then the base64.")
	case isText && kind.Plain() && bytes.ContainsAny(text, "\r\n") && data.Len() == 0:
		return Errorf(CodeBadPayload, `The text has several lines: a path is one; send several as {"paths": ["…", "…"]}.`)
	case !isText || !kind.Plain():
		return Errorf(CodeUnsupportedType, "The content is %s", kind.Refusal())
	}
	return NewError(CodeBadPayload)
}

// inWrapping says that a text would be understood without what is around it: an encoding of two bytes a letter, or quotes.
func inWrapping(text []byte) *Error {
	if mistake.InUTF16(text) {
		return Errorf(CodeBadPayload, "The payload is text in UTF-16, as PowerShell and some editors write it: send it in UTF-8.")
	}
	if mistake.PythonBytes(text) {
		return Errorf(CodeBadPayload, "The payload is what Python prints of bytes (b'…'): send .decode() of it.")
	}
	first, _ := utf8.DecodeRune(text)
	last, width := utf8.DecodeLastRune(text)
	isQuote := func(q rune) bool { return q == '"' || mistake.IsQuote(q) }
	if len(text) < 2 || !isQuote(first) || !isQuote(last) {
		return nil
	}
	if inner := trim(text[utf8.RuneLen(first) : len(text)-width]); len(inner) > 0 && inner[0] == '{' {
		return Errorf(CodeBadPayload, "The JSON object stands in quotes, as a text: send it without them; something has turned it into JSON twice, or a shell kept them.")
	}
	return Errorf(CodeBadPayload, "The payload stands in quotes (%c): send it without them.", first)
}
