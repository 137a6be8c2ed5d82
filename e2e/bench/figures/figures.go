// Package figures is what was measured, as docs/performance.json keeps it. e2e/bench
// writes it, and e2e/bench/page makes docs/performance.md and its pictures of it.
package figures

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"
)

// Results are all scenarios by their names.
type Results map[string]*Scenario

// A Scenario is one thing that is measured alone, with one command.
type Scenario struct {
	Measured time.Time `json:"measured"`
	Commit   string    `json:"commit"`
	Machine  string    `json:"machine"`
	Seconds  float64   `json:"seconds"`           // that measuring took
	Failed   bool      `json:"failed,omitempty"`  // what is missing then was not measured
	Notes    []string  `json:"notes,omitempty"`   // such as what was left out, and why
	Figures  []Figure  `json:"figures,omitempty"` // each one number
	Tables   []Table   `json:"tables,omitempty"`  // numbers that depend on another one
}

// A Figure is one number: the median of some runs, the least and the most of them.
type Figure struct {
	Name    string   `json:"name"`
	Unit    string   `json:"unit"`
	Value   float64  `json:"value"`
	Low     float64  `json:"low,omitempty"` // with High, when there was more than one run
	High    float64  `json:"high,omitempty"`
	Runs    int      `json:"runs,omitempty"`
	AtMost  *float64 `json:"at_most,omitempty"` // the goal, or
	AtLeast *float64 `json:"at_least,omitempty"`
}

// Met reports whether the goal is reached, and whether there is one.
func (f Figure) Met() (met, goal bool) {
	switch {
	case f.AtMost != nil:
		return f.Value <= *f.AtMost, true
	case f.AtLeast != nil:
		return f.Value >= *f.AtLeast, true
	}
	return false, false
}

// A Table has a name for each row, or numbers alone.
type Table struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"` // of the cells, with their units
	Rows    []Row    `json:"rows"`
}

// A Row is one line of a [Table].
type Row struct {
	Name  string    `json:"name,omitempty"`
	Cells []float64 `json:"cells"`
}

// Goal says what the value should be.
func (f Figure) Goal() string {
	switch {
	case f.AtMost != nil:
		return strings.TrimSpace(fmt.Sprintf("at most %v %s", *f.AtMost, f.Unit))
	case f.AtLeast != nil:
		return strings.TrimSpace(fmt.Sprintf("at least %v %s", *f.AtLeast, f.Unit))
	}
	return ""
}

// Of makes a figure of what some runs have given.
func Of(name, unit string, values ...float64) Figure {
	sorted := slices.Sorted(slices.Values(values))
	f := Figure{Name: name, Unit: unit, Value: sorted[len(sorted)/2]}
	if len(sorted) > 1 {
		f.Low, f.High, f.Runs = sorted[0], sorted[len(sorted)-1], len(sorted)
	}
	return f
}

// Read reads a file of results; one that is not there has none.
func Read(path string) (Results, error) {
	r := Results{}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	return r, err
}

// Write writes a file of results.
func (r Results) Write(path string) error {
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o600) //nolint:forbidigo // no state of the bridge
}
