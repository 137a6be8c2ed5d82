package mqttapi

import "math"

// parseUploadObject reads form 1 of an upload, a JSON object. "filename" and "config_entry_id" are what Home Assistant's
// own action calls its parameters, so that automations can be moved over.
// Source: https://www.home-assistant.io/actions/google_photos.upload/
func parseUploadObject(text []byte, entry string) (Upload, error) {
	o := readObject(text, "path", "paths", "data", "files", "filename", "name", "description", "album", "album_id",
		"config_entry_id", "id", "transaction")
	u := Upload{Form: FormJSON, ID: o.text("id", MaxID), Transaction: o.raw("transaction", MaxTransaction)}
	if of := o.text("config_entry_id", MaxName); of != "" && of != entry {
		o.fail(`"config_entry_id" is %q, but this topic belongs to the entry %q.`, clip(of), clip(entry))
	}
	if o.choose("album", "album_id") != "" {
		u.Album, u.AlbumID = o.text("album", MaxTitle), o.text("album_id", MaxGoogleID)
	}
	u.Files = uploadFiles(o)
	name, description := o.text("name", MaxName), o.prose("description", MaxDescription)
	if name != "" && len(u.Files) > 1 {
		o.fail(`"name" names one file, but there are %d: use "files" and give each a name.`, len(u.Files))
	}
	for i := range u.Files {
		f := &u.Files[i]
		if f.Name == "" {
			f.Name = name
		}
		if f.Description == "" {
			f.Description = description
		}
	}
	if err := o.err(); err != nil {
		return Upload{Form: FormJSON, ID: u.ID, Transaction: u.Transaction}, err
	}
	return u, nil
}

// uploadFiles reads the one key that says what to upload.
func uploadFiles(o *object) []UploadFile {
	key := o.chooseOne("path", "paths", "data", "files", "filename")
	if key == "filename" && o.given(key)[0] == '"' {
		return []UploadFile{{Path: o.path(key, o.given(key))}}
	}
	switch key {
	case "path":
		return []UploadFile{{Path: o.path(key, o.given(key))}}
	case "data":
		return []UploadFile{{Data: o.data(key, o.given(key))}}
	case "paths", "filename":
		return o.files(key, func(place string, raw []byte) UploadFile {
			return UploadFile{Path: o.path(place, raw)}
		})
	case "files":
		return o.files(key, func(place string, raw []byte) UploadFile {
			return uploadFile(o.innerAt(place, raw, "path", "data", "name", "description"))
		})
	}
	return nil
}

// uploadFile reads one element of "files".
func uploadFile(o *object) UploadFile {
	f := UploadFile{Name: o.text("name", MaxName), Description: o.prose("description", MaxDescription)}
	switch key := o.chooseOne("path", "data"); key {
	case "path":
		f.Path = o.path(o.place+key, o.given(key))
	case "data":
		f.Data = o.data(o.place+key, o.given(key))
	}
	return f
}

// files reads an array of 1 to MaxFiles files.
func (o *object) files(key string, read func(place string, raw []byte) UploadFile) []UploadFile {
	var files []UploadFile
	n := o.each(key, math.MaxInt, func(place string, raw []byte) {
		if len(files) < MaxFiles {
			files = append(files, read(place, raw))
		}
	})
	if n > MaxFiles {
		o.note(Errorf(CodeTooManyFiles, "%q has %d files; one command uploads at most %d: send the others in a second command.", o.place+key, n, MaxFiles))
	}
	return files
}

// path reads a path or a file URI.
func (o *object) path(place string, raw []byte) string {
	s, ok := o.str(place, raw, MaxPath)
	if !ok {
		return ""
	}
	name, err := readPath(s)
	if err != nil {
		o.note(err)
	}
	return name
}

// data reads base64 or a data URI, without unquoting it.
func (o *object) data(place string, raw []byte) Data {
	if raw[0] != '"' {
		o.mistyped(place, "a string", raw)
		return Data{}
	}
	d, err := decoded(raw[1:len(raw)-1], true)
	if err != nil {
		o.note(err)
	}
	return d
}
