// Package e2etest is imported by tests only: it runs the built programs among real
// brokers and a simulated Google, and says what they have printed, published and used.
//
// An [Env] is a whole set-up: a broker, a Google, a bridge and a subscriber. A
// [Process], a [Subscriber], a [Proxy] and a Mosquitto can be had alone. Every wait is
// for a condition and gives up after [Patience]; no test waits for a time to pass.
// Each process that a test starts is ended with it, by its id.
//
// There are three tiers. Under -short nothing runs that needs more than Go. Without a
// flag all runs but what takes a browser, Node.js or many minutes: that takes -acceptance.
package e2etest

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// Patience is how long anything may take before a test gives up. It is long, so that a
// machine with other work does not fail a test; only a test that fails waits for it.
const Patience = 2 * time.Minute

var acceptance = flag.Bool("acceptance", false, "also run what `make acceptance` runs: the browser, Node-RED, long forms")

// Acceptance reports whether this is the third tier, in which tests take their long forms.
func Acceptance() bool { return *acceptance }

// M is the TestMain of a package. It builds the programs before the tests, and looks
// for goroutines that are left after them.
type M struct {
	*testing.M
	Race       bool     // build the programs with the race detector, but not under -short: it takes a C compiler
	Release    bool     // build the programs as they are released
	Needs      []string // programs of others; without them the tests fail, under -short they are not looked for
	Builds     []string // programs of others that are written in Go: their packages; not under -short
	MoreThanGo bool     // under -short the whole package is left out
	Acceptance bool     // only with -acceptance any of the package runs
}

// Run runs the tests and returns the exit code.
func (m M) Run() int {
	flag.Parse()
	if m.MoreThanGo && testing.Short() || m.Acceptance && !*acceptance {
		return 0
	}
	dir, err := os.MkdirTemp("", "gphotos2mqtt-e2e-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = m.prepare(dir)
	}
	code := 1
	if err == nil {
		code = m.M.Run()
		err = goleak.Find()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	return code
}

// prepare builds the programs into dir and puts it, and Debian's folder of daemons,
// where programs are looked for.
func (m M) prepare(dir string) error {
	sep := string(filepath.ListSeparator)
	if err := os.Setenv("PATH", dir+sep+os.Getenv("PATH")+sep+"/usr/sbin"); err != nil {
		return err
	}
	for _, program := range m.Needs {
		if _, err := exec.LookPath(program); err != nil && !testing.Short() {
			return fmt.Errorf("%s is not installed: `make test` and `make acceptance` install what their tests need", program)
		}
	}
	var flags []string
	if m.Race && !testing.Short() {
		flags = []string{"-race"}
	}
	if m.Release {
		flags = append(flags, "-trimpath", "-ldflags=-s -w")
	}
	if err := m.build(dir, flags, "gphotos2mqtt/cmd/gphotos2mqtt", "gphotos2mqtt/cmd/photosim"); err != nil || len(m.Builds) == 0 || testing.Short() {
		return err
	}
	return m.build(dir, nil, m.Builds...)
}

func (m M) build(dir string, flags []string, packages ...string) error {
	build := exec.Command("go", slices.Concat([]string{"build", "-o", dir + "/"}, flags, packages)...)
	build.Stderr = os.Stderr
	if m.Release {
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
	}
	if err := build.Run(); err != nil {
		return fmt.Errorf("build the programs: %w", err)
	}
	return nil
}

// Must fails the test for an error.
func Must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// Until asks every few milliseconds until the condition holds, for what tells nobody
// when it changes.
func Until(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	if !until(holds) {
		tb.Fatalf("waited in vain for %s", what)
	}
}

func until(holds func() bool) bool {
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for limit := time.After(Patience); !holds(); {
		select {
		case <-again.C:
		case <-limit:
			return false
		}
	}
	return true
}
