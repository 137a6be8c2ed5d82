package mqttapi

import (
	"bytes"
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"gphotos2mqtt/mqttapi/mistake"
)

func trim(payload []byte) []byte { return bytes.TrimSpace(bytes.TrimPrefix(payload, []byte("\ufeff"))) }

// address matches the start of what is in a network, such as "https://" or "rtsp://".
var address = regexp.MustCompile(`^[A-Za-z][0-9A-Za-z+.-]*://`)

// ending matches the end of a file's name, such as ".jpg", which no base64 has.
var ending = regexp.MustCompile(`[^./\\]\.[0-9A-Za-z]{1,8}$`)

// isPath reports whether a text is a path, whatever else it could be. Base64 of a JPEG starts with a slash too, so a file must be there, or
// an ending: base64 has no dot.
func isPath(text []byte, exists func(string) bool) bool {
	if len(text) == 0 || bytes.ContainsAny(text, "\r\n") {
		return false
	}
	if bytes.HasPrefix(text, []byte("./")) || bytes.HasPrefix(text, []byte("../")) || isFileURI(text) {
		return true
	}
	last := text[bytes.LastIndexByte(text, '/')+1:]
	if dot := bytes.LastIndexByte(last, '.'); text[0] == '/' && dot >= 0 && dot < len(last)-1 {
		return true
	}
	if len(text) > MaxPath || bytes.Contains(text, []byte("://")) {
		return false
	}
	if ending.Match(last) && !mistake.InUTF16(text) {
		return true
	}
	name, err := readPath(string(text))
	return err == nil && exists != nil && exists(name)
}

// maybePath reports whether a text that is nothing else can be a path: one that is absolute, or has folders and no spaces.
func maybePath(text []byte) bool {
	_, err := readPath(string(text))
	return err == nil && (text[0] == '/' || bytes.IndexByte(text, '/') > 0 && !bytes.ContainsAny(text, " \"'`“”‘’„«»<>[](){}") && !halfURI.Match(text))
}

// isFileURI reports whether a text starts like a file URI, with two slashes and a host, or without, as Java writes it.
func isFileURI(text []byte) bool { return len(text) > 5 && bytes.EqualFold(text[:6], []byte("file:/")) }

// readPath checks a path or a file URI and returns the path. Source: https://www.rfc-editor.org/rfc/rfc8089
func readPath(text string) (string, error) {
	if len(text) > MaxPath {
		return "", Errorf(CodeBadPayload, "The path has %d bytes; at most %d are possible.", len(text), MaxPath)
	}
	name := text
	if isFileURI([]byte(text)) {
		u, err := url.Parse(text)
		if err != nil || u.Host != "" && u.Host != "localhost" || u.RawQuery != "" || u.Fragment != "" {
			return "", Errorf(CodeBadPayload, "The file address is not understood: write file:///folder/name.jpg, with %%20 for a space.")
		}
		name = u.Path
	}
	quoted := len(name) > 2 && name[0] == name[len(name)-1] && strings.ContainsRune(`"'`, rune(name[0])) && strings.ContainsRune("/.", rune(name[1]))
	switch {
	case strings.TrimSpace(name) == "":
		return "", Errorf(CodeBadPayload, "The path is empty.")
	case isDataURI([]byte(name[:min(len(name), 5)])):
		return "", Errorf(CodeBadPayload, "The path is a data URI: send it as \"data\".")
	case name == text && address.MatchString(name):
		return "", notFetched(address.FindString(name))
	case quoted:
		return "", Errorf(CodeBadPayload, "The path stands in quotes (%c): send it without them.", name[0])
	case !utf8.ValidString(name):
		return "", Errorf(CodeBadPayload, "The path is no valid UTF-8: send it in UTF-8, and rename a file whose name is in another encoding.")
	case strings.ContainsFunc(name, unicode.IsControl):
		return "", Errorf(CodeBadPayload, `The path has a control character, such as NUL or a line break: in JSON, \n is one and \\n a backslash and an n.`)
	}
	return name, nil
}

func notFetched(scheme string) *Error {
	return Errorf(CodeBadPayload, "Addresses (%s) are not fetched: download the file into a media directory and send its path.", scheme)
}
