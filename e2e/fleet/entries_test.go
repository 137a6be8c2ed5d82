package fleet

import (
	"testing"
	"time"

	"gphotos2mqtt/e2e/e2etest"
)

// An entry that is added at run time is shared like the others, and one that is removed is gone from whichever process has it.
func TestEntriesAtRunTime(t *testing.T) {
	w := newWorld(t, "a")
	one, two := w.start("one"), w.start("two")
	w.holder("a", one, two)
	w.online()
	ask := func(verb, payload string) (r e2etest.Response) {
		t.Helper()
		w.within(10*time.Second, verb, func() { r = w.requestWith("bridge", verb, payload) })
		return r
	}
	if r := ask("entry/add", `{"entry": "added"}`); r.Status != "ok" {
		t.Fatalf("add: %+v", r)
	}
	w.entries = append(w.entries, "added")
	w.shared(1, one, two)
	w.online()
	if r := ask("entry/remove", `{"entry": "added"}`); r.Status != "ok" {
		t.Fatalf("remove: %+v", r)
	}
	w.within(20*time.Second, "the end of the entry", func() {
		e2etest.Until(w, "the entry to be gone", func() bool { return !one.holds("added") && !two.holds("added") })
	})
}
