package upload

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// The tables of states in the package doc are those of ARCHITECTURE.md.
func TestStatesInArchitecture(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("upload.go")
	if err != nil {
		t.Fatal(err)
	}
	var there []string
	for line := range strings.Lines(string(page)) {
		there = append(there, words(line))
	}
	tables := map[string]int{"# The states of a file": 0, "# The states of a job": 0} // heading: lines
	heading := ""
	for line := range strings.Lines(string(source)) {
		text, isComment := strings.CutPrefix(line, "//")
		if !isComment {
			break
		}
		if strings.HasPrefix(text, " # ") {
			heading = strings.TrimSpace(text)
		}
		if _, ok := tables[heading]; !ok || !strings.HasPrefix(text, "\t") {
			continue
		}
		tables[heading]++
		if !slices.Contains(there, words(text)) {
			t.Errorf("not in ARCHITECTURE.md: %s", text)
		}
	}
	for heading, lines := range tables {
		if lines < 5 {
			t.Errorf("%d lines under %s", lines, heading)
		}
	}
}

// words is a line whatever its spacing.
func words(line string) string { return strings.Join(strings.Fields(line), " ") }
