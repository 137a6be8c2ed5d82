package mqttapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"go.yaml.in/yaml/v3"
)

var (
	exampleEntity = regexp.MustCompile(`\b[a-z_]+\.gphotos_home_[a-z0-9_]+`)
	exampleTopic  = regexp.MustCompile(`\bgphotos/[A-Za-z0-9_/+#-]+`)
	exampleAlbum  = regexp.MustCompile(`image\.gphotos_home_album_`)
)

// TestExamples proves that every entity and every topic in the examples for Home Assistant and Node-RED is one that the
// bridge has, and that they can be parsed.
func TestExamples(t *testing.T) {
	entities, topics := goldenEntities(t), knownTopics()
	used := map[string]bool{}
	for name, texts := range examples(t) {
		for _, text := range texts {
			for _, id := range exampleEntity.FindAllString(text, -1) {
				used[id] = true
				if !slices.Contains(entities, id) {
					t.Errorf("%s: there is no entity %s", name, id)
				}
			}
			for _, topic := range exampleTopic.FindAllString(text, -1) {
				used[topic] = true
				below := func(known string) bool { return strings.HasSuffix(topic, "/") && strings.HasPrefix(known, topic) } // a template follows
				if !slices.Contains(topics, topic) && !slices.ContainsFunc(topics, below) {
					t.Errorf("%s: there is no topic %s", name, topic)
				}
			}
		}
	}
	for _, wanted := range []string{"notify.gphotos_home_upload", "event.gphotos_home_upload_result", "gphotos/home/upload/result"} {
		if !used[wanted] {
			t.Errorf("no example uses %s", wanted)
		}
	}
}

// examples returns the texts in each file: of YAML all keys and scalars, of a flow those of its nodes.
func examples(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for _, pattern := range []string{"home-assistant/*.yaml", "node-red/*.json"} {
		files, err := filepath.Glob("../examples/" + pattern)
		if err != nil || len(files) < 5 {
			t.Fatalf("%d files %s: %v", len(files), pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			name := filepath.Base(file)
			if filepath.Ext(file) == ".json" {
				checkFlow(t, name, text)
			}
			var document yaml.Node // JSON is YAML
			if err := yaml.Unmarshal(text, &document); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			found[name] = scalars(&document)
		}
	}
	return found
}

// scalars returns the texts of a document; a key that is given twice has failed before.
func scalars(node *yaml.Node) []string {
	var texts []string
	if node.Kind == yaml.ScalarNode {
		texts = append(texts, node.Value)
	}
	for _, child := range node.Content {
		texts = append(texts, scalars(child)...)
	}
	return texts
}

// checkFlow proves that a flow publishes commands alone, with QoS 1 and without retain, and that its wires lead somewhere.
func checkFlow(t *testing.T, name string, text []byte) {
	t.Helper()
	var nodes []struct {
		ID, Type, Name, Topic, QoS, Retain string
		Wires                              [][]string
	}
	if err := json.Unmarshal(text, &nodes); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	ids := map[string]bool{}
	for _, n := range nodes {
		if ids[n.ID] {
			t.Errorf("%s has two nodes %s", name, n.ID)
		}
		ids[n.ID] = true
	}
	for _, n := range nodes {
		for _, to := range slices.Concat(n.Wires...) {
			if !ids[to] {
				t.Errorf("%s: a wire of %q leads nowhere", name, n.Name)
			}
		}
		_, verb, ok := ParseTopic("gphotos", n.Topic)
		command := ok && (verb == VerbUpload || verbs[verb] != nil)
		if n.Type == "mqtt out" && (!command || n.QoS != "1" || n.Retain != "false") {
			t.Errorf("%s: %q publishes on %q with QoS %s and retain %s", name, n.Name, n.Topic, n.QoS, n.Retain)
		}
	}
}

// goldenEntities are those in the golden document of the entry home.
func goldenEntities(t *testing.T) []string {
	t.Helper()
	archive, err := txtar.ParseFile("testdata/discovery.txtar")
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == "first.json" })
	var document deviceDocument
	if err := json.Unmarshal(archive.Files[i].Data, &document); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, c := range document.Components {
		ids = append(ids, c.DefaultEntityID)
	}
	if !slices.ContainsFunc(ids, exampleAlbum.MatchString) {
		t.Fatal("the golden document has no album")
	}
	return ids
}

// knownTopics are all topics of the entry home, and of the bridge.
func knownTopics() []string {
	topics := []string{
		home.Availability(), home.State(), home.Albums(), home.Albums() + "/+", home.Media(), home.Image(), home.Upload(), home.UploadResult(), home.Progress(), home.Bridge("info"), home.Bridge("health"), home.Bridge("log"),
	}
	for verb := range maps.Keys(verbs) {
		topics = append(topics, home.Request(verb), home.Response(verb))
	}
	return topics
}

// TestExampleCommands proves that the JSON commands that the guides show are commands.
func TestExampleCommands(t *testing.T) {
	count := 0
	for _, name := range []string{"home-assistant", "node-red", "troubleshooting"} {
		text, err := os.ReadFile("../docs/" + name + ".md")
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(`-t gphotos/home/(\S+) -m '([^']*)'`).FindAllStringSubmatch(string(text), -1) {
			count++
			_, verb, ok := ParseTopic("gphotos", "gphotos/home/"+found[1])
			if !ok {
				t.Errorf("%s: %s is no command", name, found[1])
			} else if verb == VerbUpload {
				_, err = ParseUpload([]byte(found[2]), "home", func(string) bool { return false })
			} else {
				_, err = ParseRequest(verb, []byte(found[2]))
			}
			if err != nil {
				t.Errorf("%s: %s: %v", name, found[0], err)
			}
		}
		for _, path := range regexp.MustCompile(`\]\(((?:\.\./|[a-z-]+\.md)[^)#]*)`).FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join("../docs", path[1])); err != nil {
				t.Errorf("%s links to %s: %v", name, path[1], err)
			}
		}
		for _, id := range exampleEntity.FindAllString(string(text), -1) {
			if !slices.Contains(goldenEntities(t), id) {
				t.Errorf("%s: there is no entity %s", name, id)
			}
		}
	}
	if count == 0 {
		t.Error("there are no commands")
	}
}

// TestTroubleshooting proves that the guide to errors has a section for each code and for each hold.
func TestTroubleshooting(t *testing.T) {
	text, err := os.ReadFile("../docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range allCodes(t) {
		if !strings.Contains(string(text), fmt.Sprintf("\n| `%s` | ", code)) {
			t.Errorf("there is nothing about the code %s", code)
		}
	}
	for _, reason := range []HoldReason{HoldQuotaDaily, HoldRateLimited, HoldStorageFull, HoldRelink, HoldOffline, HoldGoogleUnavailable, HoldAccessNotConfigured, HoldClientRefused, HoldScopeMissing} {
		if !strings.Contains(string(text), fmt.Sprintf("\n### `%s`\n", reason)) {
			t.Errorf("there is nothing about the hold %s", reason)
		}
	}
}
