package packaging_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	documented   = regexp.MustCompile("(?s)```text\n(\\S+)\n(.*?)```")
	telegrafLine = regexp.MustCompile(`(?m)^\s*(topics|path|rename|measurement_name) = \[?"([^"]+)"`)
	queried      = regexp.MustCompile(`"([a-z_]+)"\)`)
	from         = regexp.MustCompile(`FROM \\?"([a-z_]+)\\?"`)
)

// fieldsOf are the fields that Telegraf makes, by measurement. Each path has to be in the document that the contract shows.
func fieldsOf(t *testing.T) map[string][]string {
	t.Helper()
	documents := map[string]any{}
	for _, block := range documented.FindAllStringSubmatch(read(t, "../docs/mqtt-api.md"), -1) {
		var document any
		if json.Unmarshal([]byte(block[2]), &document) == nil && documents[block[1]] == nil {
			documents[block[1]] = document
		}
	}
	fields := map[string][]string{}
	var document any
	measurement := ""
	for _, line := range telegrafLine.FindAllStringSubmatch(read(t, "../examples/telegraf/gphotos2mqtt.conf"), -1) {
		switch key, value := line[1], line[2]; key {
		case "topics":
			document = documents[strings.ReplaceAll(value, "+", "home")]
		case "measurement_name":
			measurement = value
		case "path":
			at := document
			for part := range strings.SplitSeq(value, ".") {
				object, _ := at.(map[string]any)
				at = object[part]
			}
			if at == nil {
				t.Errorf("%s has no %s", measurement, value)
			}
			fields[measurement] = append(fields[measurement], value)
		case "rename":
			last := fields[measurement]
			last[len(last)-1] = value
		}
	}
	return fields
}

// TestDashboard shows that each query of the dashboard asks for what Telegraf makes, and that Grafana finds what it needs in each panel.
func TestDashboard(t *testing.T) {
	fields := fieldsOf(t)
	var d struct {
		Title, UID    string
		SchemaVersion int
		Panels        []struct {
			ID          int
			Title, Type string
			GridPos     struct{ X, Y, W, H int }
			Targets     []struct{ RefID, Query string }
		}
	}
	if err := json.Unmarshal([]byte(read(t, "../examples/grafana/gphotos2mqtt.json")), &d); err != nil {
		t.Fatal(err)
	}
	if d.Title == "" || d.UID == "" || d.SchemaVersion < 39 || len(d.Panels) == 0 {
		t.Fatalf("%+v", d)
	}
	taken := map[[2]int]int{} // of the grid, 24 wide, to the panel
	for _, p := range d.Panels {
		if len(p.Targets) == 0 || p.Title == "" || !slices.Contains([]string{"stat", "timeseries"}, p.Type) || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %d %q is not whole", p.ID, p.Title)
		}
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				if taken[at] != 0 {
					t.Fatalf("panels %d and %d lie on each other", taken[at], p.ID)
				}
				taken[at] = p.ID
			}
		}
		for _, q := range p.Targets {
			measurement := from.FindStringSubmatch(q.Query)
			if measurement == nil {
				t.Errorf("%s: %s", p.Title, q.Query)
				continue
			}
			for _, field := range queried.FindAllStringSubmatch(q.Query, -1) {
				if !slices.Contains(fields[measurement[1]], field[1]) {
					t.Errorf("%s: %s has no field %s", p.Title, measurement[1], field[1])
				}
			}
		}
	}
}
