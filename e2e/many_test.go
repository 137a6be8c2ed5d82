package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"gphotos2mqtt/e2e/e2etest"
)

// mostListings is how many requests about listings and pictures a bridge has with Google at a time, however many entries it has.
const mostListings = 16 + 8

func manyEntries(count int) []string {
	names := []string{"home"}
	for n := range count - 1 {
		names = append(names, fmt.Sprintf("entry-%04d", n+2))
	}
	return names
}

// allOnline waits until so many entries are, in the messages after the first ones.
func allOnline(e *e2etest.Env, next, count int) {
	e.Helper()
	online := map[string]bool{}
	e.Until("all entries to be online", func() bool {
		for messages := e.Messages(); next < len(messages); next++ {
			if m := messages[next]; strings.HasSuffix(m.Topic, "/availability") {
				online[m.Topic] = string(m.Payload) == "online"
			}
		}
		n := 0
		for _, is := range online {
			if is {
				n++
			}
		}
		return n == count
	})
}

// Many linked entries come online, ask Google a few at a time, and come back when their broker does.
func TestManyEntries(t *testing.T) {
	t.Parallel()
	count := 60
	if e2etest.Acceptance() {
		count = 1000
	}
	var now, most atomic.Int32
	e := e2etest.New(t, e2etest.Config{
		Entries: manyEntries(count), Accounts: e2etest.Accounts(count), Topics: []string{"gphotos/+/availability"},
		Wrap: func(google http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				n := now.Add(1)
				defer now.Add(-1)
				for seen := most.Load(); n > seen && !most.CompareAndSwap(seen, n); seen = most.Load() {
				}
				google.ServeHTTP(w, r)
			})
		},
	})
	most.Store(0) // of what linked them
	allOnline(e, 0, count)
	before := len(e.Messages())
	e.Broker.Stop(0)
	e.StartBroker()
	allOnline(e, before, count)
	e2etest.Until(t, "each entry's first listings", func() bool { return e.Google.Stats().Routes["albums.list"].Requests >= count })
	if n := most.Load(); n > mostListings {
		t.Errorf("%d requests at a time", n)
	}
}

// The built-in broker serves as many entries as it says, also those that it knows from before, and one more is a setting to change.
func TestMostEntriesOfBuiltInBroker(t *testing.T) {
	t.Parallel()
	const limit = 200
	count := 20
	if e2etest.Acceptance() {
		count = limit
	}
	e := e2etest.New(t, e2etest.Config{
		Embedded: true, Entries: manyEntries(count), Accounts: e2etest.Accounts(count), Topics: []string{"gphotos/+/availability"},
	})
	e.Bridge.Expect(fmt.Sprintf(`built-in broker serves.* entries=%d limit=%d`, count, limit))
	allOnline(e, 0, count)
	e.Bridge.Stop(0)
	before := len(e.Messages())
	e.Bridge = e.Run()
	allOnline(e, before, count)
	e.Bridge.Stop(0)
	e.Settings = append(e.Settings, "GPHOTOS_ENTRIES="+strings.Join(manyEntries(limit+1), ","))
	refused := e.Run()
	refused.Exited(2)
	refused.Expect("name at most 200 entries, which are what the built-in broker serves")
}
