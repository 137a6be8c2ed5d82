package bench

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"gphotos2mqtt/e2e/e2etest"
)

// measuredBy are benchmarks without a timer in them, whose instructions are the same in
// every run.
var measuredBy = []struct{ name, pkg, benchmark string }{
	{"instructions to read a command with a photo of 27 KB", "gphotos2mqtt/mqttapi", "^BenchmarkParseUpload$/^27KB$/^plain$"},
	{"instructions in the store for the life of a photo of 27 KB", "gphotos2mqtt/bridge/store", "^BenchmarkLife$/^1-at-a-time$"},
}

// instructions counts those of one run of each benchmark, by valgrind: there they are the
// same on every machine, and perf's are not to be had on virtual ones. Of its tools
// callgrind ends at the signals of a Go program, so this is cachegrind.
// Source: https://valgrind.org/docs/manual/cg-manual.html
func instructions(t *testing.T) counts {
	t.Helper()
	valgrind, err := exec.LookPath("valgrind")
	if err != nil {
		t.Log("valgrind is not installed: instructions are not counted")
		return nil
	}
	c := counts{}
	for _, m := range measuredBy {
		const few, many = 50, 250
		program := filepath.Join(t.TempDir(), filepath.Base(m.pkg))
		build := exec.Command("go", "test", "-c", "-o", program, m.pkg)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		c[m.name] = (retired(t, valgrind, program, m.benchmark, many) - retired(t, valgrind, program, m.benchmark, few)) / (many - few)
	}
	return c
}

// refs is what cachegrind says at the end.
var refs = regexp.MustCompile(`I +refs: +([\d,]+)`)

// retired is how many instructions a benchmark takes that runs so many times.
func retired(t *testing.T, valgrind, program, benchmark string, times int) float64 {
	t.Helper()
	run := exec.Command(valgrind, "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null",
		program, "-test.run=^$", "-test.bench="+benchmark, fmt.Sprintf("-test.benchtime=%dx", times))
	run.Dir = t.TempDir()
	run.Env = append(os.Environ(), "GOMAXPROCS=1", "GODEBUG=asyncpreemptoff=1", "GOGC=off")
	out, err := run.CombinedOutput()
	found := refs.FindSubmatch(out)
	if err != nil || found == nil || !bytes.Contains(out, []byte("ns/op")) { // a benchmark that is not there takes none
		t.Fatalf("%s: %v: %s", benchmark, err, out)
	}
	n, err := strconv.ParseFloat(strings.ReplaceAll(string(found[1]), ",", ""), 64)
	e2etest.Must(t, err)
	return n
}
