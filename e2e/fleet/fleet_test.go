package fleet

import (
	"testing"
	"time"

	"gphotos2mqtt/e2e/e2etest"
)

// Three processes share six entries; each is linked through one process and uploads; one is killed, one is told to stop.
func TestFleet(t *testing.T) {
	w := newWorld(t, "a", "b", "c", "d", "e", "f")
	one, two, three := w.start("one"), w.start("two"), w.start("three")
	w.shared(2, one, two, three)
	w.online()
	w.link(one)
	upload := func(n int) {
		t.Helper()
		for i, entry := range w.entries {
			w.Publish("gphotos/"+entry+"/upload", e2etest.Photo(100*n+i, 10_000))
		}
	}
	settled := func(n int) {
		t.Helper()
		w.Until("all results", func() bool {
			for _, entry := range w.entries {
				if len(w.finished(entry)) < n {
					return false
				}
			}
			return true
		})
	}
	upload(1)
	settled(1)
	w.within(22*time.Second, "takeover after a kill", func() {
		two.Signal(9)
		upload(2)
		settled(2)
	})
	w.within(10*time.Second, "handing over at a stop", func() {
		three.Stop(0)
		w.shared(6, one)
		w.online()
	})
	upload(3)
	settled(3)
	w.itemsOnce(3)
}
