// Package page makes docs/performance.md and its pictures of docs/performance.json, so
// that no figure there is typed by hand. Its test holds them to each other:
//
//	make bench-page # writes them anew
//
// The pictures are drawn by gonum.org/v1/plot, which has what they need (SVG, axes by
// powers of ten) in its stable interface.
package page

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gphotos2mqtt/e2e/bench/figures"
)

var update = flag.Bool("update", false, "write the page and its pictures anew")

const docs = "../../../docs"

// block is a part of the page that is made: its comment names what is in it.
var block = regexp.MustCompile(`(?s)<!-- (measured|figures|table)((?: [a-z-]+)*) -->\n.*?<!-- /(?:measured|figures|table) -->\n`)

func TestPage(t *testing.T) {
	all, err := figures.Read(filepath.Join(docs, "performance.json"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(docs, "performance.md"))
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	page := block.ReplaceAllStringFunc(string(text), func(found string) string {
		parts := block.FindStringSubmatch(found)
		kind, names := parts[1], strings.Fields(parts[2])
		var made string
		switch kind {
		case "measured":
			made = measured(all)
		case "figures":
			made = table(all, names)
		case "table":
			made = tables(all, names)
		}
		for _, name := range names {
			shown[name] = true
		}
		return "<!-- " + strings.TrimSpace(kind+parts[2]) + " -->\n" + made + "<!-- /" + kind + " -->\n"
	})
	for name := range all {
		if !shown[name] {
			t.Errorf("docs/performance.md shows nothing of %s", name)
		}
	}
	check(t, "performance.md", string(text), page)
	for name, picture := range pictures(t, all) {
		path := filepath.Join("images", "performance-"+name+".svg")
		if !strings.Contains(page, "("+path+")") {
			t.Errorf("docs/performance.md does not show %s", path)
		}
		before, _ := os.ReadFile(filepath.Join(docs, path)) // a new one is not there yet
		check(t, path, string(before), picture)
	}
}

// check holds a file to what it should be, or writes it.
func check(t *testing.T, path, have, want string) {
	t.Helper()
	switch {
	case have == want:
	case *update:
		if err := os.WriteFile(filepath.Join(docs, path), []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("docs/%s is not what docs/performance.json says; `make bench-page` writes it anew: %s", path, cmp.Diff(have, want))
	}
}

// measured says where, when and of what the figures are.
func measured(all figures.Results) string {
	places := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		s := all[name]
		place := fmt.Sprintf("on %s at commit `%s`, %s", s.Measured.Format("2006-01-02"), s.Commit, s.Machine)
		places[place] = append(places[place], "`"+name+"`")
	}
	var out strings.Builder
	for _, place := range slices.Sorted(maps.Keys(places)) {
		what := strings.Join(places[place], ", ")
		if len(places) == 1 {
			what = "All"
		}
		fmt.Fprintf(&out, "- %s: %s.\n", what, place)
	}
	return out.String()
}

// table shows the figures of scenarios, each with its goal and its command.
func table(all figures.Results, names []string) string {
	var out strings.Builder
	out.WriteString("| what | goal | measured | command |\n| --- | --- | --- | --- |\n")
	for _, name := range names {
		s, ok := all[name]
		command := "`make bench SCENARIO=" + name + "`"
		if !ok {
			fmt.Fprintf(&out, "| %s | | not measured yet | %s |\n", name, command)
			continue
		}
		for _, f := range s.Figures {
			fmt.Fprintf(&out, "| %s | %s | %s | %s |\n", f.Name, f.Goal(), value(f), command)
			command = "the same"
		}
		if s.Failed {
			fmt.Fprintf(&out, "| %s | | **the rest failed** | %s |\n", name, command)
		}
		for _, note := range s.Notes {
			fmt.Fprintf(&out, "| %s | | | |\n", note)
		}
	}
	return out.String()
}

// value is a figure's value, in bold if it has a goal and meets it.
func value(f figures.Figure) string {
	text := strings.TrimSpace(number(f.Value) + " " + f.Unit)
	met, goal := f.Met()
	if met {
		text = "**" + text + "**"
	}
	if f.Runs > 1 {
		text += fmt.Sprintf(" (%s to %s)", number(f.Low), number(f.High))
	}
	if goal && !met {
		text += ", [missed](#where-a-goal-is-missed)"
	}
	return text
}

func number(v float64) string {
	whole, part, broken := strings.Cut(strconv.FormatFloat(v, 'f', -1, 64), ".")
	if broken {
		return whole + "." + part
	}
	for at := len(whole) - 3; at > 0; at -= 3 {
		whole = whole[:at] + "," + whole[at:]
	}
	return whole
}

// tables shows the tables of scenarios.
func tables(all figures.Results, names []string) string {
	var out strings.Builder
	for _, name := range names {
		s, ok := all[name]
		if !ok {
			fmt.Fprintf(&out, "Not measured yet: `make bench SCENARIO=%s`.\n", name)
			continue
		}
		for _, t := range s.Tables {
			if len(t.Rows) >= 100 { // it is for a picture
				continue
			}
			named := t.Rows[0].Name != ""
			columns := t.Columns
			if named {
				columns = append([]string{t.Name}, columns...)
			}
			fmt.Fprintf(&out, "| %s |\n|%s\n", strings.Join(columns, " | "), strings.Repeat(" --- |", len(columns)))
			for _, row := range t.Rows {
				cells := []string{row.Name}[:1]
				if !named {
					cells = nil
				}
				for _, cell := range row.Cells {
					cells = append(cells, number(cell))
				}
				fmt.Fprintf(&out, "| %s |\n", strings.Join(cells, " | "))
			}
			out.WriteString("\n")
		}
		for _, note := range s.Notes {
			fmt.Fprintf(&out, "%s.\n\n", note)
		}
		fmt.Fprintf(&out, "`make bench SCENARIO=%s`\n", name)
	}
	return out.String()
}
