package bench

import (
	"cmp"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"gphotos2mqtt/e2e/bench/figures"
	"gphotos2mqtt/e2e/e2etest"
)

// binary measures the stripped program, and what of it is whose: by the symbols of the
// same program with its symbol table.
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
	shares, known := map[string]float64{}, 0.0
	modules := modules(r, whole)
	program, err := elf.Open(whole)
	e2etest.Must(r, err)
	defer program.Close()
	symbols, err := program.Symbols()
	e2etest.Must(r, err)
	for _, symbol := range symbols {
		if int(symbol.Section) >= len(program.Sections) || program.Sections[symbol.Section].Type == elf.SHT_NOBITS {
			continue // not in the file
		}
		if slices.Contains(tables, symbol.Name) {
			continue
		}
		shares[owner(modules, symbol.Name)] += megabytes(int64(symbol.Size))
		known += megabytes(int64(symbol.Size))
	}
	// The rest is Go's tables of functions, lines, types and texts. A module has about as much of them as of code.
	size := megabytes(file.Size())
	var rows []figures.Row
	for name, own := range shares {
		rows = append(rows, figures.Row{Name: name, Cells: []float64{own, own * size / known, 100 * own / known}})
	}
	slices.SortFunc(rows, func(a, b figures.Row) int { return cmp.Compare(b.Cells[0], a.Cells[0]) })
	r.table("shares of the stripped program", []string{"own code and data (MB)", "with its part of Go's tables (MB)", "%"}, rows...)
}

// tables are the symbols of Go's tables, most of which have none.
var tables = []string{"go:func.*", "runtime.findfunctab", "runtime.typelink"}

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

// owner is the module of a symbol.
func owner(modules []string, symbol string) string {
	for _, module := range modules {
		if rest, ok := strings.CutPrefix(symbol, module); ok && rest != "" && strings.ContainsRune("/.", rune(rest[0])) {
			return module
		}
	}
	if made, of, _ := strings.Cut(symbol, ":"); made == "type" || made == "go" { // such as type:.eq.[2]MODULE/package.Type
		if at := strings.IndexAny(of, "abcdefghijklmnopqrstuvwxyz"); at >= 0 {
			_, of, _ = strings.Cut(of[at:], ".") // after eq, hash or itab
			return owner(modules, strings.TrimLeft(of, "*[]0123456789"))
		}
	}
	if strings.HasPrefix(symbol, "main.") {
		return "gphotos2mqtt"
	}
	return "Go's standard library"
}
