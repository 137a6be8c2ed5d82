package mqttapi

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestUploadObject(t *testing.T) {
	content := "data of 15 byte"
	b64 := base64Of([]byte(content))
	data := Data{raw: []byte(content), size: int64(len(content))}
	for payload, want := range map[string]Upload{
		`{"path": "/media/a.jpg"}`: {Files: []UploadFile{{Path: "/media/a.jpg"}}},
		`{"path": "file:///media/a%20b.jpg", "name": "door.jpg", "description": "a\nb", "album": "Front door", "id": "1", "transaction": 7}`: {
			Files: []UploadFile{{Path: "/media/a b.jpg", Name: "door.jpg", Description: "a\nb"}}, Album: "Front door", ID: "1", Transaction: json.RawMessage("7"),
		},
		`{"paths": ["/a", "b/c.jpg"], "description": "both", "album_id": "AF1Qip"}`: {
			Files: []UploadFile{{Path: "/a", Description: "both"}, {Path: "b/c.jpg", Description: "both"}}, AlbumID: "AF1Qip",
		},
		`{"paths": ["/a"], "name": "one.jpg"}`:                           {Files: []UploadFile{{Path: "/a", Name: "one.jpg"}}},
		`{"data": "` + b64 + `"}`:                                        {Files: []UploadFile{{Data: data}}},
		`{"data": "data:image/jpeg;base64,` + b64 + `"}`:                 {Files: []UploadFile{{Data: data}}},
		`{"data": "` + strings.ReplaceAll(b64, "Z", "\\n\\u005A") + `"}`: {Files: []UploadFile{{Data: data}}},
		`{"files": [{"path": "/a", "name": "n", "description": "d"}, {"data": "` + b64 + `"}, {"path": "/b", "description": ""}], "description": "all"}`: {
			Files: []UploadFile{{Path: "/a", Name: "n", Description: "d"}, {Data: data, Description: "all"}, {Path: "/b", Description: "all"}},
		},
		`{"filename": "/a", "config_entry_id": "home"}`:                          {Files: []UploadFile{{Path: "/a"}}},
		`{"filename": ["/a", "/b"], "album": "x"}`:                               {Files: []UploadFile{{Path: "/a"}, {Path: "/b"}}, Album: "x"},
		`{"p\u0061th": "/\u00e4\ud83d\ude00"}`:                                   {Files: []UploadFile{{Path: "/ä😀"}}},
		`{"path": "/a", "paths": null, "album": null, "id": null, "name": null}`: {Files: []UploadFile{{Path: "/a"}}},
		`{"path": "/a", "wait": 0, "recursive": false, "after": "keep"}`: {
			Files: []UploadFile{{Path: "/a"}}, Wait: 1, After: After{Action: "keep"},
		},
		`{"path": "/clips/*.mp4", "wait": 3600, "recursive": true, "after": "delete"}`: {
			Files: []UploadFile{{Path: "/clips/*.mp4"}}, Wait: time.Hour + 1, Recursive: true, After: After{Action: "delete"},
		},
		`{"files": [{"data": "` + b64 + `"}, {"path": "a"}], "wait": 2.5, "after": "move:file:///media/done%20b"}`: {
			Files: []UploadFile{{Data: data}, {Path: "a"}}, Wait: 2500*time.Millisecond + 1, After: After{Action: "move", Folder: "/media/done b"},
		},
		`{` + `"path": "/a", "album": "\t Front door\u00a0\n"}`: {Files: []UploadFile{{Path: "/a"}}, Album: "Front door"},
		`{"path": "/a", "album": "` + strings.Repeat("👍", 500) + `", "name": "` + strings.Repeat("😀", 255) + `", "description": "` + strings.Repeat("🏳", 999) + `"}`: {
			Files: []UploadFile{{Path: "/a", Name: strings.Repeat("😀", 255), Description: strings.Repeat("🏳", 999)}}, Album: strings.Repeat("👍", 500),
		},
		`{"path": "/a", "wait": null, "after": "move:done: x"}`:                     {Files: []UploadFile{{Path: "/a"}}, After: After{Action: "move", Folder: "done: x"}},
		"{\"path\":\r\n\t\"/a\" , \"id\" : \"" + strings.Repeat("ä", MaxID) + "\"}": {Files: []UploadFile{{Path: "/a"}}, ID: strings.Repeat("ä", MaxID)},
	} {
		want.Wait-- // so that 0 in the table is not given
		u, err := ParseUpload([]byte(payload), "home", nil)
		if err != nil {
			t.Errorf("%s: %v", payload, err)
			continue
		}
		if form := formOf([]byte(payload), u); form != formJSON {
			t.Errorf("%s: is taken for form %d", payload, form)
		}
		sameContent := cmp.Comparer(func(a, b Data) bool { return a.Len() == b.Len() && string(a.head()) == string(b.head()) })
		if diff := cmp.Diff(want, u, sameContent, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", payload, diff)
		}
	}
}

