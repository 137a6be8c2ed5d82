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
	start := func(root, prefix string, names ...string) {
		t.Helper()
		f := NewStatus(StatusConfig{Root: root, Prefix: prefix, Media: new(media.Folders), Store: s, Out: broker, Log: logrus.NewEntry(log)})
		if err := f.Know(t.Context(), names); err != nil {
			t.Fatal(err)
		}
		if err := f.ClearRemoved(t.Context()); err != nil {
			t.Fatal(err)
		}
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

	start("gphotos", "ha", "home", "garden")
	publish("gphotos/home/state", "ha/device/gphotos_home/config", "ha/device/gphotos_garden/config",
		"gphotos/garden/availability", "gphotos/garden/state", "gphotos/garden/albums", "gphotos/garden/albums/one",
		"gphotos/garden/albums/a%2Fb", "gphotos/garden/media", "gphotos/garden/image")
	start("gphotos", "ha", "home")
	left("gphotos/home/state", "ha/device/gphotos_home/config")

	// What has been cleared once is left to others.
	publish("gphotos/garden/state")
	start("gphotos", "ha", "home")
	left("gphotos/garden/state", "gphotos/home/state", "ha/device/gphotos_home/config")

	// Discovery that was switched off goes, the rest stays; a new root takes all along.
	start("gphotos", "", "home")
	left("gphotos/garden/state", "gphotos/home/state")
	start("house", "", "home")
	left("gphotos/garden/state")
}

// A start that was stopped before the broker confirmed leaves the work to the next.
func TestRemovedEntriesAfterAStop(t *testing.T) {
	r := newHarness(t)
	r.start()
	status := func(names ...string) *Status {
		f := NewStatus(StatusConfig{
			Root: "gphotos", Prefix: "homeassistant", Media: new(media.Folders), Store: r.store, Out: r.broker, Log: r.entry.log,
		})
		r.must(f.Know(t.Context(), names))
		return f
	}
	status("home")
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

// A removal that goes on after a stop clears again: the will of a connection that was cut may have come after the first time.
func TestRemovalClearsALateWill(t *testing.T) {
	log := logrus.New()
	log.SetOutput(io.Discard)
	s, err := store.Open(t.Context(), store.Config{Dir: t.TempDir(), Log: logrus.NewEntry(log)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	broker := newBroker()
	f := NewStatus(StatusConfig{Root: "gphotos", Prefix: "ha", Media: new(media.Folders), Store: s, Out: broker, Log: logrus.NewEntry(log)})
	if err := f.Know(t.Context(), []string{"garden"}); err != nil {
		t.Fatal(err)
	}
	for _, topic := range []string{"gphotos/garden/state", "gphotos/garden/availability"} {
		_ = broker.Retain(topic, []byte("offline"))
		if err := f.ClearEntry(t.Context(), "garden", broker.Clear); err != nil {
			t.Fatal(err)
		}
		if len(broker.retained) > 0 {
			t.Errorf("left: %v", slices.Collect(maps.Keys(broker.retained)))
		}
	}
}
