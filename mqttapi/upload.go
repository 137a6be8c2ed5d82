package mqttapi

import (
	"bytes"
	"encoding/json"
	"net/url"
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The limits of an upload command.
const (
	// MaxFiles is how many files one command uploads: as many as fit into one request to Google.
	// Source: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/batchCreate
	MaxFiles = 50
	// MaxName is the length of a file name in characters.
	// Source: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/batchCreate#SimpleMediaItem
	MaxName = 255
	// MaxDescription is the length of a description in characters. Google's guide allows 1,000, its reference says fewer.
	// Source: https://developers.google.com/photos/library/guides/upload-media#creating-media-item
	MaxDescription = 999
	// MaxTitle is the length of an album's title in characters.
	// Source: https://developers.google.com/photos/library/reference/rest/v1/albums#Album
	MaxTitle = 500
	// MaxPath is the length of a path in bytes, PATH_MAX of Linux.
	MaxPath = 4096
	// MaxID is the length of a command's id in characters.
	MaxID = 128
	// MaxTransaction is the size of a transaction in bytes. It comes back in every message about the command, and each of
	// these has to stay below the limits of brokers and of Home Assistant's attributes.
	MaxTransaction = 4096
	// MaxGoogleID is the length of an item's or album's id in characters. Google states none; real ones have about 150.
	MaxGoogleID = 1024
)

// Upload is the command on E/upload.
type Upload struct {
	Form  Form
	Files []UploadFile // 1 to MaxFiles
	// Album is the title of the album to put the files into: found, or created. AlbumID is the album itself. At most one
	// of them is set; without both the entry's default album counts.
	Album, AlbumID string
	// ID makes the command idempotent; "" when the command has none.
	ID string
	// Transaction is the JSON value that comes back in every message about the command, as it was written; nil when the
	// command has none.
	Transaction json.RawMessage
}

// UploadFile is one file of an upload: a path, or else data.
type UploadFile struct {
	Path        string // as the command has it; it still has to be found below a media directory
	Data        Data
	Name        string // to show in Google Photos; "" leaves it to FileName
	Description string
}

// Form is the form that the payload of an upload has.
type Form int

// The forms, in the order in which they are tried.
const (
	FormJSON Form = iota + 1
	FormDataURI
	FormBytes
	FormPath
	FormBase64
)

// ParseUpload reads the payload of the command on E/upload for entry. exists reports whether there is a file at a path
// below the media directories; it is asked for texts that may be a path or something else, at most once.
//
// The files point into payload, see Data. The error is an *Error with a code of the contract; ID and Transaction are set
// even then when they could be read, so that the answer can carry them.
func ParseUpload(payload []byte, entry string, exists func(path string) bool) (Upload, error) {
	text := trim(payload)
	if len(text) == 0 {
		return Upload{}, Errorf(CodeBadPayload, "The payload is empty: send a JSON object, the path of a file, or the bytes of an image or video.")
	}
	// Content is looked at first: no text is taken for an image, but a video may start with any byte, even a brace.
	if _, ok := MediaType(payload); ok {
		return Upload{Form: FormBytes, Files: []UploadFile{{Data: wholeData(payload)}}}, nil
	}
	if text[0] == '{' {
		return parseUploadObject(text, entry)
	}
	if isDataURI(text) {
		data, err := decoded(text, false)
		return Upload{Form: FormDataURI, Files: []UploadFile{{Data: data}}}, err
	}
	if isPath(text, exists) {
		name, err := readPath(string(text))
		return Upload{Form: FormPath, Files: []UploadFile{{Path: name}}}, err
	}
	data, err := readBase64(text, false)
	if err == nil {
		if _, ok := MediaType(data.Head()); ok {
			return Upload{Form: FormBase64, Files: []UploadFile{{Data: data}}}, nil
		}
	}
	return Upload{}, unfit(payload, text, data)
}

// FileName returns the name to show in Google Photos: the one that was asked for, else the path's base name, else one
// made of the entry, the time, and the ending for the media type that was found.
func (f UploadFile) FileName(entry string, at time.Time, mime string) string {
	switch {
	case f.Name != "":
		return f.Name
	case f.Path != "":
		name := []rune(path.Base(f.Path))
		return string(name[max(0, len(name)-MaxName):]) // the end, because of its ending
	}
	return entry + "-" + at.UTC().Format("20060102T150405Z") + Ending(mime)
}

// trim cuts white space and a byte order mark off a text.
func trim(payload []byte) []byte {
	return bytes.TrimSpace(bytes.TrimPrefix(payload, []byte("\ufeff")))
}

// isPath reports whether a text is meant as a path. Base64 of a JPEG starts with a slash too, so a slash alone decides
// nothing: a file must be there, or the text must have an ending, for which base64 has no dot.
func isPath(text []byte, exists func(string) bool) bool {
	if bytes.ContainsAny(text, "\r\n") {
		return false
	}
	for _, prefix := range []string{"./", "../", "file://"} {
		if bytes.HasPrefix(text, []byte(prefix)) {
			return true
		}
	}
	if text[0] == '/' {
		last := text[bytes.LastIndexByte(text, '/')+1:]
		if dot := bytes.LastIndexByte(last, '.'); dot >= 0 && dot < len(last)-1 {
			return true
		}
	}
	if len(text) > MaxPath || exists == nil {
		return false
	}
	name, err := readPath(string(text))
	return err == nil && exists(name)
}

// readPath checks a path or a file URI and returns the path. Source: https://www.rfc-editor.org/rfc/rfc8089
func readPath(text string) (string, error) {
	if len(text) > MaxPath {
		return "", Errorf(CodeBadPayload, "The path has %d bytes; at most %d are possible.", len(text), MaxPath)
	}
	name := text
	if strings.HasPrefix(text, "file://") {
		u, err := url.Parse(text)
		if err != nil || u.Host != "" && u.Host != "localhost" || u.RawQuery != "" || u.Fragment != "" {
			return "", Errorf(CodeBadPayload, "The file address is not understood: write file:///folder/name.jpg, with %%20 for a space.")
		}
		name = u.Path
	}
	switch {
	case name == "":
		return "", Errorf(CodeBadPayload, "The path is empty.")
	case !utf8.ValidString(name):
		return "", Errorf(CodeBadPayload, "The path is no valid UTF-8: rename the file.")
	case strings.ContainsFunc(name, unicode.IsControl):
		return "", Errorf(CodeBadPayload, "The path has a control character, such as NUL or a line break.")
	}
	return name, nil
}

// unfit says why a payload is in none of the forms. data is set when the text is base64.
func unfit(payload, text []byte, data Data) error {
	isText := utf8.Valid(text) && !bytes.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && !unicode.IsSpace(r) })
	switch {
	case isText && (text[0] == '[' || text[0] == '"'):
		return Errorf(CodeBadPayload, `The JSON is not an object: write {"path": "…"} or {"paths": ["…", "…"]}.`)
	case isText && (bytes.HasPrefix(text, []byte("http://")) || bytes.HasPrefix(text, []byte("https://"))):
		return Errorf(CodeBadPayload, "Addresses of the web are not fetched: download the file into a media directory and send its path.")
	}
	content := payload
	if data.Len() >= aWord {
		content = data.Head()
	}
	if mime, _ := MediaType(content); !isText || mime != "application/octet-stream" && !strings.HasPrefix(mime, "text/") {
		return Errorf(CodeUnsupportedType, "The content is %s, no image or video that Google Photos takes.", describe(mime))
	}
	if text[0] == '/' {
		return Errorf(CodeBadPayload, "The text is no existing file below the media directories, has no file ending, and is no base64 of an image or video.")
	}
	return NewError(CodeBadPayload)
}

// aWord is how many bytes base64 must have at least to be judged by its content: fewer are a word or a path that happens
// to be made of its letters.
const aWord = 64

// describe makes a media type readable for those who do not know the one that stands for everything unknown.
func describe(mime string) string {
	if mime == "application/octet-stream" {
		return "of an unknown format"
	}
	return mime
}
