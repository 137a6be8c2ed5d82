package store

import (
	"maps"
	"slices"
	"strconv"
	"sync"
	"testing"
)

// What several add to a record at the same time is all there.
func TestMerge(t *testing.T) {
	t.Parallel()
	s := opened(t, Config{Dir: t.TempDir()})
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			var m map[string]int
			err := s.MergeState(t.Context(), Bridge, "sums", &m, func() {
				if m == nil {
					m = map[string]int{}
				}
				m[strconv.Itoa(i)]++
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var m map[string]int
	if found, err := s.LoadState(t.Context(), Bridge, "sums", &m); !found || err != nil || len(m) != 20 || slices.Max(slices.Collect(maps.Values(m))) > 1 {
		t.Errorf("merged = %v, %v", m, err)
	}
}

// A record that cannot be understood counts as none, and is replaced.
func TestMergeOverDamage(t *testing.T) {
	t.Parallel()
	s := opened(t, Config{Dir: t.TempDir()})
	must(t, s.SaveState(t.Context(), Bridge, "sums", "text"))
	var m map[string]int
	must(t, s.MergeState(t.Context(), Bridge, "sums", &m, func() { m = map[string]int{"a": 1} }))
	if found, err := s.LoadState(t.Context(), Bridge, "sums", &m); !found || err != nil || m["a"] != 1 {
		t.Errorf("merged = %v, %v", m, err)
	}
}
