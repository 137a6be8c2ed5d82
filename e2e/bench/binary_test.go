package bench

import (
	"bufio"
	"bytes"
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gphotos2mqtt/e2e/bench/figures"
	"gphotos2mqtt/e2e/e2etest"
)

// binary measures the stripped program, and what of it is whose: the symbols of the same
// program with its symbol table, by module.
func binary(r *run) {
	path, err := exec.LookPath(cmp.Or(r.bridge, "gphotos2mqtt"))
	e2etest.Must(r, err)
	file, err := os.Stat(path)
	e2etest.Must(r, err)
	r.atMost(25, "the stripped program", "MB", megabytes(file.Size()))
	whole := filepath.Join(r.TempDir(), "gphotos2mqtt")
	build := exec.Command("go", "build", "-trimpath", "-o", whole, "gphotos2mqtt/cmd/gphotos2mqtt")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	if err != nil {
		r.Fatalf("%v: %s", err, out)
	}
	shares, total := map[string]float64{}, 0.0
	modules := modules(r, whole)
	symbols, err := exec.Command("go", "tool", "nm", "-size", "-type", whole).Output()
	e2etest.Must(r, err)
	for scan := bufio.NewScanner(bytes.NewReader(symbols)); scan.Scan(); {
		fields := strings.Fields(scan.Text()) // address, size, type, name
		if len(fields) < 4 || strings.ContainsAny(fields[2], "UBb") {
			continue // not in the file
		}
		size, err := strconv.ParseFloat(fields[1], 64)
		e2etest.Must(r, err)
		shares[owner(modules, fields[3])] += size / 1e6
		total += size / 1e6
	}
	shares["headers and padding"] = max(0, megabytes(file.Size())-total)
	var rows []figures.Row
	small := 0.0
	for name, size := range shares {
		if size < 0.05 {
			small += size
			continue
		}
		rows = append(rows, figures.Row{Name: name, Cells: []float64{size, 100 * size / megabytes(file.Size())}})
	}
	slices.SortFunc(rows, func(a, b figures.Row) int { return cmp.Compare(b.Cells[0], a.Cells[0]) })
	rows = append(rows, figures.Row{Name: "all others", Cells: []float64{small, 100 * small / megabytes(file.Size())}})
	r.table("shares of the stripped program", []string{"MB", "%"}, rows...)
}

// modules are those of a program, the longest first: a module can be below another.
func modules(r *run, path string) (names []string) {
	text, err := exec.Command("go", "version", "-m", path).Output()
	e2etest.Must(r, err)
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && (fields[0] == "dep" || fields[0] == "mod") {
			names = append(names, fields[1])
		}
	}
	slices.SortFunc(names, func(a, b string) int { return len(b) - len(a) })
	return names
}

// generated are the beginnings of names of what the linker makes for all packages together.
var generated = regexp.MustCompile(`^(runtime\.(pclntab|epclntab|findfunctab|types|etypes|itablink|rodata|gcdata|gcbss)|go:itab|go:string|type:|\$f(32|64)\.)`)

// owner is the module of a symbol.
func owner(modules []string, symbol string) string {
	if generated.MatchString(symbol) {
		return "tables of functions and types, constants (Go's linker, for all)"
	}
	symbol = strings.TrimPrefix(strings.TrimPrefix(symbol, "type:"), "go:")
	for _, module := range modules {
		if rest, ok := strings.CutPrefix(symbol, module); ok && rest != "" && strings.ContainsRune("/.", rune(rest[0])) {
			return module
		}
	}
	if strings.HasPrefix(symbol, "main.") {
		return "gphotos2mqtt"
	}
	return "Go's standard library"
}
