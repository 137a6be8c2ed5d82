package bench

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gphotos2mqtt/e2e/e2etest"
	"gphotos2mqtt/photos/photosim"
)

var (
	counting = flag.Bool("counts", false, "hold what does not depend on the machine to counts.json")
	record   = flag.Bool("record", false, "write counts.json anew")
)

// counts are numbers that are the same on every machine, or nearly so.
type counts map[string]float64

const (
	countsFile = "counts.json"
	tolerance  = 1.05
	rounds     = 4
)

// TestCounts fails when the bridge needs more than before: requests, syncs, bytes,
// allocations, goroutines, instructions. Noise only adds, so a count is the least of
// some rounds, and there is another round as long as one has grown.
func TestCounts(t *testing.T) {
	if !*counting {
		t.Skip("`make guard` runs it")
	}
	text, err := os.ReadFile(countsFile)
	e2etest.Must(t, err)
	before, now, path := counts{}, counts{}, probed(t)
	e2etest.Must(t, json.Unmarshal(text, &before))
	for round := 0; round == 0 || round < rounds && (*record || len(before.grown(now)) > 0); round++ {
		for _, complaint := range before.grown(now) {
			t.Logf("once more, because of %s", complaint)
		}
		t.Run(fmt.Sprint("round ", round), func(t *testing.T) {
			now.least(calls(t, path))
			if round == 0 { // they are the same each time
				now.least(instructions(t))
			}
		})
		if t.Failed() {
			return
		}
	}
	for _, name := range slices.Sorted(maps.Keys(now)) {
		hint := ""
		if now[name] < before[name]/tolerance {
			hint = ": `make guard RECORD=1` keeps it so"
		}
		t.Logf("%-60s %12.0f, was %.0f%s", name, now[name], before[name], hint)
	}
	if *record {
		text, err := json.MarshalIndent(now, "", "\t")
		e2etest.Must(t, err)
		e2etest.Must(t, os.WriteFile(countsFile, append(text, '\n'), 0o600))
		return
	}
	for _, complaint := range before.grown(now) {
		t.Error(complaint)
	}
	complain := t.Logf // a tool may be missing where somebody works, but not where it is decided
	if os.Getenv("CI") != "" {
		complain = t.Errorf
	}
	for _, name := range before.missing(now) {
		complain("%s: not counted, was %.0f", name, before[name])
	}
}

// missing are the counts that were recorded and not taken.
func (c counts) missing(now counts) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(c)) {
		if _, ok := now[name]; !ok {
			names = append(names, name)
		}
	}
	return names
}

// grown says which counts are more than 5 % above what they were. One that was never
// recorded is a mistake as well.
func (c counts) grown(now counts) (complaints []string) {
	for _, name := range slices.Sorted(maps.Keys(now)) {
		before, known := c[name]
		if known && now[name] <= before*tolerance {
			continue
		}
		against := fmt.Sprintf("more than the %.0f of before", before)
		switch {
		case !known:
			against = "and nothing to compare it with"
		case before > 0:
			against = fmt.Sprintf("%.1f %% ", 100*(now[name]/before-1)) + against
		}
		complaints = append(complaints, fmt.Sprintf("%s: %.0f, %s; if that has a good reason, `make guard RECORD=1` records it in e2e/bench/%s",
			name, now[name], against, countsFile))
	}
	return complaints
}

// least takes over what is new or less than before.
func (c counts) least(other counts) {
	for name, n := range other {
		if before, ok := c[name]; !ok || n < before {
			c[name] = math.Round(n)
		}
	}
}

// calls counts what is asked of Google, of the system and of Go's runtime.
func calls(t *testing.T, bridge string) counts {
	t.Helper()
	const lone = 20 // photos
	c, trace := counts{}, newTrace(t, bridge)
	g := newGate()
	e := countedEnv(&run{T: t, bridge: trace.start}, g, "BENCH_PROBE="+trace.socket)
	p := newProbe(t, trace.socket)
	e.quiet()
	c["goroutines of an idle bridge"] = p.settled(t)
	before, runtime := e.Google.Stats().Routes, p.counts(t)
	e.gated(g, func() { c["goroutines with 100 uploads in hand"] = p.settled(t) })
	c["allocations for a photo, 100 at once"] = (p.counts(t).Mallocs - runtime.Mallocs) / 101
	e.quiet()
	trace.still(t)
	c.requests("1 and 100 photos", before, e.Google.Stats().Routes)
	written, runtime := trace.read(t, e.Data), p.counts(t)
	before = e.Google.Stats().Routes
	for n := range lone {
		e.alone(e2etest.Photo(200+n, small))
		trace.still(t)
	}
	e.quiet()
	c.requests("20 photos one after another", before, e.Google.Stats().Routes)
	c["bytes sent twice, of 121 photos"] = e.received() - 121*small
	after := p.counts(t)
	c["goroutines after 121 photos"] = p.settled(t)
	c["allocations for a photo alone"] = (after.Mallocs - runtime.Mallocs) / lone
	c["bytes allocated for a photo alone"] = (after.Allocated - runtime.Allocated) / lone
	if now, ok := trace.read(t, e.Data), trace.works; ok {
		c["bytes written to files for 1 and 100 photos"] = written.files
		c["fsyncs for 20 photos one after another"] = now.syncs - written.syncs
		c["bytes written to files for a photo alone"] = (now.files - written.files) / lone
		c["bytes written to sockets for a photo alone"] = (now.sockets - written.sockets) / lone
	}
	asked := e.requests()
	c["bytes sent twice, of a film of 20 MB that is cut twice"] = e.cutFilm()
	c["requests for a film of 20 MB that is cut twice"] = float64(e.requests() - asked)
	e.Bridge.Stop(0)
	return c
}

// requests has each kind of request for itself: five in a hundred uploads would hide one commit more.
func (c counts) requests(what string, before, after map[string]photosim.RouteStats) {
	uploads, commits, rest := since(before, after)
	c["uploads of "+what], c["batchCreates of "+what], c["requests for the listings of "+what] = uploads, commits, rest
}

func TestGrown(t *testing.T) {
	before := counts{"fsyncs": 100, "bytes sent twice": 0, "goroutines": 40}
	for name, tt := range map[string]struct {
		now  counts
		want []string
	}{
		"the same, and 5 % more": {counts{"fsyncs": 105, "bytes sent twice": 0}, nil},
		"more": {counts{"fsyncs": 106, "goroutines": 39}, []string{
			"fsyncs: 106, 6.0 % more than the 100 of before; if that has a good reason, `make guard RECORD=1` records it in e2e/bench/counts.json",
		}},
		"above nothing": {counts{"bytes sent twice": 1}, []string{
			"bytes sent twice: 1, more than the 0 of before; if that has a good reason, `make guard RECORD=1` records it in e2e/bench/counts.json",
		}},
		"new": {counts{"stat calls": 3}, []string{
			"stat calls: 3, and nothing to compare it with; if that has a good reason, `make guard RECORD=1` records it in e2e/bench/counts.json",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, before.grown(tt.now)); diff != "" {
				t.Error(diff)
			}
		})
	}
	if diff := cmp.Diff([]string{"bytes sent twice", "goroutines"}, before.missing(counts{"fsyncs": 100})); diff != "" {
		t.Error(diff)
	}
}