func TestUploadObjectRefused(t *testing.T) {
	const ok = `"path": "/a"`
	for payload, says := range map[string]string{
		`{}`:                         "One of the keys path, paths, data, files, filename is missing.",
		`{` + ok + `, "albun": "x"}`: `"albun" is an unknown key; the keys known here are path, paths,`,
		`{` + ok + `, "Album": "x"}`: `"Album" is an unknown key`,
		`{` + ok + `, "` + strings.Repeat("k", 99) + `": 1}`: `"` + strings.Repeat("k", 40) + `…" is an unknown key`,
		`{` + ok + `, "\n\u0000": 1}`:                        `"\n\x00" is an unknown key`,
		`{` + ok + `, ` + ok + `}`:                           `"path" is given twice.`,
		`{` + ok + `, "p\u0061th": "/a"}`:                    `"path" is given twice.`,
		`{` + ok + `, "path": null}`:                         `"path" is given twice.`,
		`{` + ok + `, "data": "QQ=="}`:                       `"path" and "data" are both given`,
		`{` + ok + `, "filename": "/a"}`:                     `"path" and "filename" are both given`,
		`{` + ok + `, "album": "a", "album_id": "b"}`:        `"album" and "album_id" are both given`,
		`{"path": 7}`:          `"path" must be a string, not the number 7.`,
		`{"path": ["/a"]}`:     `"path" must be a string, not an array.`,
		`{"path": ""}`:         "The path is empty.",
		`{"path": "a\u0000b"}`: "control character, such as NUL",
		`{"path": "/` + strings.Repeat("a", MaxPath) + `"}`: "too long; at most 4096",
		`{"path": "/` + strings.Repeat("ä", 2050) + `"}`:    "The path has 4101 bytes; at most 4096",
		`{"paths": "/a"}`:                                                             `"paths" must be an array, not a string.`,
		`{"paths": []}`:                                                               `"paths" is an empty array.`,
		`{"paths": ["/a", null]}`:                                                     `"paths[1]" must be a string, not null.`,
		`{"paths": ["/a", {"path": "/b"}]}`:                                           `"paths[1]" must be a string, not an object.`,
		`{"filename": {}}`:                                                            `"filename" must be an array, not an object.`,
		`{"files": [{"path": "/a"}, {}]}`:                                             "One of the keys files[1].path, files[1].data is missing.",
		`{"files": [{"path": "/a", "album": "x"}]}`:                                   `"files[0].album" is an unknown key; the keys known here are path, data, type, name, description.`,
		`{"files": ["/a"]}`:                                                           `"files[0]" must be an object, not a string.`,
		`{"files": [{"data": 1}]}`:                                                    `"files[0].data" must be base64 in a string, or a Buffer, not the number 1.`,
		`{"files": [{"path": "/a"}, {"path": "/b"}], "name": "x"}`:                    `"name" names one file, but there are 2`,
		`{` + ok + `, "wait": -1}`:                                                    `"wait" must be from 0 to 3600 seconds.`,
		`{` + ok + `, "wait": 3600.1}`:                                                `"wait" must be from 0 to 3600 seconds.`,
		`{` + ok + `, "wait": "30"}`:                                                  `"wait" must be a number of seconds, not a string.`,
		`{` + ok + `, "recursive": "yes"}`:                                            `"recursive" must be true or false, not a string.`,
		`{` + ok + `, "after": "Delete"}`:                                             `"after" is "Delete"; possible are keep, delete, move:/folder.`,
		`{` + ok + `, "after": "move"}`:                                               `"after" lacks the folder: write "move:/folder".`,
		`{` + ok + `, "after": "move:"}`:                                              `"after" lacks the folder`,
		`{` + ok + `, "after": "move:a\nb"}`:                                          `The path has a control character`,
		`{` + ok + `, "after": "copy:/x"}`:                                            `"after" is "copy:/x"; possible are`,
		`{` + ok + `, "after": true}`:                                                 `"after" must be a string, not true or false.`,
		`{"path": "/a", "recursive": true, "name": "x"}`:                              `"name" names one file, but "recursive" takes many`,
		`{"data": "QUJD", "wait": 3}`:                                                 `"wait" is for files that are named by a path, and none is given.`,
		`{"data": "QUJD", "after": "keep"}`:                                           `"after" is for files`,
		`{"data": "Q!=="}`:                                                            `'!' at byte 1`,
		`{"data": "data:image/jpeg,x"}`:                                               "not in base64",
		`{` + ok + `, "name": "` + strings.Repeat("ä", 256) + `"}`:                    `"name" is too long; at most 255 characters`,
		`{` + ok + `, "name": "` + strings.Repeat("x", 9999) + `"}`:                   `"name" is too long; at most 255 characters`,
		`{` + ok + `, "name": "a\nb"}`:                                                `"name" has a control character`,
		`{` + ok + `, "name": ""}`:                                                    `"name" is empty.`,
		`{` + ok + `, "description": "` + strings.Repeat("ä", 1000) + `"}`:            `"description" is too long; at most 999 characters`,
		`{` + ok + `, "album": "   "}`:                                                `"album" is empty.`,
		`{` + ok + `, "name": "\u00a0\t"}`:                                            `"name" is empty.`,
		`{` + ok + `, "id": " "}`:                                                     `"id" is empty.`,
		`{` + ok + `, "album": "` + strings.Repeat("👍", 501) + `"}`:                   `"album" is too long; at most 500`,
		`{` + ok + `, "description": "` + strings.Repeat(`\ud83d\ude00`, 1000) + `"}`: `"description" is too long; at most 999`,
		`{` + ok + `, "album": ""}`:                                                   `"album" is empty.`,
		`{` + ok + `, "album": "` + strings.Repeat("x", 501) + `"}`:                   `"album" is too long; at most 500`,
		`{` + ok + `, "album": true}`:                                                 `"album" must be a string, not true or false.`,
		`{` + ok + `, "id": ""}`:                                                      `"id" is empty.`,
		`{` + ok + `, "id": 7}`:                                                       `"id" must be a string, not the number 7.`,
		`{` + ok + `, "id": "` + strings.Repeat("x", 129) + `"}`:                      `"id" is too long; at most 128`,
		`{` + ok + `, "config_entry_id": "garden"}`:                                   `"config_entry_id" is "garden", but this topic belongs to the entry "home".`,
		`{` + ok + `, "transaction": "` + strings.Repeat("x", MaxTransaction) + `"}`:  `"transaction" has 4098 bytes; at most 4096`,
		`{` + ok + `, "transaction": [1,]}`:                                           `in "transaction": there is a comma too many.`,
		`{` + ok + `, "transaction": {"a": tru}}`:                                     `in "transaction.a": a text stands there without double quotes`,
		"{" + ok + ", \"transaction\": \"\xff\"}":                                     `"transaction" is no valid text in UTF-8, but has the byte 0xFF: send it in UTF-8`,
		`{` + ok + `, "transaction": ` + strings.Repeat("[", 33) + strings.Repeat("]", 33) + `}`: "more than 32 levels deep",
		"{\"path\": \"\xe4\"}":                                "no valid text in UTF-8",
		`{"path": "\x"}`:                                      `broken at byte 10 of 14, in "path": a single backslash stands in a text: write \\ for each, or / between folders.`,
		"{\"path\": \"a\nb\"}":                                `byte 11 of 15, in "path": a line break stands in a text: write \n for it.`,
		"{\"p\xff\": 1}":                                      "\"p\ufffd\" is an unknown key",
		`{`:                                                   "broken at byte 1 of 1: it ends too early.",
		`{"path": "C:\media\x.jpg"}`:                          `byte 12 of 26, in "path": a single backslash stands in a text`,
		`{"path": "C:\users\x.jpg"}`:                          `in "path": a single backslash stands in a text`,
		`{"path": "C:\new\first.jpg"}`:                        "\"path\": The path has a control character, such as NUL or a line break: in JSON, \\n is one",
		"{\"description\": \"a\r\nb\"}":                       `in "description": a line break stands in a text: write \r\n for it.`,
		"{\"description\": \"a\tb\"}":                         `in "description": a tab stands in a text: write \t for it.`,
		"{\"description\": \"a\x01b\"}":                       `in "description": a control character stands in a text: leave it out.`,
		`{"path": " "}`:                                       `"path": The path is empty.`,
		`{"path": "data:image/jpeg;base64,QUJD"}`:             `"path": The path is a data URI: send it as "data".`,
		`{"data": "/media/a.jpg"}`:                            `"data" holds a path: name the file under "path".`,
		`{"files": [{"data": "door.jpg"}]}`:                   `"files[0].data" holds a path: name the file under "path".`,
		`{"data": "b'QUJD'"}`:                                 `"data" holds what Python prints of bytes (b'…'): send .decode() of it.`,
		`{"path": {{ trigger.path }}}`:                        `in "path": a template stands there that nothing has filled in.`,
		`{% if x %}{"path": "/a"}`:                            `a template stands there that nothing has filled in.`,
		"{\u00a0\"path\": \"/a\"}":                            "an invisible character stands there (U+00A0), as web pages have it: write a common space.",
		"{\"path\":\u200b\"/a\"}":                             "an invisible character stands there (U+200B)",
		`{"path": /media/a.jpg}`:                              `byte 9 of 22, in "path": a text stands there without double quotes, or a word that is none of true, false and null.`,
		`{"path": "/a", "album": Front}`:                      `in "album": a text stands there without double quotes`,
		`{"path": "/a", "album": none}`:                       `in "album": a text stands there without double quotes`,
		`{"path": "'/media/a.jpg'"}`:                          `"path": The path stands in quotes ('): send it without them.`,
		`{"paths": ["/a", "\"./a.jpg\""]}`:                    `"paths[1]": The path stands in quotes ("): send it without them.`,
		`{"path": "https://example.com/a.jpg"}`:               `"path": Addresses (https://) are not fetched: download the file into a media directory and send its path.`,
		`{"path": "media-source://media_source/local/a.jpg"}`: `"path": Addresses (media-source://) are not fetched`,
		`{"path": "/a", "recursive": True}`:                   `in "recursive": True is Python's word, and JSON has true, false and null; in a Home Assistant`,
		`{"path": "/a", "album": None}`:                       `in "album": None is Python's word`,
		`{"paths": ["/a", False]}`:                            `False is Python's word`,
		`{"path": “/a”}`:                                      `double quotes ("), not in “`,
		"{`path`: 1}":                                         "double quotes (\"), not in `",
		`{"path": "/a", "transaction": {'n': 1}}`:             `in "transaction": keys and texts stand in double quotes`,
		`{"paths": ["/a", "/b\qc"]}`:                          `in "paths.1": a single backslash`,
		`{"paths": ["/a", "b\u0000"]}`:                        `"paths[1]": The path has a control character`,
		`{"files": [{"data": "QUJ?"}]}`:                       `"files[0].data": '?' at byte 3 is no character of base64`,
		`{"data": "QUJDR"}`:                                   `"data": The base64 is cut off or incomplete: its 5 characters`,
		"{\"album\": \"T\xfcr\"}":                             `"album" is no valid text in UTF-8, but has the byte 0xFC: send it in UTF-8, not in Latin-1`,
		`{"path"`:                                             `broken at byte 7 of 7, in "path": it ends too early.`,
		`{"path": }`:                                          `broken at byte 9 of 10, in "path": invalid character '}' at start of value.`,
		`{"path": "/a`:                                        `broken at byte 12 of 12, in "path": it ends too early.`,
		`{"path": "/a\"}`:                                     `broken at byte 15 of 15, in "path": it ends too early.`,
		`{"path": "/a",}`:                                     "broken at byte 13 of 15: there is a comma too many.",
		`{"path": "/a" "id": "x"}`:                            `invalid character '"' after object value (expecting ',' or '}').`,
		`{"path": "/a"} {}`:                                   "broken at byte 14 of 17: something follows its end.",
		`{path: "/a"}`:                                        "broken at byte 1 of 12: a key in double quotes is missing.",
		`{'path': "/a"}`:                                      "broken at byte 1 of 14: keys and texts stand in double quotes (\"), not in '; in a Home Assistant template, \"| to_json\" writes it right.",
		`{7: "/a"}`:                                           "broken at byte 1 of 9: object member name must be a string.",
		`{"path": '/a'}`:                                      `in "path": keys and texts stand in double quotes ("), not in '; in a Home`,
		`{"path": nul}`:                                       `in "path": a text stands there without double quotes, or a word`,
		`{"paths": ["/a" "/b"]}`:                              `in "paths": invalid character '"' after array element (expecting ',' or ']').`,
		`{"paths": ["/a"`:                                     `in "paths": it ends too early.`,
		`{"paths": ["/a"}}`:                                   `in "paths": invalid character '}' after array element (expecting ',' or ']').`,
	} {
		_, err := ParseUpload([]byte(payload), "home", nil)
		code, got := refusedWith(t, err)
		if code != CodeBadPayload || !strings.Contains(got, says) {
			t.Errorf("%.80s:\n got %s %q\nwant %s %q", payload, code, got, CodeBadPayload, says)
		}
	}
}

