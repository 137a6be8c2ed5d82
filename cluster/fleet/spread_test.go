package fleet

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSpread(t *testing.T) {
	for name, tc := range map[string]struct {
		live    []string
		holder  map[string]string
		take    map[string][]string // by process
		surplus map[string]int
	}{
		"nobody but me": {
			live: []string{"p"}, holder: map[string]string{"a": "", "b": ""},
			take: map[string][]string{"p": {"a", "b"}},
		},
		"nothing to do": {live: []string{"p", "q"}, holder: map[string]string{}},
		"three begin together": {
			live: []string{"p", "q", "r"}, holder: map[string]string{"a": "", "b": "", "c": "", "d": ""},
			take: map[string][]string{"p": {"a", "b"}, "q": {"c"}, "r": {"d"}},
		},
		"one joins": {
			live: []string{"p", "q"}, holder: map[string]string{"a": "p", "b": "p", "c": "p", "d": "p"},
			surplus: map[string]int{"p": 2},
		},
		"one has one more: nothing moves": {
			live: []string{"q", "p"}, holder: map[string]string{"a": "p", "b": "p", "c": "q"},
		},
		"one has died": {
			live: []string{"p", "q"}, holder: map[string]string{"a": "p", "b": "", "c": "q", "d": "", "e": "p"},
			take: map[string][]string{"p": {"b"}, "q": {"d"}}, // the odd one goes to who has more already
		},
		"one is leaving and has some left": {
			live: []string{"p", "q"}, holder: map[string]string{"a": "z", "b": "z", "c": "p", "d": ""},
			take: map[string][]string{"p": {"d"}},
		},
		"more processes than entries": {
			live: []string{"p", "q", "r"}, holder: map[string]string{"a": ""},
			take: map[string][]string{"p": {"a"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, process := range tc.live {
				take, surplus := spread(tc.live, tc.holder, process)
				if diff := cmp.Diff(append([]string{}, tc.take[process]...), append([]string{}, take...)); diff != "" {
					t.Errorf("%s takes (-want +got):\n%s", process, diff)
				}
				if surplus != tc.surplus[process] {
					t.Errorf("%s has %d too many, want %d", process, surplus, tc.surplus[process])
				}
			}
		})
	}
}

// a world is owner records with revisions, and processes each of which has seen some past state of them.
type world struct {
	t       *testing.T
	records map[string]string // owner by entry
	version map[string]int
	live    []string
	seen    map[string]sight // by process
	moves   int
}

type sight struct {
	records map[string]string
	version map[string]int
	live    []string
}

func (w *world) look(process string) {
	w.seen[process] = sight{maps.Clone(w.records), maps.Clone(w.version), slices.Clone(w.live)}
}

// act lets a process do what it holds for right, by compare-and-set.
func (w *world) act(process string) {
	s := w.seen[process]
	holder := map[string]string{}
	for entry, owner := range s.records {
		if slices.Contains(s.live, owner) {
			holder[entry] = owner
		} else {
			holder[entry] = ""
		}
	}
	take, surplus := spread(s.live, holder, process)
	for _, entry := range take {
		if w.version[entry] != s.version[entry] {
			continue // refused
		}
		if owner := w.records[entry]; slices.Contains(w.live, owner) {
			w.t.Fatalf("%s takes %s, which %s has", process, entry, owner)
		}
		w.records[entry], w.version[entry] = process, w.version[entry]+1
	}
	if surplus > 0 && !slices.Contains(slices.Collect(maps.Values(holder)), "") {
		for entry, owner := range w.records {
			if owner == process {
				w.records[entry], w.version[entry] = "", w.version[entry]+1
				w.moves++
				return
			}
		}
	}
}

// Whatever joins, leaves and dies, and however late each process sees it: no entry has two owners, soon all are spread evenly, and no more
// of them move than must.
func TestSpreadProperty(t *testing.T) {
	for seed := range uint64(100) {
		dice := rand.New(rand.NewPCG(seed, 1))
		w := &world{t: t, records: map[string]string{}, version: map[string]int{}, seen: map[string]sight{}}
		for i := range dice.IntN(40) {
			w.records[fmt.Sprintf("e%02d", i)] = ""
		}
		next := 0
		for range 20 {
			switch n := dice.IntN(3); {
			case n == 0 || len(w.live) == 0: // joins
				w.live = append(w.live, fmt.Sprintf("p%02d", next))
				w.look(w.live[len(w.live)-1])
				next++
			case n == 1 && len(w.live) > 1: // dies, or has left
				i := dice.IntN(len(w.live))
				w.live = slices.Delete(slices.Clone(w.live), i, i+1)
			}
			for range dice.IntN(30) { // some look, some act on what they saw before
				process := w.live[dice.IntN(len(w.live))]
				if dice.IntN(2) == 0 {
					w.look(process)
				} else {
					w.act(process)
				}
			}
			must := w.settle(dice)
			if w.moves > must {
				t.Fatalf("seed %d: %d entries moved, %d would do", seed, w.moves, must)
			}
		}
	}
}

// settle lets all look and act until nothing changes, wants them spread evenly, and returns how many had to move.
func (w *world) settle(dice *rand.Rand) (must int) {
	w.t.Helper()
	has := func() map[string]int {
		n := map[string]int{}
		for _, owner := range w.records {
			if slices.Contains(w.live, owner) {
				n[owner]++
			}
		}
		return n
	}
	least, odd := len(w.records)/len(w.live), len(w.records)%len(w.live)
	counts := slices.SortedFunc(maps.Values(has()), func(a, b int) int { return b - a })
	for i, n := range counts {
		if i < odd {
			n--
		}
		must += max(n-least, 0)
	}
	w.moves = 0
	for range len(w.records) {
		process := w.live[dice.IntN(len(w.live))]
		w.look(process)
		w.act(process)
	}
	for range len(w.records) + 2 {
		for _, process := range w.live {
			w.look(process)
			w.act(process)
		}
	}
	for _, process := range w.live {
		if n := has()[process]; n < least || n > least+1 {
			w.t.Fatalf("%s has %d of %d entries, of %d processes", process, n, len(w.records), len(w.live))
		}
	}
	return must
}
