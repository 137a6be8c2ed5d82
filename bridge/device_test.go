package bridge

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gphotos2mqtt/bridge/library"
	"gphotos2mqtt/mqttapi/broker"
	"gphotos2mqtt/photos/photosim"
)

const deviceTopic = "homeassistant/device/gphotos_home/config"

// components are the names of a discovery document's entities by key; an entity
// that is taken away has none.
func components(document map[string]any) map[string]string {
	names := map[string]string{}
	all, _ := document["components"].(map[string]any)
	for key, c := range all {
		name, _ := c.(map[string]any)["name"].(string)
		names[key] = name
	}
	return names
}

// albumImages are the names of the albums in the retained document, sorted.
func (r *harness) albumImages() []string {
	names := components(r.broker.document(deviceTopic))
	maps.DeleteFunc(names, func(key, _ string) bool { return !strings.HasPrefix(key, "album_") })
	return slices.Sorted(maps.Values(names))
}

func TestAlbumsAreImages(t *testing.T) {
	synctest.Test(t, checkAlbumsAreImages)
}

func checkAlbumsAreImages(t *testing.T) {
	r := newHarness(t)
	r.config = func(c *EntryConfig) { c.AlbumImages.Newest = 2 }
	r.start()
	for i, title := range []string{"One", "Two"} {
		path := r.write(title+".jpg", jpegOf(i+1))
		if got := r.upload(fmt.Sprintf(`{"path": %q, "album": %q}`, path, title)); got["status"] != "done" {
			t.Fatal(got)
		}
	}
	r.broker.await(t, "two albums", func() bool { return slices.Equal(r.albumImages(), []string{"One", "Two"}) })
	if n := r.broker.count(deviceTopic); n != 0 {
		t.Errorf("%d times something was taken away", n)
	}

	// A restart takes nothing away, though Google has not been asked yet.
	r.restart()
	r.broker.await(t, "a listing of this run", func() bool { _, ok := r.entry.library.Pictured(library.Images{}); return ok })

	// The third takes the place of the first, whose entity is first reduced to its platform.
	path := r.write("Three.jpg", jpegOf(3))
	if got := r.upload(fmt.Sprintf(`{"path": %q, "album": "Three"}`, path)); got["status"] != "done" {
		t.Fatal(got)
	}
	r.broker.await(t, "the newest two", func() bool { return slices.Equal(r.albumImages(), []string{"Three", "Two"}) })
	taken := r.broker.all(deviceTopic)
	if len(taken) != 1 {
		t.Fatalf("%d times something was taken away", len(taken))
	}
	gone := components(taken[0])
	maps.DeleteFunc(gone, func(_, name string) bool { return name != "" })
	if len(gone) != 1 || len(components(taken[0])) != len(components(r.broker.document(deviceTopic)))+1 {
		t.Errorf("taken away: %v", gone)
	}

	// Without an account there are no albums.
	r.command(broker.Delivery{Topic: "gphotos/home/request/unlink", QoS: 1})
	r.broker.await(t, "no albums", func() bool { return len(r.albumImages()) == 0 })
}

func TestWhatAnEarlierVersionAnnouncedIsTakenAway(t *testing.T) {
	synctest.Test(t, checkWhatAnEarlierVersionAnnouncedIsTakenAway)
}

func checkWhatAnEarlierVersionAnnouncedIsTakenAway(t *testing.T) {
	r := newHarness(t)
	r.start()
	r.broker.await(t, "the document", func() bool { return r.broker.document(deviceTopic) != nil })
	r.stop()
	r.broker.connect(false) // nothing may be forgotten when the broker is away
	r.config = func(c *EntryConfig) {
		old := map[string]any{
			"topic": deviceTopic, "document": json.RawMessage(`{"components": {"old": {"platform": "sensor", "name": "Old"}}}`),
		}
		r.must(c.Store.SaveState(t.Context(), "home", "device", old))
	}
	r.start()
	r.config = func(*EntryConfig) {}
	r.restart()
	r.broker.connect(true)
	r.broker.await(t, "the removal", func() bool { return r.broker.count(deviceTopic) == 1 })
	taken := r.broker.all(deviceTopic)[0]["components"].(map[string]any)
	if diff := cmp.Diff(map[string]any{"platform": "sensor"}, taken["old"]); diff != "" {
		t.Error(diff)
	}
	r.broker.await(t, "the document", func() bool {
		c := components(r.broker.document(deviceTopic))
		_, old := c["old"]
		return !old && c["queue"] != ""
	})
	r.restart()
	r.broker.await(t, "state", func() bool { return r.broker.document("gphotos/home/state") != nil })
	if n := r.broker.count(deviceTopic); n != 1 {
		t.Errorf("%d removals", n)
	}
}

func TestDocumentFitsTheBroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.must(r.sim.Seed(photosim.Seed{Items: 40, Albums: 40, AlbumItems: 1}))
		r.config = func(c *EntryConfig) { c.AlbumImages.Newest, c.MaxPublish = 40, func() int { return 16 << 10 } }
		r.start()
		r.broker.await(t, "some albums", func() bool { return len(r.albumImages()) > 0 })
		r.broker.mu.Lock()
		size := len(r.broker.retained[deviceTopic])
		r.broker.mu.Unlock()
		if n := len(r.albumImages()); size > 16<<10 || n < 5 || n >= 40 {
			t.Errorf("%d bytes with %d albums", size, n)
		}
	})
}

// timed notes when something is published on the topic of discovery.
type timed struct {
	Publisher
	mu *sync.Mutex
	at *[]time.Time
}

func (p timed) note(topic string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if topic == deviceTopic {
		*p.at = append(*p.at, time.Now())
	}
}

func (p timed) Retain(topic string, payload []byte) error {
	p.note(topic)
	return p.Publisher.Retain(topic, payload)
}

func (p timed) Send(ctx context.Context, topic string, payload []byte) error {
	p.note(topic)
	return p.Publisher.Send(ctx, topic, payload)
}

func TestDocumentsKeepTheirDistance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		var mu sync.Mutex
		var at []time.Time
		r.config = func(c *EntryConfig) { c.AlbumImages.Newest, c.Out = 1, timed{c.Out, &mu, &at} }
		r.start()
		for i := range 6 {
			r.command(broker.Delivery{Topic: "gphotos/home/request/link", QoS: 1}) // a new address for "Visit"
			r.upload(fmt.Sprintf(`{"path": %q, "album": "Album %d"}`, r.write(fmt.Sprintf("%d.jpg", i), jpegOf(i+1)), i))
			time.Sleep(700 * time.Millisecond)
		}
		r.broker.await(t, "the last album", func() bool { return slices.Equal(r.albumImages(), []string{"Album 5"}) })
		mu.Lock()
		defer mu.Unlock()
		for i := range at[1:] {
			if gap := at[i+1].Sub(at[i]); gap < 2*time.Second {
				t.Errorf("document %d came after %s", i+1, gap)
			}
		}
		if len(at) < 3 {
			t.Errorf("%d documents", len(at))
		}
	})
}