func TestTooManyFiles(t *testing.T) {
	for n, want := range map[int]Code{50: "", 51: CodeTooManyFiles, 5000: CodeTooManyFiles} {
		paths := strings.TrimSuffix(strings.Repeat(`"/a",`, n), ",")
		objects := strings.TrimSuffix(strings.Repeat(`{"path":"/a"},`, n), ",")
		for _, payload := range []string{
			`{"id": "x", "paths": [` + paths + `]}`, `{"filename": [` + paths + `], "id": "x"}`, `{"id": "x", "files": [` + objects + `]}`,
		} {
			u, err := ParseUpload([]byte(payload), "home", nil)
			if got := codeOf(t, err); got != want {
				t.Errorf("%d files: got %v", n, err)
			}
			if err != nil && !strings.Contains(err.Error(), fmt.Sprint(n, " files")) {
				t.Errorf("%d files: got %v", n, err)
			}
			if u.ID != "x" || err == nil && len(u.Files) != n {
				t.Errorf("%d files: got %d, id %q", n, len(u.Files), u.ID)
			}
		}
	}
	if _, err := ParseUpload([]byte(`{"data": ""}`), "home", nil); codeOf(t, err) != CodeEmpty {
		t.Errorf("empty data: got %v", err)
	}
}

// TestTransaction proves that any JSON value stays as it was written, and is there for the answer to a refusal too.
func TestTransaction(t *testing.T) {
	for _, transaction := range []string{
		`7`, `-0.10e+5`, `12345678901234567890`, `null`, `false`, `""`, `"\u00e4 <&> \/"`, `[]`, `{ "a" : [1 , {"a":1,"a":2}] }`,
		`"` + strings.Repeat("x", MaxTransaction-2) + `"`,
	} {
		for _, payload := range []string{
			`{"path": "/a", "id": "i", "transaction": ` + transaction + `}`,
			`{"id": "i", "transaction": ` + transaction + ` , "path": 7}`,
			`{"id": "i", "transaction": ` + transaction + `, "typo": 7}`,
			`{"id": "i", "transaction": ` + transaction + `, "path`,
		} {
			u, err := ParseUpload([]byte(payload), "home", nil)
			if string(u.Transaction) != transaction || u.ID != "i" {
				t.Errorf("%.80s: got %s, id %q (%v)", payload, u.Transaction, u.ID, err)
			}
		}
	}
	if u, _ := ParseUpload([]byte(`{"path": "/a"}`), "home", nil); u.Transaction != nil {
		t.Errorf("without transaction: got %s", u.Transaction)
	}
}
