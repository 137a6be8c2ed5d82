package bench

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"gphotos2mqtt/e2e/bench/figures"
	"gphotos2mqtt/e2e/e2etest"
)

// scenarios are all that can be measured, by the names that -scenario takes.
var scenarios = map[string]func(r *run){
	"requests":       requests,
	"model-a":        func(r *run) { model(r, modelA, 3.9) },
	"model-b":        func(r *run) { model(r, modelB, 9.0) },
	"uploads":        concurrentUploads,
	"uplink":         uplink,
	"lone":           lonePhoto,
	"photo":          photoCost,
	"stream":         stream,
	"memory":         memory,
	"idle":           idle,
	"start":          start,
	"intake":         intake,
	"growth-entries": growthEntries,
	"growth-items":   growthItems,
	"growth-queued":  growthQueued,
	"listing":        longListing,
	"peer":           peer,
	"binary":         binary,
	"profiles":       profiles,
}

// A run measures one scenario.
type run struct {
	*testing.T
	out      figures.Scenario
	bridge   string   // path of the program. Default: that of this tree.
	settings []string // of the bridge, beyond the scenario's
}

// TestScenarios measures what -scenario names. One that fails leaves the others alone.
func TestScenarios(t *testing.T) {
	program, settings := *bridge, []string(nil)
	if *profile != "" {
		dir, err := filepath.Abs(*profile)
		e2etest.Must(t, err)
		e2etest.Must(t, os.MkdirAll(dir, 0o755))
		program, settings = probed(t), []string{"BENCH_PROFILE=" + dir}
	}
	if *wanted == "" {
		t.Skip("nothing is measured without -scenario")
	}
	for _, name := range names() {
		measure, ok := scenarios[name]
		if !ok {
			t.Errorf("no scenario %q; there are %s", name, strings.Join(slices.Sorted(maps.Keys(scenarios)), ", "))
			continue
		}
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			r := &run{T: t, bridge: program, settings: settings, out: figures.Scenario{Measured: began.UTC().Truncate(time.Second), Commit: commit(t), Machine: machine(t)}}
			defer func() { // also when it fails
				r.out.Seconds = math.Round(time.Since(began).Seconds())
				r.out.Failed = t.Failed()
				t.Log(printed(&r.out))
				r.keep(name)
			}()
			measure(r)
		})
	}
}

// figure keeps the median of what some runs have given.
func (r *run) figure(name, unit string, values ...float64) *figures.Figure {
	for i := range values {
		values[i] = rounded(values[i])
	}
	r.out.Figures = append(r.out.Figures, figures.Of(name, unit, values...))
	f := &r.out.Figures[len(r.out.Figures)-1]
	return f
}

func (r *run) atMost(goal float64, name, unit string, values ...float64) {
	r.figure(name, unit, values...).AtMost = &goal
}

func (r *run) atLeast(goal float64, name, unit string, values ...float64) {
	r.figure(name, unit, values...).AtLeast = &goal
}

func (r *run) table(name string, columns []string, rows ...figures.Row) {
	for _, row := range rows {
		for i := range row.Cells {
			row.Cells[i] = rounded(row.Cells[i])
		}
	}
	r.out.Tables = append(r.out.Tables, figures.Table{Name: name, Columns: columns, Rows: rows})
}

func (r *run) note(format string, args ...any) {
	r.out.Notes = append(r.out.Notes, fmt.Sprintf(format, args...))
}

// rounded has three digits that count, which is more than any of this is worth.
func rounded(v float64) float64 {
	if v == 0 || math.Abs(v) >= 1000 {
		return math.Round(v)
	}
	digits := math.Pow(10, 2-math.Floor(math.Log10(math.Abs(v))))
	return math.Round(v*digits) / digits
}

// keep replaces what is known of a scenario.
func (r *run) keep(name string) {
	if *results == "" || r.bridge != "" {
		return
	}
	all, err := figures.Read(*results)
	e2etest.Must(r, err)
	all[name] = &r.out
	e2etest.Must(r, all.Write(*results))
}

// printed is a scenario for people who wait for it.
func printed(s *figures.Scenario) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w)
	for _, f := range s.Figures {
		spread, goal := "", ""
		if f.Runs > 1 {
			spread = fmt.Sprintf("%v to %v", f.Low, f.High)
		}
		if met, any := f.Met(); any {
			goal = f.Goal()
			if !met {
				goal += ": NOT MET"
			}
		}
		fmt.Fprintf(w, "%s\t%v %s\t%s\t%s\n", f.Name, f.Value, f.Unit, spread, goal)
	}
	for _, table := range s.Tables {
		if len(table.Rows) >= 100 { // it is for a picture
			continue
		}
		fmt.Fprintf(w, "%s\t%s\n", table.Name, strings.Join(table.Columns, "\t"))
		for _, row := range table.Rows {
			fmt.Fprint(w, row.Name)
			for _, cell := range row.Cells {
				fmt.Fprintf(w, "\t%v", cell)
			}
			fmt.Fprintln(w)
		}
	}
	for _, note := range s.Notes {
		fmt.Fprintln(w, note)
	}
	_ = w.Flush()
	return text.String()
}

// commit says which source is measured.
func commit(t *testing.T) string {
	t.Helper()
	name, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	text := string(bytes.TrimSpace(name))
	// Of what is not committed, only what is in the program changes a figure.
	changed, err := exec.Command("git", "status", "--porcelain", "--", ":/*.go", ":/go.mod", ":!/e2e", ":!/*_test.go", ":!/photos/photosim").Output()
	if err != nil || len(changed) > 0 {
		text += " with changes"
	}
	return text
}

// machine describes the processor and the system.
func machine(t *testing.T) string {
	t.Helper()
	text, _ := os.ReadFile("/proc/cpuinfo")
	_, model, _ := strings.Cut(string(text), "model name\t: ")
	model, _, _ = strings.Cut(model, "\n")
	return fmt.Sprintf("%d × %s, %s/%s, %s", runtime.NumCPU(), strings.TrimSpace(model), runtime.GOOS, runtime.GOARCH, runtime.Version())
}
