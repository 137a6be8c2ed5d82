package bench

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gphotos2mqtt/e2e/bench/figures"
	"gphotos2mqtt/e2e/e2etest"
	"gphotos2mqtt/photos/photosim"
)

// A profiled bridge has the probe in it, which writes profiles.
type profiled struct {
	*env
	dir string
	ask probe
}

func newProfiled(r *run, program string) *profiled {
	r.Helper()
	dir := r.TempDir()
	socket := filepath.Join(dir, "probe")
	inner := *r
	inner.bridge = program
	inner.settings = []string{"BENCH_PROFILE=" + dir, "BENCH_PROBE=" + socket}
	return &profiled{newEnv(&inner, e2etest.Config{}), dir, newProbe(r.T, socket)}
}

// written ends the bridge and names its profiles, but for their endings.
func (p *profiled) written() string {
	p.Helper()
	p.ask.call(p, "written")
	pid := p.Bridge.Cmd.Process.Pid
	p.Bridge.Stop(0)
	return filepath.Join(p.dir, fmt.Sprint(pid))
}

// profiles says what stands behind the figures that are the hardest to improve: where
// the memory is at its most, and who uses the processor.
func profiles(r *run) {
	program := probed(r.T)
	p := newProfiled(r, program)
	e2etest.Must(r, p.Google.Latency(delays(modelA)))
	p.quiet()
	p.ask.call(p, "forget")
	p.burst(0, burst, small, "Album")
	r.memoryTables("200 photos in A", p.written())

	p = newProfiled(r, program)
	e2etest.Must(r, p.Google.Faults(photosim.Fault{Route: "*", Mode: photosim.Refuse, Error: "daily_quota"}))
	p.Fill(10_000, 10_000)
	p.written()
	p.StartBridge()
	p.queued(10_000)
	r.memoryTables("a start with 10,000 queued uploads", p.written())

	p = newProfiled(r, program)
	const bursts = 30
	for n := range bursts {
		p.burst(n*burst, burst, small, "Album")
	}
	r.processorTable("200 photos at once", bursts*burst, p.written())

	p = newProfiled(r, program)
	const alone = 600
	for n := range alone {
		p.burst(n, 1, small, "")
	}
	r.processorTable("photos alone, one after another", alone, p.written())
}

// memoryTables show what was resident when that was most, and what of the heap was whose.
func (r *run) memoryTables(what, file string) {
	r.Helper()
	text, err := os.ReadFile(file + ".memory")
	e2etest.Must(r, err)
	var parts map[string]float64
	e2etest.Must(r, json.Unmarshal(text, &parts))
	var rows []figures.Row
	for _, part := range []struct{ key, name string }{
		{"resident", "all"},
		{"files", "pages of files: the program, the database"},
		{"objects", "objects, also those that are garbage by then"},
		{"stacks", "stacks of goroutines"},
		{"rest", "room beside and between them, and the runtime's own"},
	} {
		rows = append(rows, figures.Row{Name: part.name, Cells: []float64{parts[part.key] / 1e6}})
	}
	r.table("Resident memory at most: "+what, []string{"MB"}, rows...)
	r.table("Objects of that which the last garbage collection left: "+what, []string{"MB", "%"}, r.top(file+".heap", "inuse_space", "B", 1e6)...)
}

func (r *run) processorTable(what string, photos int, file string) {
	r.Helper()
	r.table("Processor: "+what, []string{"ms a photo", "%"}, r.top(file+".cpu", "cpu", "ms", float64(photos))...)
}

const (
	// To these a profile charges what they call: our functions and those of the libraries, and what the runtime does by itself.
	askers = `^gphotos2mqtt/|^main\.|^github\.com/|^go\.etcd\.io/|^net/http\.\(\*.*[lL]oop$|^runtime\.(mcall|mstart1|gcBgMarkWorker|bgsweep|bgscavenge)$`
	ignore = `^main\.(init|profile|\(\*peak\))` // the probe
)

// top is what `go tool pprof -top` says of a profile, each value divided: memory by function, the processor by package.
// Source: https://github.com/google/pprof/blob/main/doc/README.md
func (r *run) top(file, index, unit string, divisor float64) (rows []figures.Row) {
	r.Helper()
	text, err := exec.Command("go", "tool", "pprof", "-top", "-show", askers, "-ignore", ignore,
		"-nodefraction=0", "-nodecount=10000", "-sample_index", index, "-unit", unit, file).Output()
	e2etest.Must(r, err)
	values, all := map[string]float64{}, 0.0
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line) // flat, its part, the sum of parts, with what is called, its part, name
		if len(fields) < 6 || !strings.HasSuffix(fields[1], "%") {
			continue
		}
		value, err := strconv.ParseFloat(strings.TrimRight(fields[0], "msB"), 64)
		if err != nil {
			continue // the heading
		}
		name := fields[5]
		if index == "cpu" {
			name = packageOf(name)
		}
		values[name] += value / divisor
		all += value / divisor
	}
	if all == 0 {
		r.Fatalf("pprof says nothing of %s: %s", file, text)
	}
	rest := figures.Row{Name: "all others", Cells: make([]float64, 2)}
	names := slices.SortedFunc(maps.Keys(values), func(a, b string) int { return cmp.Compare(values[b], values[a]) })
	for n, name := range names {
		cells := []float64{values[name], 100 * values[name] / all}
		if n >= 14 || values[name] < all/200 {
			rest.Cells[0], rest.Cells[1] = rest.Cells[0]+cells[0], rest.Cells[1]+cells[1]
			continue
		}
		rows = append(rows, figures.Row{Name: "`" + strings.TrimPrefix(name, "gphotos2mqtt/") + "`", Cells: cells})
	}
	return append(rows, rest)
}

// packageOf is the package of a function, or what the runtime's function does.
func packageOf(function string) string {
	switch name := strings.TrimPrefix(function, "runtime."); name {
	case "mcall", "mstart1":
		return "scheduler of Go"
	case "gcBgMarkWorker", "bgsweep", "bgscavenge":
		return "garbage collection"
	}
	dir, name := path.Split(function)
	name, _, _ = strings.Cut(name, ".")
	return dir + name
}

// queued waits until the bridge says that it has all of a queue.
func (e *env) queued(jobs int) {
	e.Helper()
	e.Expect("gphotos/home/state", "the whole queue", func(payload []byte) bool {
		var state struct{ Queue struct{ Waiting int } }
		return json.Unmarshal(payload, &state) == nil && state.Queue.Waiting == jobs
	})
}
