package cluster_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"gphotos2mqtt/e2e/e2etest"
)

// added is an entry that no process knows when it starts.
const added = "added"

// addEntry adds an entry at run time, uploads to it, kills the process that has it, uploads
// again, and removes it.
func (w *world) addEntry() {
	w.Helper()
	var answer struct {
		Status string
		Error  json.RawMessage
		Data   struct{ Count int }
	}
	asked := func(verb, payload string) {
		w.Helper()
		if w.ask("bridge", verb, payload, &answer); answer.Status != "ok" {
			w.Fatalf("%s: %s", verb, answer.Error)
		}
	}
	asked("entry/add", fmt.Sprintf(`{"entry": %q}`, added))
	w.allOnline([]string{added}, time.Time{})
	w.linkEntry(added, len(w.entries))
	upload := func(n int) {
		w.Helper()
		w.observer.publish("gphotos/"+added+"/upload", e2etest.Photo(60_000+n, photoSize))
		w.until("an upload of the entry that was added", func() bool { return len(w.results[added]) == n })
	}
	upload(1)
	at := slices.IndexFunc(w.bridges, func(b *bridge) bool { return slices.Contains(w.owners.of(w.process(b)), added) })
	if at < 0 {
		w.Fatal("no process has the entry that was added")
	}
	w.quick("kill", w.kill(w.bridges[at]))
	upload(2)
	w.restart(w.bridges[at])
	asked("entry/list", "")
	if answer.Data.Count != len(w.entries)+1 {
		w.Errorf("%d entries are listed", answer.Data.Count)
	}
	asked("entry/remove", fmt.Sprintf(`{"entry": %q}`, added))
	e2etest.Until(w, "the entry to be gone", func() bool {
		return !slices.ContainsFunc(w.bridges, func(b *bridge) bool { return slices.Contains(w.owners.of(w.process(b)), added) })
	})
	if items := len(w.google.library()[len(w.entries)].Items); items != 2 {
		w.Errorf("%d items of the entry that was added, want 2", items)
	}
	w.observer.mu.Lock()
	defer w.observer.mu.Unlock()
	delete(w.results, added)
}
