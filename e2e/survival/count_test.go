package survival

import (
	"testing"
)

// The requests of the day that E/state tells of are still counted after kill -9.
func TestCountAfterKill(t *testing.T) {
	h := newHouse(t)
	var state struct {
		Quota struct {
			RequestsToday int `json:"requests_today"`
		}
	}
	for n := range 5 {
		h.publish("gphotos/home/upload", photo(uint64(n), 20_000))
		h.ear.await(t, "the result", func() bool { return len(h.ear.results()) == n+1 })
	}
	h.ear.await(t, "the count", func() bool { return h.ear.last("gphotos/home/state", &state) && state.Quota.RequestsToday >= 10 })
	h.kill()
	h.ear.last("gphotos/home/state", &state)
	counted := state.Quota.RequestsToday
	n := h.ear.count("gphotos/home/state", "")
	h.startBridge()
	h.ear.await(t, "the state", func() bool { return h.ear.count("gphotos/home/state", "") > n })
	h.ear.last("gphotos/home/state", &state)
	if again := state.Quota.RequestsToday; again < counted || again > counted+20 {
		t.Errorf("%d requests before and %d after", counted, again)
	}
	h.bridge.stop(0)
}
