package mqttapi

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestTopics(t *testing.T) {
	topics := Topics{Root: "home/gphotos", Entry: "front-door"}
	for got, want := range map[string]string{
		topics.Upload():                  "home/gphotos/front-door/upload",
		topics.UploadResult():            "home/gphotos/front-door/upload/result",
		topics.Progress():                "home/gphotos/front-door/upload/progress",
		topics.Request(VerbAlbumCreate):  "home/gphotos/front-door/request/album/create",
		topics.Response(VerbAlbumCreate): "home/gphotos/front-door/response/album/create",
		topics.Response(""):              "home/gphotos/front-door/response",
		topics.Availability():            "home/gphotos/front-door/availability",
		topics.State():                   "home/gphotos/front-door/state",
		topics.Albums():                  "home/gphotos/front-door/albums",
		topics.Album("AF1Qip-x_y"):       "home/gphotos/front-door/albums/AF1Qip-x_y",
		topics.Album("a/b+c#d%e"):        "home/gphotos/front-door/albums/a%2Fb%2Bc%23d%25e",
		topics.Media():                   "home/gphotos/front-door/media",
		topics.Image():                   "home/gphotos/front-door/image",
		topics.Bridge("info"):            "home/gphotos/bridge/info",
		topics.Bridge("health"):          "home/gphotos/bridge/health",
		topics.Bridge("log"):             "home/gphotos/bridge/log",
		topics.Discovery(""):             "homeassistant/device/gphotos_front-door/config",
		topics.Discovery("ha"):           "ha/device/gphotos_front-door/config",
		topics.Commands()[0]:             "home/gphotos/front-door/upload",
		topics.Commands()[1]:             "home/gphotos/front-door/request/#",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		// What the bridge publishes comes back to it, and must not be taken for a command with a typing error.
		if answer, _, why := Misdirected(topics.Root, want, []string{topics.Entry}); why != nil {
			t.Errorf("%q is answered on %q: %v", want, answer, why)
		}
	}
}

func TestParseTopic(t *testing.T) {
	for _, tt := range []struct {
		topic, entry string
		verb         Verb
		ok           bool
	}{
		{"g/x/home/upload", "home", VerbUpload, true},
		{"g/x/home/request/albums", "home", VerbAlbums, true},
		{"g/x/home/request/link/finish", "home", VerbLinkFinish, true},
		{"g/x/home/request/no/such/thing", "home", "no/such/thing", true},
		{"g/x/home/request", "home", "", true},
		{"g/x/home/request/", "home", "", true},
		{"g/x/home/request/upload", "home", VerbUpload, true},
		{"g/x/Nobody's/upload", "Nobody's", VerbUpload, true},
		{"g/x/bridge/upload", "bridge", VerbUpload, true},
		{"g/x//upload", "", VerbUpload, true},
		{"g/x/home/upload/result", "", "", false},
		{"g/x/home/upload/", "", "", false},
		{"g/x/home/response/albums", "", "", false},
		{"g/x/home/requests/albums", "", "", false},
		{"g/x/home/state", "", "", false},
		{"g/x/home", "", "", false},
		{"g/x/upload", "", "", false},
		{"g/home/upload", "", "", false},
		{"g/xhome/upload", "", "", false},
		{"", "", "", false},
	} {
		entry, verb, ok := ParseTopic("g/x", tt.topic)
		if entry != tt.entry || verb != tt.verb || ok != tt.ok {
			t.Errorf("%q: got %q %q %v, want %q %q %v", tt.topic, entry, verb, ok, tt.entry, tt.verb, tt.ok)
		}
	}
}

// TestAlbumTopic proves that each album has one level of its own.
func TestAlbumTopic(t *testing.T) {
	topics := Topics{Root: "g", Entry: "home"}
	for _, id := range []string{"AF1Qip-x_y", "a/b", "%2F", "+", "#", "ä ö", "a\x00b"} {
		topic := topics.Album(id)
		if strings.ContainsAny(strings.TrimPrefix(topic, "g/home/albums/"), "/+#\x00") {
			t.Errorf("%q: %q is not one level", id, topic)
		}
		if back, err := url.PathUnescape(strings.TrimPrefix(topic, "g/home/albums/")); err != nil || back != id {
			t.Errorf("%q: got %q back (%v)", id, back, err)
		}
	}
}

func TestValidEntry(t *testing.T) {
	for name, want := range map[string]bool{
		"home": true, "a": true, "front-door_2": true, strings.Repeat("x", 32): true, "bridges": true,
		"": false, "bridge": false, "Home": false, "a b": false, "a/b": false, "a+": false, "ä": false, "aXb": false,
		strings.Repeat("x", 33): false,
	} {
		if got := ValidEntry(name); got != want {
			t.Errorf("%q: got %v", name, got)
		}
	}
}

func FuzzParseTopic(f *testing.F) {
	for _, topic := range []string{
		"gphotos/home/upload", "gphotos/home/request/album/create", "gphotos/home/request/", "gphotos//upload",
		"gphotos/bridge/info", "gphotos/home/upload/result", "gphotos", "/", "gphotos/\xff/request/\x00",
	} {
		f.Add(topic)
	}
	f.Fuzz(func(t *testing.T, topic string) {
		entry, verb, ok := ParseTopic("gphotos", topic)
		if !ok {
			if entry != "" || verb != "" {
				t.Fatalf("%q is no command, but has %q %q", topic, entry, verb)
			}
			return
		}
		topics := Topics{Root: "gphotos", Entry: entry}
		if strings.Contains(entry, "/") {
			t.Fatalf("entry %q has a level too many", entry)
		}
		back := []string{topics.Upload(), topics.Request(verb), topics.Request(verb) + "/"}
		if !slices.Contains(back, topic) {
			t.Fatalf("%q: built again it is %q", topic, back)
		}
		if _, _, again := ParseTopic("gphotos", topics.Response(verb)); again {
			t.Fatalf("the answer %q is a command", topics.Response(verb))
		}
	})
}
