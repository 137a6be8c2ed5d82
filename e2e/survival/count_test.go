package survival

import (
	"testing"

	"gphotos2mqtt/e2e/e2etest"
)

// The requests of the day that E/state tells of are still counted after kill -9.
func TestCountAfterKill(t *testing.T) {
	e := newEnv(t)
	const topic = "gphotos/home/state"
	var state struct {
		Quota struct {
			RequestsToday int `json:"requests_today"`
		}
	}
	for n := range 5 {
		e.upload(e2etest.Photo(n, 20_000))
		e.awaitResults(n + 1)
	}
	e.Until("the count", func() bool { return e.Last(topic, &state) && state.Quota.RequestsToday >= 10 })
	e.KillBridge()
	e.Last(topic, &state)
	counted := state.Quota.RequestsToday
	e.Forget(topic)
	e.StartBridge()
	e.Expect(topic, "the state", nil)
	e.Last(topic, &state)
	if again := state.Quota.RequestsToday; again < counted || again > counted+20 {
		t.Errorf("%d requests before and %d after", counted, again)
	}
	e.Bridge.Stop(0)
}
