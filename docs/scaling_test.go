// Package docs_test checks what the page docs/scaling.html computes from.
package docs_test

import (
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write scaling.json into scaling.html")

type figure struct {
	ID    string  `json:"id"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	What  string  `json:"what"`
	From  string  `json:"from"` // an address, a command, or where it is in the source
}

const figuresStart, figuresEnd = "<script type=\"application/json\" id=\"figures\">\n", "\n</script>"

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func figures(t *testing.T) map[string]figure {
	t.Helper()
	var list []figure
	decoder := json.NewDecoder(strings.NewReader(read(t, "scaling.json")))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&list); err != nil {
		t.Fatal(err)
	}
	byID := map[string]figure{}
	for _, f := range list {
		if byID[f.ID].ID != "" || f.What == "" || f.From == "" || f.Value <= 0 {
			t.Errorf("%+v is there twice, or has no source", f)
		}
		byID[f.ID] = f
	}
	return byID
}

// TestScalingPage: the page has the figures of scaling.json, uses all of them and no other, and needs nothing from elsewhere.
func TestScalingPage(t *testing.T) {
	page := read(t, "scaling.html")
	before, rest, _ := strings.Cut(page, figuresStart)
	got, after, ok := strings.Cut(rest, figuresEnd)
	want := strings.TrimSpace(read(t, "scaling.json"))
	if !ok {
		t.Fatal("the page has no place for the figures")
	}
	if *update {
		if err := os.WriteFile("scaling.html", []byte(before+figuresStart+want+figuresEnd+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("go test ./docs -update (-scaling.json +scaling.html)", diff)
	}
	var used, there []string
	for _, found := range regexp.MustCompile(`\bf\.([a-z_]+)\b`).FindAllStringSubmatch(after, -1) {
		if word := found[1]; !slices.Contains(used, word) && !slices.Contains([]string{"id", "value", "unit", "what", "from"}, word) {
			used = append(used, word)
		}
	}
	for id := range figures(t) {
		there = append(there, id)
	}
	slices.Sort(used)
	slices.Sort(there)
	if diff := cmp.Diff(there, used); diff != "" {
		t.Error("(-scaling.json +what is used)", diff)
	}
	elsewhere := regexp.MustCompile(`(?i)(src=|<link|@import|url\(|fetch\(|XMLHttp|href="https?:)[^>]*`)
	if found := elsewhere.FindString(before + after); found != "" {
		t.Errorf("the page needs %s", found)
	}
}

// TestScalingFigures: what the source says is said right, and what `make bench` measured has not become another: by a factor of two, since
// machines differ.
func TestScalingFigures(t *testing.T) {
	all := figures(t)
	for id, c := range map[string]struct {
		file, expression string
		value            float64
	}{
		"raw_up_to":      {"../bridge/upload/sender.go", `rawUpTo = 5 << 20 `, 5 << 20 / 1e6},
		"chunk":          {"../cluster/blobs.go", `chunkMax += 512 << 10 `, 512 << 10},
		"claims_at_once": {"../cluster/fleet/fleet.go", `claimsAtOnce += 16 `, 16},
		"quota_requests": {"../bridge/account/project.go", `QuotaPerDay = 10_000\n`, 10_000},
		"batch":          {"../photos/spec/spec.go", `MaxBatch += 50\b`, 50},
	} {
		if all[id].Value != c.value || !regexp.MustCompile(c.expression).MatchString(read(t, c.file)) {
			t.Errorf("%s is %v, and %s is not in %s", id, all[id].Value, c.expression, c.file)
		}
	}
	var measured map[string]struct {
		Tables []struct {
			Columns []string
			Rows    []struct{ Cells []float64 }
		}
	}
	if err := json.Unmarshal([]byte(read(t, "performance.json")), &measured); err != nil {
		t.Fatal(err)
	}
	growth := measured["growth-entries"].Tables[0]
	rows, memory, processor := growth.Rows, slices.Index(growth.Columns, "idle (MB)"), slices.Index(growth.Columns, "idle (% of a core)")
	first, last := rows[0].Cells, rows[len(rows)-1].Cells
	entries := last[0] - first[0]
	for id, value := range map[string]float64{
		"memory_process": first[memory], "memory_entry": (last[memory] - first[memory]) / entries,
		"cpu_entry":       (last[processor] - first[processor]) / entries,
		"entries_process": last[0], "entries_broker": last[0],
	} {
		if f := all[id].Value; f < value/2 || f > value*2 {
			t.Errorf("%s is %v, and measured was %v", id, f, value)
		}
	}
}
