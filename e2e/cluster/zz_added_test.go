package cluster_test

import "testing"

// TestAdded adds an entry to a fleet.
func TestAdded(t *testing.T) {
	w := newWorld(t, 3, 2)
	w.addEntry()
}
