package homeassistant_test

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gphotos2mqtt/e2e/e2etest"
)

// entityRow is a row of the contract's table of entities.
var entityRow = regexp.MustCompile("(?m)^\\| [^|]+ \\| `([a-z_]+\\.gphotos_home_[a-z_]+)` \\|")

// TestHomeAssistantEntities finds every entity of the contract in Home Assistant, each with a state.
func TestHomeAssistantEntities(t *testing.T) {
	h := newHome(t, "", nil)
	h.send("upload", `{"path": "`+photo(t, "door.jpg", 1)+`", "album": "Front door"}`)
	h.until("event.gphotos_home_upload_result", "done", func(e entity) bool { return e.Attributes["event_type"] == "done" })
	contract, err := os.ReadFile("../../docs/mqtt-api.md")
	e2etest.Must(t, err)
	var want []string
	for _, row := range entityRow.FindAllStringSubmatch(string(contract), -1) {
		want = append(want, row[1])
	}
	slices.Sort(want)
	var got []string
	e2etest.Until(t, "the entities", func() bool {
		var registry []struct {
			ID       string `json:"entity_id"`
			Platform string
		}
		h.ask("config/entity_registry/list", nil, &registry)
		got = nil
		for _, e := range registry {
			if e.Platform == "mqtt" {
				got = append(got, e.ID)
			}
		}
		slices.Sort(got)
		return len(got) >= len(want)
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("entities of the contract (-) and of Home Assistant (+):\n%s", diff)
	}
	for _, id := range want {
		switch id {
		case "button.gphotos_home_unlink": // disabled until its owner enables it
		case "button.gphotos_home_link", "button.gphotos_home_refresh", "notify.gphotos_home_finish_linking": // unknown until they are used
			h.becomes(id, "unknown")
		default:
			h.until(id, "known", func(e entity) bool { return e.State != "unknown" && e.State != "unavailable" })
		}
	}
	if found := h.complaints("mqtt", "gphotos"); found != nil {
		t.Errorf("Home Assistant complains: %q", found)
	}
}
