package mqttapi

import (
	"cmp"
	"encoding/json"
	"path/filepath"
	"slices"
	"time"

	"gphotos2mqtt/mediatype"
	"gphotos2mqtt/mqttapi/mistake"
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
	MaxWait        = time.Hour     // for a path that is not there
)

// Upload is the command on E/upload.
type Upload struct {
	Files       []UploadFile    // 1 to MaxFiles
	Album       string          // title of the album to put the files into: found, or created
	AlbumID     string          // of the album itself, never with Album; without both the entry's default album counts
	ID          string          // makes the command idempotent; "" when the command has none
	Transaction json.RawMessage // the JSON value that comes back in every message about the command, as it was written; nil for none
	Wait        time.Duration   // how long a path that is not there is waited for, up to MaxWait; negative when the command does not say
	Recursive   bool            // a path of a folder stands for the files below it
	After       After           // what happens to a file of a path once Google has it
}

// After is what happens to a file once Google has it: "keep", "delete", or "move" into Folder. "" is not given, and keeps it.
type After struct{ Action, Folder string }

// UploadFile is one file of an upload: a path, or else data.
type UploadFile struct {
	Path        string // as the command has it, also a pattern or a folder; it still has to be found below a media directory
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
		return uploadOf(), Errorf(CodeBadPayload, "The payload is empty: send a JSON object, the path of a file, or the bytes of an image or video.")
	}
	// Content is looked at first: no text is taken for an image, but a video may start with any byte, even a brace.
	if mediatype.Of(payload).Taken {
		return uploadOf(UploadFile{Data: Data{raw: payload, size: int64(len(payload))}}), nil
	}
	switch {
	case mistake.InUTF16(text):
		return uploadOf(), inWrapping(text)
	case text[0] == '{':
		return parseUploadObject(text, entry)
	case isDataURI(text):
		data, err := decoded(text, false)
		return uploadOf(UploadFile{Data: data}), err
	case isPath(text, exists):
		name, err := readPath(string(text))
		return uploadOf(UploadFile{Path: name}), err
	}
	data, err := readBase64(text, false) // none when it is no base64
	if mediatype.Of(data.head()).Taken {
		return uploadOf(UploadFile{Data: data}), nil
	}
	if err != nil && imageCutOff(text) {
		return uploadOf(), err
	}
	refused := unfit(payload, text, data)
	if refused.Code == CodeBadPayload && maybePath(text) {
		return uploadOf(UploadFile{Path: string(text)}), nil
	}
	return uploadOf(), refused
}

// uploadOf is a command that says nothing of its files, if there are any.
func uploadOf(files ...UploadFile) Upload { return Upload{Files: files, Wait: -1} }

// FileName returns the name to show in Google Photos: the one asked for, the path's base name, or one made of entry and time; with the
// ending of the media type if it has none and there is room for one. mime is "" while it is not known. A name that was asked for is never cut.
func (f UploadFile) FileName(entry string, at time.Time, mime string) string {
	name := f.Name
	if name == "" && f.Path != "" {
		name = spec.CutName(filepath.Base(f.Path)) // some file systems have longer ones than Google
	}
	name = cmp.Or(name, entry+"-"+at.UTC().Format("20060102T150405Z"))
	if named := mediatype.Named(name, mime); spec.Length(named) <= spec.MaxFileName {
		return named
	}
	return name
}

// parseUploadObject reads an upload that is a JSON object. "filename" and "config_entry_id" are parameters of Home Assistant's own action.
// Source: https://www.home-assistant.io/actions/google_photos.upload/
func parseUploadObject(command []byte, entry string) (Upload, error) {
	u := uploadOf()
	var one UploadFile // the only one, and what counts for each without its own name and description
	var paths []filePath
	in, of := newReader(command), entry
	o := in.object("",
		field{"path", (*filePath)(&one.Path), 0}, field{"paths", &paths, 0}, field{"data", &one.Data, 0}, field{"files", &u.Files, 0},
		field{"type", in.isBuffer, 0},
		field{"filename", func(place string) {
			if in.dec.PeekKind() == '"' {
				in.read(place, (*filePath)(&one.Path), 0)
			} else {
				in.read(place, &paths, 0)
			}
		}, 0},
		field{"name", &one.Name, spec.MaxFileName}, field{"description", (*prose)(&one.Description), spec.MaxDescription},
		field{"album", (*title)(&u.Album), spec.MaxTitle}, field{"album_id", &u.AlbumID, spec.MaxID}, field{"config_entry_id", &of, spec.MaxFileName},
		field{"wait", &u.Wait, int(MaxWait / time.Second)}, field{"recursive", &u.Recursive, 0}, field{"after", &u.After, 0},
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
	if one.Name != "" && u.Recursive {
		o.fail(`"name" names one file, but "recursive" takes many: leave one of them out.`)
	}
	if !slices.ContainsFunc(u.Files, func(f UploadFile) bool { return f.Path != "" }) {
		for _, key := range []string{"wait", "recursive", "after"} {
			if o.given[key] {
				o.fail("%q is for files that are named by a path, and none is given.", key)
			}
		}
	}
	if in.err != nil {
		return Upload{ID: u.ID, Transaction: u.Transaction, Wait: -1}, in.err
	}
	for i := range u.Files {
		f := &u.Files[i]
		f.Name, f.Description = cmp.Or(f.Name, one.Name), cmp.Or(f.Description, one.Description)
	}
	return u, nil
}
