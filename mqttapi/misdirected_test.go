package mqttapi

import (
	"slices"
	"strings"
	"testing"
)

func TestMisdirected(t *testing.T) {
	const noEntry, elsewhere = "The topic names no entry: publish to ", "There is no command on "
	entry := CodeUnknownEntry.Sentence()
	for topic, want := range map[string]struct {
		answer string
		verb   Verb
		code   Code
		says   string
	}{
		"g/home/Upload":                {"g/home/upload/result", VerbUpload, CodeUnknownCommand, elsewhere + `"g/home/Upload": publish uploads to g/home/upload.`},
		"g/home/UPLOAD":                {"g/home/upload/result", VerbUpload, CodeUnknownCommand, elsewhere},
		"g/home/uploads":               {"g/home/upload/result", VerbUpload, CodeUnknownCommand, elsewhere},
		"g/home/upload ":               {"g/home/upload/result", VerbUpload, CodeUnknownCommand, elsewhere},
		"g/home/upload/":               {"g/home/upload/result", VerbUpload, CodeUnknownCommand, elsewhere + `"g/home/upload/": publish uploads to g/home/upload.`},
		"g/home/upload/door.jpg":       {"g/home/upload/result", VerbUpload, CodeUnknownCommand, elsewhere},
		"g/home":                       {"g/home/upload/result", VerbUpload, CodeUnknownCommand, elsewhere + `"g/home": publish uploads to g/home/upload.`},
		"g/home/":                      {"g/home/upload/result", VerbUpload, CodeUnknownCommand, elsewhere},
		"/g/home/upload":               {"g/home/upload/result", VerbUpload, CodeUnknownCommand, elsewhere + `"/g/home/upload": publish uploads to g/home/upload.`},
		"g/home/Request/albums":        {"g/home/response/albums", VerbAlbums, CodeUnknownCommand, elsewhere + `"g/home/Request/albums": publish this request to g/home/request/albums.`},
		"g/home/requests/Album/Create": {"g/home/response/Album/Create", "Album/Create", CodeUnknownCommand, "to g/home/request/album/create."},
		"/g/home/request/jobs":         {"g/home/response/jobs", VerbJobs, CodeUnknownCommand, "to g/home/request/jobs."},
		"g/home/link":                  {"g/home/response/link", VerbLink, CodeUnknownCommand, "publish uploads to g/home/upload, requests to g/home/request/…."},
		"g/home/Requests":              {"g/home/response", "", CodeUnknownCommand, elsewhere},
		"g/upload":                     {"g/upload/result", VerbUpload, CodeUnknownEntry, noEntry + "g/home/upload."},
		"g/Upload/":                    {"g/upload/result", VerbUpload, CodeUnknownEntry, noEntry + "g/home/upload."},
		"g/upload/home":                {"g/upload/result", VerbUpload, CodeUnknownEntry, noEntry + "g/home/upload."},
		"g/request/albums":             {"g/response/albums", VerbAlbums, CodeUnknownEntry, noEntry + "g/home/request/albums."},
		"g/request/album/create":       {"g/response/album/create", VerbAlbumCreate, CodeUnknownEntry, noEntry + "g/home/request/album/create."},
		"g/request":                    {"g/response", "", CodeUnknownEntry, noEntry},
		"g/Home/upload":                {"g/Home/upload/result", VerbUpload, CodeUnknownEntry, entry},
		"g/attic/Upload":               {"g/attic/upload/result", VerbUpload, CodeUnknownEntry, entry},
		"g/attic/request/albums":       {"g/attic/response/albums", VerbAlbums, CodeUnknownEntry, entry},
		"g/attic/request/upload":       {"g/attic/upload/result", VerbUpload, CodeUnknownEntry, entry},
		"/g/attic/upload":              {"g/attic/upload/result", VerbUpload, CodeUnknownEntry, entry},
		"g/bridge/Request/entry/add":   {"g/bridge/response/entry/add", VerbEntryAdd, CodeUnknownCommand, "publish this request to g/bridge/request/entry/add."},
		"g/request/entry/add":          {"g/response/entry/add", VerbEntryAdd, CodeUnknownEntry, noEntry + "g/bridge/request/entry/add."},
		"g/bridge/upload":              {"g/bridge/upload/result", VerbUpload, CodeUnknownEntry, entry},
		"g/bridge/request/upload":      {"g/bridge/upload/result", VerbUpload, CodeUnknownEntry, entry},
		"g//upload":                    {"g//upload/result", VerbUpload, CodeUnknownEntry, entry},

		// Commands of an entry are the entry's own; other things are nobody's, or the bridge's.
		"g/home/upload": {}, "g/home/request/albums": {}, "g/home/request/albumz": {}, "g/home/request": {}, "g/home/request/albums/": {},
		"g/home/upload/result": {}, "g/attic/upload/progress": {}, "g/upload/result": {}, "g/response/albums": {}, "g/attic/response/x": {},
		"g/home/albums/AF1Qip": {}, "g/attic/state": {}, "g/bridge/info": {}, "g/bridge/request/restart": {}, "g/bridge/request": {},
		"g/bridge/response/entry/add": {}, "g/kitchen/temperature": {}, "g/temperature": {}, "g": {}, "": {},
		"G/home/upload": {}, "gg/home/upload": {}, "x/g/home/upload": {},
	} {
		answer, verb, why := Misdirected("g", topic, []string{"home", "garden"})
		if why == nil {
			why = new(Error)
		}
		if answer != want.answer || verb != want.verb || why.Code != want.code || !strings.Contains(why.Message, want.says) {
			t.Errorf("%q:\n got %q %q %v\nwant %+v", topic, answer, verb, why, want)
		}
		// Each is received by one subscription, but for what the entries have received already.
		var by []string
		for _, filter := range append(Misdirections("g"), Topics{"g", "home"}.Commands()...) {
			if matches(filter, topic) {
				by = append(by, filter)
			}
		}
		if want.code != "" && len(by) != 1 {
			t.Errorf("%q is received by %q", topic, by)
		}
	}
}

