// Package bench measures the built bridge, stripped as it is released, with Mosquitto
// and the simulated Google on loopback. Nothing in it passes or fails by a time: a goal
// that is missed is said at the end.
//
// What is measured is a list of scenarios, each of which can be run alone:
//
//	make bench                       # all of them, then docs/performance.md anew
//	make bench SCENARIO=model-a,lone # these
//	go test -v -count=1 -timeout 60m ./e2e/bench -scenario model-a
//
// Figures are kept in docs/performance.json; -results names another file, and with an
// empty name they are only printed. With -bridge PATH another gphotos2mqtt is measured,
// and with -profile DIR one that writes there what its processor did (PID.cpu) and what
// it allocated (PID.allocs), for `go tool pprof`; then nothing is kept.
//
// TestCounts is another thing: counts that do not depend on the machine, held to
// counts.json.
package bench

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"gphotos2mqtt/e2e/bench/figures"
	"gphotos2mqtt/e2e/e2etest"
)

var (
	wanted  = flag.String("scenario", "", "`names` of what to measure, with commas between, or all")
	results = flag.String("results", "../../docs/performance.json", "`file` that keeps the figures; empty: none")
	rclone  = flag.String("rclone", "rclone", "`program` to compare with")
	profile = flag.String("profile", "", "`folder` for profiles of the bridge")
	bridge  = flag.String("bridge", "", "`path` of another gphotos2mqtt to measure")
)

func TestMain(m *testing.M) {
	flag.Parse()
	if *wanted == "" && !*counting {
		os.Exit(m.Run())
	}
	code := e2etest.M{M: m, MoreThanGo: true, Release: true, Needs: []string{"mosquitto"}}.Run()
	if *wanted != "" {
		fmt.Print(verdict())
	}
	os.Exit(code)
}

// verdict says which goals of what was measured are missed: that fails nothing.
func verdict() string {
	all, err := figures.Read(*results)
	if *results == "" || *bridge != "" || *profile != "" || err != nil { // nothing was kept
		return ""
	}
	var met int
	var missed strings.Builder
	for _, name := range names() {
		s := cmp.Or(all[name], &figures.Scenario{Failed: true})
		for _, f := range s.Figures {
			if reached, goal := f.Met(); reached {
				met++
			} else if goal {
				fmt.Fprintf(&missed, "MISSED by %s: %s: %v %s, the goal is %s\n", name, f.Name, f.Value, f.Unit, f.Goal())
			}
		}
		if s.Failed {
			fmt.Fprintf(&missed, "FAILED: %s; what it says is above\n", name)
		}
	}
	return fmt.Sprintf("\n%d goals are met, %d are missed\n%s", met, strings.Count(missed.String(), "MISSED"), missed.String())
}

// names are the scenarios that -scenario asks for.
func names() []string {
	if *wanted == "all" {
		return slices.Sorted(maps.Keys(scenarios))
	}
	return strings.Split(*wanted, ",")
}
