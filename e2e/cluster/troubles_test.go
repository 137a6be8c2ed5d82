package cluster_test

import (
	"testing"
)

// TestOne is one process without troubles: what all others add to.
func TestOne(t *testing.T) {
	w := newWorld(t, 4, 1)
	u := w.publish(24, func(int) {})
	u.over()
	u.check()
	if s := w.google.stats(); s.Writes.Overlapping != 0 {
		t.Errorf("writes overlap: %+v", s.Overlaps)
	}
}
