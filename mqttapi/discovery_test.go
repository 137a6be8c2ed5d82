package mqttapi

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

func TestDiscovery(t *testing.T) {
	first := Topics{Root: "gphotos", Entry: "home"}
	devices := map[string]Device{
		"first.json": {Topics: first, Albums: []Album{{ID: "AF1QipAlbum", Title: "Front door"}}},
		"full.json": {
			Topics: Topics{Root: "house/gphotos", Entry: "front-door_2"}, Name: "Haustür", Version: "1.2.3",
			PageURL: "http://bridge.lan:8099/entry/home", SupportURL: "https://example.org/gphotos2mqtt",
			Albums: []Album{
				{ID: "AF1QipAlbum", Title: "Front door"},
				{ID: "AF1QipOther", Title: "front-door!"},
				{ID: "a/b+c#", Title: "  Über 50 Café"},
				{ID: "AF1QipNone"},
				{ID: "AF1QipSun", Title: "☀"},
			},
		},
	}
	var files []txtar.File
	for _, name := range slices.Sorted(maps.Keys(devices)) {
		d := devices[name]
		text := Discovery(d)
		for _, problem := range validateDevice(text) {
			t.Errorf("%s: %s", name, problem)
		}
		if string(text) != string(Discovery(d)) {
			t.Errorf("%s: the same device gives two documents", name)
		}
		if len(text) > 64<<10 {
			t.Errorf("%s: %d bytes", name, len(text))
		}
		files = append(files, txtar.File{Name: name, Data: pretty(t, text)})
	}
	golden(t, "discovery", files)
}

// TestDiscoveryTopics proves that each topic in the document is one of the entry's, and each command one that the bridge
// understands with the payload that Home Assistant sends.
func TestDiscoveryTopics(t *testing.T) {
	topics := Topics{Root: "gphotos", Entry: "home"}
	read := []string{topics.UploadResult(), topics.Progress(), topics.State(), topics.Albums(), topics.Media(), topics.Image(), topics.Album("one")}
	for key, c := range components(t, Device{Topics: topics, Albums: []Album{{ID: "one"}}}) {
		for _, topic := range []string{c.StateTopic, c.AttributesTopic, c.ImageTopic, c.URLTopic} {
			if topic != "" && !slices.Contains(read, topic) {
				t.Errorf("%s reads %q", key, topic)
			}
		}
		if c.AttributesTopic != "" && c.AttributesTemplate == "" && c.AttributesTopic != topics.Progress() {
			t.Errorf("%s has the whole of %q as attributes", key, c.AttributesTopic)
		}
		if always := c.Availability != nil && len(*c.Availability) == 0; always != (key == "upload") { // or Home Assistant drops uploads
			t.Errorf("%s: always available is %t", key, always)
		}
		if c.CommandTopic == "" {
			continue
		}
		_, verb, ok := ParseTopic("gphotos", c.CommandTopic)
		if !ok || verb != VerbUpload && verbs[verb] == nil {
			t.Errorf("%s commands %q", key, c.CommandTopic)
		}
		if c.Platform == "button" {
			if _, err := ParseRequest(verb, []byte(c.PayloadPress)); err != nil {
				t.Errorf("%s: %v", key, err)
			}
		}
	}
}

// component is what the tests look at in an entity.
type component struct {
	Platform           string `json:"platform"`
	DefaultEntityID    string `json:"default_entity_id"`
	Availability       *[]any `json:"availability"`
	StateTopic         string `json:"state_topic"`
	CommandTopic       string `json:"command_topic"`
	PayloadPress       string `json:"payload_press"`
	ImageTopic         string `json:"image_topic"`
	URLTopic           string `json:"url_topic"`
	AttributesTopic    string `json:"json_attributes_topic"`
	AttributesTemplate string `json:"json_attributes_template"`
}

type deviceDocument struct {
	Components map[string]component `json:"components"`
}

// components returns the entities of a device by their keys.
func components(t *testing.T, d Device) map[string]component {
	t.Helper()
	var document deviceDocument
	if err := json.Unmarshal(Discovery(d), &document); err != nil {
		t.Fatal(err)
	}
	return document.Components
}

func TestPageURLIsLeftOut(t *testing.T) {
	for _, address := range []string{"", "bridge.lan/link", "ftp://bridge/link", "javascript:alert(1)"} {
		if text := string(Discovery(Device{Topics: Topics{Root: "g", Entry: "e"}, PageURL: address})); strings.Contains(text, "configuration_url") {
			t.Errorf("%q is shown", address)
		}
	}
}

// TestDiscoveryIsQuoted proves that no name breaks the document.
func TestDiscoveryIsQuoted(t *testing.T) {
	const odd = "a\"b\\c\n</>>«{{"
	d := Device{Topics: Topics{Root: odd, Entry: "e"}, Name: odd, Version: odd, SupportURL: odd, PageURL: "http://" + odd, Albums: []Album{{ID: odd, Title: odd}}}
	all := components(t, d)
	if all["queue"].StateTopic != d.Topics.State() || len(all) != len(components(t, Device{}))+1 {
		t.Errorf("got %q with %d entities", all["queue"].StateTopic, len(all))
	}
}

func TestRemoval(t *testing.T) {
	document := func(components string) []byte {
		return []byte(`{"device": {"name": "x"}, "components": {` + components + `}}`)
	}
	a, b := `"a": {"platform": "sensor", "name": "A"}`, `"b": {"platform": "image", "name": "B"}`
	for name, tt := range map[string]struct{ old, next, want string }{
		"gone":           {string(document(a + "," + b)), string(document(a)), `{"components":{"a":{"platform":"sensor","name":"A"},"b":{"platform":"image"}},"device":{"name":"x"}}`},
		"other platform": {string(document(a)), string(document(`"a": {"platform": "image"}`)), `{"components":{"a":{"platform":"sensor"}},"device":{"name":"x"}}`},
		"same":           {string(document(a)), string(document(a)), ""},
		"new":            {string(document(a)), string(document(a + "," + b)), ""},
		"none before":    {"", string(document(a)), ""},
		"damaged":        {"{", string(document(a)), ""},
		"foreign":        {`{"components": {"b": {"p": "sensor"}}}`, string(document(a)), ""},
	} {
		if got := string(Removal([]byte(tt.old), []byte(tt.next))); got != tt.want {
			t.Errorf("%s: got  %s\nwant %s", name, got, tt.want)
		}
	}
	d := Device{Topics: Topics{Root: "gphotos", Entry: "home"}}
	old := strings.Replace(string(Discovery(d)), `"components":{`, `"components":{"gone":{"platform":"sensor","unique_id":"x","state_topic":"y"},`, 1)
	for _, problem := range validateDevice(Removal([]byte(old), Discovery(d))) {
		t.Error(problem)
	}
}
