package bridge

import (
	"io"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"

	"gphotos2mqtt/bridge/media"
	"gphotos2mqtt/bridge/store"
)

func TestRemovedEntriesAreCleared(t *testing.T) {
	log := logrus.New()
	log.SetOutput(io.Discard)
	s, err := store.Open(t.Context(), store.Config{Dir: t.TempDir(), Log: logrus.NewEntry(log)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.SaveState(t.Context(), "garden", "listed", []string{"one", "a/b"}); err != nil {
		t.Fatal(err)
	}
	broker := newBroker()
	start := func(entries ...EntryConfig) {
		t.Helper()
		f := NewStatus(StatusConfig{Root: "gphotos", Media: new(media.Folders), Store: s, Out: broker, Log: logrus.NewEntry(log)})
		for _, cfg := range entries {
			f.Add(&Entry{cfg: cfg})
		}
		if err := f.RecordTopics(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := f.ClearRemoved(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	entry := func(name, root, prefix string) EntryConfig {
		return EntryConfig{Name: name, Root: root, DiscoveryPrefix: prefix}
	}
	publish := func(topics ...string) {
		for _, topic := range topics {
			_ = broker.Retain(topic, []byte("{}"))
		}
	}
	left := func(want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(broker.retained))); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}

	start(entry("home", "gphotos", "ha"), entry("garden", "gphotos", "ha"))
	publish("gphotos/home/state", "ha/device/gphotos_home/config", "ha/device/gphotos_garden/config",
		"gphotos/garden/availability", "gphotos/garden/state", "gphotos/garden/albums", "gphotos/garden/albums/one",
		"gphotos/garden/albums/a%2Fb", "gphotos/garden/media", "gphotos/garden/image")
	start(entry("home", "gphotos", "ha"))
	left("gphotos/home/state", "ha/device/gphotos_home/config")

	// What has been cleared once is left to others.
	publish("gphotos/garden/state")
	start(entry("home", "gphotos", "ha"))
	left("gphotos/garden/state", "gphotos/home/state", "ha/device/gphotos_home/config")

	// Discovery that was switched off goes, the rest stays; a new root takes all along.
	start(entry("home", "gphotos", ""))
	left("gphotos/garden/state", "gphotos/home/state")
	start(entry("home", "house", ""))
	left("gphotos/garden/state")
}

// A start that was stopped before the broker confirmed leaves the work to the next.
func TestRemovedEntriesAfterAStop(t *testing.T) {
	r := newHarness(t)
	r.start()
	status := func(entries ...*Entry) *Status {
		f := NewStatus(StatusConfig{Root: "gphotos", Media: new(media.Folders), Store: r.store, Out: r.broker, Log: r.entry.log})
		for _, e := range entries {
			f.Add(e)
		}
		r.must(f.RecordTopics(t.Context()))
		return f
	}
	status(r.entry)
	r.broker.await(t, "the device", func() bool { return r.broker.document("homeassistant/device/gphotos_home/config") != nil })
	r.stop()
	log := r.entry.log
	s, err := store.Open(t.Context(), store.Config{Dir: r.dir, Log: log})
	r.must(err)
	defer s.Close()
	r.store = s
	status() // and a stop
	r.must(status().ClearRemoved(t.Context()))
	for topic := range r.broker.retained {
		t.Errorf("%s is left", topic)
	}
}
