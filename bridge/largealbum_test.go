package bridge

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos/photosim"
)

// pageBurst is how many pages of albums bridge/library reads at once.
const pageBurst = 300

// Two albums of 20,000 items, oldest first, are read at a bounded pace; what is
// known meanwhile is shown, an upload meanwhile stays, and neither is read again.
func TestLargeAlbumsAreReadAtAPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.seed(photosim.Seed{Items: 20_000, Albums: 2, AlbumItems: 20_000 - 50, Newest: time.Now().Add(-time.Hour)})
		r.start()
		r.broker.await(t, "all listings", func() bool { return r.broker.listed() == 4 })
		synctest.Wait()
		if n := r.routes()["mediaItems.search"]; n != pageBurst {
			t.Errorf("%d pages at once", n)
		}
		albums := r.sim.Library()[0].Albums
		if n := len(albums[0].Items); n != 19_950 {
			t.Fatalf("%d items", n)
		}
		late := albums[0] // the list of albums has the newest first, so this one is read last
		payload, err := json.Marshal(map[string]any{"data": jpegOf(40), "album_id": late.ID})
		r.must(err)
		r.upload(string(payload))
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := r.routes()["mediaItems.search"]; n < pageBurst+59 || n > pageBurst+61 {
			t.Errorf("%d pages after an hour", n)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		topic := mqttapi.Topics{Root: "gphotos", Entry: "home"}.Album(late.ID)
		doc := r.broker.listings()[topic]
		uploaded := r.sim.Library()[0].Items[20_000].ID
		if doc.Count != 19_951 || len(doc.Items) != 100 || doc.Items[0].ID != uploaded || doc.Items[1].FileName == "" {
			t.Errorf("the album counts %d and lists %d items", doc.Count, len(doc.Items))
		}
		before := r.routes()["mediaItems.search"]
		time.Sleep(12 * time.Hour)
		r.restart()
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if n := r.routes()["mediaItems.search"] - before; n != 0 {
			t.Errorf("%d pages were read again", n)
		}
		r.stop()
	})
}
