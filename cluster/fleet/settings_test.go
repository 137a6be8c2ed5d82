package fleet

import (
	"testing"
	"time"

	"gphotos2mqtt/cluster/clustertest"
)

// While settings are being changed, processes want other entries than those before them: each runs where it is wanted, all the time.
func TestOtherSettings(t *testing.T) {
	s, h := clustertest.Start(t, 1, ""), newHall(t)
	as := func(group string) func(*Config) { return func(c *Config) { c.Group = group } }
	until := func(what string, met func() bool) {
		t.Helper()
		eventually(t, 20*time.Second, what, met)
	}
	old := h.join(s.URLs(), "old", []string{"a", "b"}, as("before"))
	until("all in one", h.shared(2))
	after := []string{"a", "c"}
	fresh := h.join(s.URLs(), "fresh", after, as("after"))
	until("what is new in the other", func() bool { return h.where("c") == "fresh" })
	for range 3 { // time to give something away that the other does not take
		before := fresh.revision()
		until("another renewal", func() bool { return fresh.revision() > before })
		if a := h.where("a"); a == "" {
			t.Fatalf("nobody runs a: %v", h.counts())
		}
	}
	old.leave(t)
	until("all that is wanted still", func() bool { return h.where("a") == "fresh" && h.where("c") == "fresh" })
	h.join(s.URLs(), "another", after, as("after"))
	until("an even share", h.shared(1, 1))
}
