package mqttapi

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"gphotos2mqtt/photos/spec"
)

const guide = "../docs/mqtt-api.md"

// TestGuideExamples proves that every example of the guide is one that the goldens hold, and that each topic and each verb
// has one.
func TestGuideExamples(t *testing.T) {
	known, left := goldenExamples(t), map[string]bool{}
	for topic := range known {
		left[topic] = true
	}
	for verb := range maps.Keys(verbs) {
		left[home.Request(verb)], left[home.Response(verb)] = true, true
	}
	for verb := range maps.Keys(bridgeVerbs) {
		left[ofBridge.Request(verb)], left[ofBridge.Response(verb)] = true, true
	}
	for _, block := range regexp.MustCompile("(?s)```text\n(.*?)```").FindAllStringSubmatch(readGuide(t), -1) {
		topic, payload, _ := strings.Cut(strings.TrimSuffix(block[1], "\n"), "\n")
		delete(left, topic)
		if !slices.Contains(known[topic], compact(payload)) {
			t.Errorf("%s: no golden has %s", topic, payload)
		}
	}
	for topic := range left {
		t.Errorf("%s has no example", topic)
	}
}

// TestGuideDiscovery proves that the part of the discovery document that the guide shows is the one that is published.
func TestGuideDiscovery(t *testing.T) {
	_, rest, _ := strings.Cut(readGuide(t), "```json\n")
	block, _, _ := strings.Cut(rest, "```")
	var shown, published map[string]any
	if err := json.Unmarshal([]byte(block), &shown); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(Discovery(Device{Topics: home}), &published); err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(published["components"].(map[string]any), func(key string, _ any) bool { return key != "queue" })
	if diff := cmp.Diff(published, shown); diff != "" {
		t.Errorf("(-published +guide):\n%s", diff)
	}
}

// TestGuideTables proves that the guide names every code with its sentence, every key of every command, every entity, and
// every limit that a publisher can meet.
func TestGuideTables(t *testing.T) {
	text := readGuide(t)
	var codes []Code
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| ([A-Z].*\\.) \\|$").FindAllStringSubmatch(text, -1) {
		codes = append(codes, Code(row[1]))
		if row[2] != NewError(Code(row[1])).Message {
			t.Errorf("%s: the guide says %q", row[1], row[2])
		}
	}
	if diff := cmp.Diff(allCodes(t), codes); diff != "" {
		t.Errorf("codes (-want +got):\n%s", diff)
	}
	wanted := spec.Categories()
	for verb := range maps.Keys(verbs) {
		wanted = append(wanted, keysOf(verb)...)
	}
	for verb := range maps.Keys(bridgeVerbs) {
		wanted = append(wanted, keysOf(verb)...)
	}
	wanted = append(wanted, keysOf(VerbUpload)...)
	for _, c := range components(t, Device{Topics: home}) {
		wanted = append(wanted, c.DefaultEntityID)
	}
	for _, word := range wanted {
		if !strings.Contains(text, "`"+word+"`") && !strings.Contains(text, `"`+word+`"`) {
			t.Errorf("the guide does not explain `%s`", word)
		}
	}
	for _, limit := range []string{"255 characters", "500 characters", "999 characters", "128 characters", "4,096 bytes", "20,000", "16,383", "1 to 50", "1 to 100"} {
		if !strings.Contains(text, limit) {
			t.Errorf("the guide does not say %q", limit)
		}
	}
}

var home, ofBridge = Topics{Root: "gphotos", Entry: "home"}, Topics{Root: "gphotos", Entry: bridge}

// keysOf returns the keys of a command, as the refusal of an unknown one names them.
func keysOf(verb Verb) []string {
	_, err := ParseRequest(verb, []byte(`{"": 0}`))
	if bridgeVerbs[verb] != nil {
		_, err = ParseBridgeRequest(verb, []byte(`{"": 0}`))
	} else if verb == VerbUpload {
		_, err = ParseUpload([]byte(`{"": 0}`), "", nil)
	}
	_, keys, _ := strings.Cut(err.Error(), "known here are ")
	return strings.Split(strings.TrimSuffix(keys, "."), ", ")
}

// goldenExamples returns the payloads in the goldens by their topic, JSON without white space.
func goldenExamples(t *testing.T) map[string][]string {
	t.Helper()
	documents := map[string]string{
		"albums": home.Albums(), "album": home.Album("AF1QipAlbum"), "media": home.Media(), "state-busy": home.State(),
		"progress": home.Progress(), "progress-idle": home.Progress(), "info": home.Bridge("info"), "health": home.Bridge("health"),
		"health-processes": home.Bridge("health"), "log": home.Bridge("log"),
	}
	known := map[string][]string{home.Availability(): {Online, Offline}}
	for _, name := range []string{"uploads", "requests", "documents"} {
		archive, err := txtar.ParseFile("testdata/" + name + ".txtar")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			topic := documents[f.Name]
			switch kind := path.Base(f.Name); {
			case name == "uploads" && kind == "command":
				topic = home.Upload()
			case name == "uploads":
				topic = home.UploadResult()
			case name == "requests":
				topics, verb := requested(f.Name)
				if topic = topics.Response(verb); kind == "command" {
					topic = topics.Request(verb)
				}
			case topic == "":
				continue // another state of the same document
			}
			known[topic] = append(known[topic], compact(string(f.Data)))
		}
	}
	return known
}

func readGuide(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// compact returns JSON without white space, and anything else without line ends.
func compact(payload string) string {
	var b bytes.Buffer
	if json.Compact(&b, []byte(payload)) != nil {
		return strings.TrimSpace(payload)
	}
	return b.String()
}
