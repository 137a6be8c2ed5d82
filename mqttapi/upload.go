package mqttapi

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/url"
	"path/filepath"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gphotos2mqtt/mediatype"
	"gphotos2mqtt/photos/spec"
)

// The contract's own limits; those of Google are in spec.
const (
	MaxFiles       = spec.MaxBatch // files of one command: as many as fit into one request to Google
	MaxPath        = 4096          // bytes of a path, PATH_MAX of Linux
	MaxID          = 128           // characters of a command's id
	MaxJob         = 64            // characters of a job's name; the bridge's own have 26
	MaxTransaction = 4096          // bytes: it is in every message about its command, which brokers and Home Assistant limit
	MaxAddress     = 4096          // characters; Google's codes have 256: https://developers.google.com/identity/protocols/oauth2#size
)

// Upload is the command on E/upload.
type Upload struct {
	Files       []UploadFile    // 1 to MaxFiles
	Album       string          // title of the album to put the files into: found, or created
	AlbumID     string          // of the album itself, never with Album; without both the entry's default album counts
	ID          string          // makes the command idempotent; "" when the command has none
	Transaction json.RawMessage // the JSON value that comes back in every message about the command, as it was written; nil for none
}

// UploadFile is one file of an upload: a path, or else data.
type UploadFile struct {
	Path        string // as the command has it; it still has to be found below a media directory
	Data        Data
	Name        string // to show in Google Photos; "" leaves it to FileName
	Description string
}

// ParseUpload reads the payload of the command on E/upload for entry. exists reports whether there is a file at a path below the media
// directories; it is asked for texts that may be a path or something else, at most once.
//
// The files point into payload, see Data. Every error is an *Error; ID and Transaction are set even then when they could be read.
func ParseUpload(payload []byte, entry string, exists func(path string) bool) (Upload, error) {
	text := trim(payload)
	if len(text) == 0 {
		return Upload{}, Errorf(CodeBadPayload, "The payload is empty: send a JSON object, the path of a file, or the bytes of an image or video.")
	}
	// Content is looked at first: no text is taken for an image, but a video may start with any byte, even a brace.
	if mediatype.Of(payload).Taken {
		return Upload{Files: []UploadFile{{Data: Data{raw: payload, size: int64(len(payload))}}}}, nil
	}
	if text[0] == '{' {
		return parseUploadObject(text, entry)
	}
	if isDataURI(text) {
		data, err := decoded(text, false)
		return Upload{Files: []UploadFile{{Data: data}}}, err
	}
	if isPath(text, exists) {
		name, err := readPath(string(text))
		return Upload{Files: []UploadFile{{Path: name}}}, err
	}
	data, _ := readBase64(text, false) // none when it is no base64
	if mediatype.Of(data.head()).Taken {
		return Upload{Files: []UploadFile{{Data: data}}}, nil
	}
	return Upload{}, unfit(payload, text, data)
}

// FileName returns the name to show in Google Photos: the one asked for, the path's base name, or one made of entry and time; with the
// ending of the media type if it has none. mime is "" while it is not known.
func (f UploadFile) FileName(entry string, at time.Time, mime string) string {
	name := f.Name
	if name == "" && f.Path != "" {
		name = filepath.Base(f.Path)
	}
	return spec.CutName(mediatype.Named(cmp.Or(name, entry+"-"+at.UTC().Format("20060102T150405Z")), mime))
}

// parseUploadObject reads an upload that is a JSON object. "filename" and "config_entry_id" are parameters of Home Assistant's own action.
// Source: https://www.home-assistant.io/actions/google_photos.upload/
func parseUploadObject(command []byte, entry string) (Upload, error) {
	var u Upload
	var one UploadFile // the only one, and what counts for each without its own name and description
	var paths []filePath
	in, of := newReader(command), entry
	o := in.object("",
		field{"path", (*filePath)(&one.Path), 0}, field{"paths", &paths, 0}, field{"data", &one.Data, 0}, field{"files", &u.Files, 0},
		field{"filename", func(place string) {
			if in.dec.PeekKind() == '"' {
				in.read(place, (*filePath)(&one.Path), 0)
			} else {
				in.read(place, &paths, 0)
			}
		}, 0},
		field{"name", &one.Name, spec.MaxFileName}, field{"description", (*prose)(&one.Description), spec.MaxDescription},
		field{"album", &u.Album, spec.MaxTitle}, field{"album_id", &u.AlbumID, spec.MaxID}, field{"config_entry_id", &of, spec.MaxFileName},
		field{"id", &u.ID, MaxID}, field{keyTransaction, &u.Transaction, MaxTransaction})
	in.end()
	o.choose("album", "album_id")
	o.chooseOne("path", "paths", "data", "files", "filename")
	if of != entry {
		o.fail(`"config_entry_id" is %q, but this topic belongs to the entry %q.`, clip(of), clip(entry))
	}
	for _, path := range paths {
		u.Files = append(u.Files, UploadFile{Path: string(path)})
	}
	if one.Path != "" || one.Data.Len() > 0 {
		u.Files = []UploadFile{one}
	}
	if one.Name != "" && len(u.Files) > 1 {
		o.fail(`"name" names one file, but there are %d: use "files" and give each a name.`, len(u.Files))
	}
	if in.err != nil {
		return Upload{ID: u.ID, Transaction: u.Transaction}, in.err
	}
	for i := range u.Files {
		f := &u.Files[i]
		f.Name, f.Description = cmp.Or(f.Name, one.Name), cmp.Or(f.Description, one.Description)
	}
	return u, nil
}

func trim(payload []byte) []byte { return bytes.TrimSpace(bytes.TrimPrefix(payload, []byte("\ufeff"))) }

// isPath: base64 of a JPEG starts with a slash too, so a file must be there, or an ending: base64 has no dot.
func isPath(text []byte, exists func(string) bool) bool {
	if bytes.ContainsAny(text, "\r\n") {
		return false
	}
	if bytes.HasPrefix(text, []byte("./")) || bytes.HasPrefix(text, []byte("../")) || bytes.HasPrefix(text, []byte("file://")) {
		return true
	}
	last := text[bytes.LastIndexByte(text, '/')+1:]
	if dot := bytes.LastIndexByte(last, '.'); text[0] == '/' && dot >= 0 && dot < len(last)-1 {
		return true
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
	content := payload
	if data.Len() >= 64 { // fewer bytes are a word or a path that happens to be made of the letters of base64
		content = data.head()
	}
	kind := mediatype.Of(content)
	switch {
	case isText && (text[0] == '[' || text[0] == '"'):
		return Errorf(CodeBadPayload, `The JSON is not an object: write {"path": "…"} or {"paths": ["…", "…"]}.`)
	case isText && (bytes.HasPrefix(text, []byte("http://")) || bytes.HasPrefix(text, []byte("https://"))):
		return Errorf(CodeBadPayload, "Addresses of the web are not fetched: download the file into a media directory and send its path.")
	case !isText || !kind.Plain():
		return Errorf(CodeUnsupportedType, "The content is %s", kind.Refusal())
	case text[0] == '/':
		return Errorf(CodeBadPayload, "The text is no existing file below the media directories, has no file ending, and is no base64 of an image or video.")
	}
	return NewError(CodeBadPayload)
}