// matches follows https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html#_Toc398718107.
func matches(filter, topic string) bool {
	f, levels := strings.Split(filter, "/"), strings.Split(topic, "/")
	for i, level := range f {
		switch {
		case level == "#":
			return true
		case i >= len(levels), level != "+" && level != levels[i]:
			return false
		}
	}
	return len(f) == len(levels)
}

// An entry may be called like a command.
func TestEntryNamedUpload(t *testing.T) {
	for topic, want := range map[string]string{"g/upload/upload": "", "g/upload": "g/upload/upload/result", "g/request/albums": "g/response/albums"} {
		if answer, _, _ := Misdirected("g", topic, []string{"upload"}); answer != want {
			t.Errorf("%q: answered on %q, want %q", topic, answer, want)
		}
	}
}

func FuzzMisdirected(f *testing.F) {
	for _, topic := range []string{"g/home/Upload", "g/upload/", "g/Request/x/y", "/g/request/request", "g//", "g/upload/upload/result", "g/home/uploads/\xff"} {
		f.Add(topic, "home")
		f.Add(topic, "upload")
	}
	f.Fuzz(func(t *testing.T, topic, entry string) {
		if !ValidEntry(entry) {
			return
		}
		entries := []string{entry}
		answer, _, why := Misdirected("g", topic, entries)
		of, _, command := ParseTopic("g", topic)
		if command && slices.Contains(entries, of) && why != nil {
			t.Fatalf("%q is a command of %q, and is answered on %q", topic, entry, answer)
		}
		if (why == nil) != (answer == "") {
			t.Fatalf("%q: answered on %q with %v", topic, answer, why)
		}
		if again, _, why := Misdirected("g", answer, entries); why != nil {
			t.Fatalf("%q: its answer on %q is answered on %q", topic, answer, again)
		}
		if of, _, command := ParseTopic("g", answer); command {
			t.Fatalf("%q: its answer on %q is a command for %q", topic, answer, of)
		}
	})
}
