package fleet

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"gphotos2mqtt/e2e/e2etest"
	"gphotos2mqtt/photos/photosim"
)

// holder is the process that has the entry, and the other of two.
func (w *world) holder(entry string, a, b *bridge) (has, other *bridge) {
	w.Helper()
	e2etest.Until(w, "somebody to have "+entry, func() bool { return a.holds(entry) || b.holds(entry) })
	if a.holds(entry) {
		return a, b
	}
	return b, a
}

// A process is halted with a batch on its way to Google, or bytes, and goes on when another has taken over: it does nothing more for the entry,
// and what it had sent is settled by the other one.
func TestFrozen(t *testing.T) {
	for name, route := range map[string]string{"batch": "mediaItems.batchCreate", "bytes": "uploads.raw"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "home")
			one, two := w.start("one"), w.start("two")
			has, other := w.holder("home", one, two)
			w.online()
			w.link(other)
			w.google.Latency(map[string]photosim.Delay{route: {Base: 2 * time.Second}})
			w.Publish("gphotos/home/upload", e2etest.Photo(1, 10_000))
			e2etest.Until(w, "the request to be on its way", func() bool { return w.google.Stats().Routes[route].Current > 0 })
			has.freeze()
			w.within(22*time.Second, "takeover of a frozen process's entry", func() {
				e2etest.Until(w, "the other one to take over", func() bool { return other.holds("home") })
			})
			w.Until("the result", func() bool { return len(w.finished("home")) == 1 })
			w.google.Latency(nil)
			lines := len(other.Output())
			has.thaw()
			has.Expect(`level=warning msg="entries are stopped"|msg="entry is not held any more"`)
			w.Publish("gphotos/home/upload", e2etest.Photo(2, 10_000))
			w.Until("the second result", func() bool { return len(w.finished("home")) == 2 })
			w.itemsOnce(2)
			if kicked := other.Output()[lines:]; strings.Contains(kicked, "broker connection is not usable") {
				t.Errorf("the session was taken back:\n%s", kicked)
			}
			if all := w.All("gphotos/home/availability"); string(all[len(all)-1]) != "online" {
				t.Errorf("availability is %s", all[len(all)-1])
			}
		})
	}
}

// A link that a process has begun is finished by another one, which has taken its entry over between the address and the callback.
func TestLinkOverTakeover(t *testing.T) {
	w := newWorld(t, "home")
	one, two := w.start("one"), w.start("two")
	has, other := w.holder("home", one, two)
	w.online()
	to := w.allow("home")
	has.Signal(9)
	callback := func() (status int) {
		t.Helper()
		answer, err := browser.Get("http://" + other.pages + to.Path + "?" + to.RawQuery)
		e2etest.Must(t, err)
		e2etest.Must(t, answer.Body.Close())
		return answer.StatusCode
	}
	if status := callback(); status != http.StatusServiceUnavailable { // it uses nothing up
		t.Errorf("before the takeover: status %d", status)
	}
	e2etest.Until(w, "the other one to take over", func() bool { return other.holds("home") })
	e2etest.Until(w, "the entry to be open", func() bool {
		status := callback()
		if status != http.StatusOK && status != http.StatusServiceUnavailable {
			t.Fatalf("after the takeover: status %d", status)
		}
		time.Sleep(time.Second) // a visitor may come once a second
		return status == http.StatusOK
	})
}
