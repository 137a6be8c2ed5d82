package mqttapi

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"gphotos2mqtt/mqttapi/letters"
	"gphotos2mqtt/photos/spec"
)

func FuzzParseUpload(f *testing.F) {
	jpeg := photo()
	b64 := base64Of(jpeg)
	for _, seed := range []string{
		"", " ", "{}", `{"path": "/media/a.jpg"}`, `{"paths": ["/a", "b"], "album": "x", "id": "i", "transaction": {"a": [1, null]}}`,
		`{"data": "` + b64 + `"}`, `{"data": "data:image\/jpeg;base64,` + wrapped(b64, 60, `\r\n`) + `", "name": "x"}`,
		`{"files": [{"path": "/a", "name": "n"}, {"data": "QUJD", "description": "\ud83d\ude00"}], "description": null}`,
		`{"path": "/a", "wait": 2.5, "recursive": true, "after": "move:/b"}`, `{"paths": ["/a/*"], "after": "delete", "wait": 1e999}`,
		`{"filename": ["/a"], "config_entry_id": "home"}`, `{"path": "/a", "transaction": ` + strings.Repeat("[", 40), `{"a":"\`, `{"path":"/a","id":"` + "\xff" + `"}`,
		string(jpeg), b64, wrapped(b64, 76, "\r\n"), "data:image/jpeg;base64," + b64, "data:,x", "/media/door.jpg", "./x", "file:///a%20b", "file://%",
		"/9j/4AAQSkZJRg==", "/9j/4AAQSkZJRg.jpg", "QQ==\nQQ==", "-_-_", "+/+/", "http://x", "[1]", `"x"`, "\x00\x01\x02", "\ufeff{}", heads["mts"],
	} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, payload []byte, there bool) {
		before := bytes.Clone(payload)
		u, err := ParseUpload(payload, "home", func(string) bool { return there })
		if !bytes.Equal(before, payload) {
			t.Fatal("the payload was changed")
		}
		checkAnswer(t, u.ID, u.Transaction)
		if err != nil {
			code, _ := refusedWith(t, err)
			text, err := Refused(u, NewError(code), time.Now()).Encode(0)
			if err != nil || !json.Valid(text) {
				t.Fatalf("the refusal cannot be encoded: %v\n%s", err, text)
			}
			return
		}
		if len(u.Files) < 1 || len(u.Files) > MaxFiles || u.Album != "" && u.AlbumID != "" {
			t.Fatalf("accepted %d files, album %q, id %q", len(u.Files), u.Album, u.AlbumID)
		}
		if u.Wait < -1 || u.Wait > MaxWait || (u.After.Action == "move") != (u.After.Folder != "") {
			t.Fatalf("accepted to wait for %v, and then %+v", u.Wait, u.After)
		}
		for _, file := range u.Files {
			checkFile(t, file)
		}
		switch text, form := trim(payload), formOf(payload, u); form {
		case formJSON:
			if !json.Valid(text) || !utf8.Valid(text) {
				t.Fatalf("accepted what is no JSON: %q", text)
			}
		case formPath:
			if u.Files[0].Path == "" {
				t.Fatalf("no path in %q", text)
			}
		case formBytes:
			checkData(t, u.Files[0].Data, payload)
		case formBase64, formDataURI:
			if form == formDataURI {
				text = text[bytes.IndexByte(text, ',')+1:]
			}
			checkData(t, u.Files[0].Data, standardBase64(t, text))
		}
	})
}

// checkFile checks what is promised of every file of an upload.
func checkFile(t *testing.T, file UploadFile) {
	t.Helper()
	if (file.Path == "") == (file.Data.Len() == 0) {
		t.Fatalf("path %q and %d bytes", file.Path, file.Data.Len())
	}
	if len(file.Path) > MaxPath || strings.ContainsAny(file.Path, "\x00\n") || !utf8.ValidString(file.Path) || utf8.RuneCountInString(file.Name) > spec.MaxFileName || utf8.RuneCountInString(file.Description) > spec.MaxDescription {
		t.Fatalf("out of its limits: %+v", file)
	}
	if n, err := io.Copy(io.Discard, file.Data.Open()); err != nil || n != file.Data.Len() {
		t.Fatalf("read %d of %d bytes: %v", n, file.Data.Len(), err)
	}
}

// standardBase64 decodes text as encoding/base64 does.
func standardBase64(t *testing.T, text []byte) []byte {
	t.Helper()
	text = bytes.Join(bytes.FieldsFunc(text, func(r rune) bool { return r < 0x80 && letters.Kind[r] == letters.Space }), nil)
	for _, name := range []string{"standard", "standard unpadded", "url", "url unpadded"} {
		if content, err := encodings[name].DecodeString(string(text)); err == nil {
			return content
		}
	}
	t.Fatalf("encoding/base64 refuses %q", text)
	return nil
}

func FuzzBase64(f *testing.F) {
	for _, content := range contents() {
		f.Add(content, uint8(3), true)
		f.Add(content, uint8(76), false)
	}
	f.Fuzz(func(t *testing.T, content []byte, width uint8, url bool) {
		encoding := base64.StdEncoding
		if url {
			encoding = base64.RawURLEncoding
		}
		data, err := readBase64([]byte(wrapped(encoding.EncodeToString(content), int(width)+1, "\n")), false)
		if len(content) == 0 {
			if codeOf(t, err) != CodeEmpty {
				t.Fatalf("nothing: %v", err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		checkData(t, data, content)
	})
}

func FuzzParseRequest(f *testing.F) {
	for _, verb := range append(slices.Collect(maps.Keys(verbs)), "", "upload", "nonsense", "Albums", "album/create/") {
		for _, seed := range []string{
			"", "{}", "null", `{"id": "i", "transaction": [1]}`, `{"page_size": 1e1, "page_token": "t"}`, `{"title": "x", "album_id": "y"}`,
			`{"album": "a", "media_item_ids": ["x", "y"], "text": "t", "position": {"after_media_item_id": "x"}}`,
			`{"album": "a", "location": {"name": "n", "latitude": -1.5e0, "longitude": 0}, "position": "first"}`,
			`{"album": "a", "map": {"origin": {"name": "n", "latitude": 1, "longitude": 2}, "destination": {"name": "n", "latitude": 1, "longitude": 2}}}`,
			`{"filters": {"dates": ["2026-02-28", "0000-12-24"], "ranges": [{"start": "2025", "end": "2026"}], "media_type": "photo", "categories": {"include": ["pets"], "exclude": []}, "archived": true}, "order": "oldest"}`,
			`{"media_item_ids": ["x"], "width": 10, "height": 10, "crop": true}`, `{"media_item_id": "x", "description": "", "path": "file:///a"}`,
			`{"url": "http://x/?code=c", "code": "c", "state": "s", "revoke": false, "job": "j"}`, "http://localhost/?code=x",
		} {
			f.Add(string(verb), []byte(seed))
		}
	}
	f.Fuzz(func(t *testing.T, verb string, payload []byte) {
		r, err := ParseRequest(Verb(verb), payload)
		checkAnswer(t, r.ID, r.Transaction)
		if r.Verb != Verb(verb) || (err == nil) != (r.Params != nil) {
			t.Fatalf("got %+v with %v", r, err)
		}
		response := Response{Transaction: r.Transaction}
		if err != nil {
			code, _ := refusedWith(t, err)
			if verbs[Verb(verb)] != nil == (code == CodeUnknownCommand) && code != CodeBadPayload {
				t.Fatalf("%q is refused with %s", verb, code)
			}
			response.Error = NewError(code)
		}
		text, err := response.Encode(0)
		if err != nil || !json.Valid(text) {
			t.Fatalf("the response cannot be encoded: %v\n%s", err, text)
		}
	})
}

// checkAnswer checks what comes back in every answer.
func checkAnswer(t *testing.T, id string, transaction json.RawMessage) {
	t.Helper()
	if utf8.RuneCountInString(id) > MaxID {
		t.Fatalf("id has %d characters", utf8.RuneCountInString(id))
	}
	if transaction != nil && (!json.Valid(transaction) || !utf8.Valid(transaction) || len(transaction) > MaxTransaction) {
		t.Fatalf("transaction is %q", transaction)
	}
}
