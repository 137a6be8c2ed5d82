package bridge

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/bridge/library"
	"gphotos2mqtt/mqttapi/broker"
)

// An album gets its image with its first upload, however long the entry has been linked.
func TestAlbumImageComesWithAnUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.config = func(c *EntryConfig) { c.AlbumImages.Newest = 2 }
		r.start()
		for i, title := range []string{"One", "Two"} {
			time.Sleep(10 * time.Minute)
			r.uploadTo(title, i)
			r.broker.await(t, "the image of "+title, func() bool { return slices.Contains(r.albumImages(), title) })
		}
	})
}

// An upload to one album changes that album's listing alone: the others' image entities do not move.
func TestUploadChangesOneListing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.start()
		titles := []string{"One", "Two", "Three", "Four", "Five"}
		for i, title := range titles {
			r.uploadTo(title, i)
		}
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		before := r.broker.reader()
		read := before.listings()
		updated := map[string]time.Time{}
		for topic, doc := range read {
			updated[topic] = doc.Updated
		}
		r.uploadTo("Three", 77)
		time.Sleep(time.Minute)
		synctest.Wait()
		var changed []string
		for topic, doc := range r.broker.listings() {
			if strings.HasPrefix(topic, "gphotos/home/albums/") && !doc.Updated.Equal(updated[topic]) {
				changed = append(changed, topic)
			}
		}
		if len(changed) != 1 {
			t.Errorf("%d listings of albums have changed: %v", len(changed), changed)
		}
	})
}

// Images go by the last change: an album that is made, and one that nobody uses, push none out.
func TestAlbumImagesGoByTheLastChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.config = func(c *EntryConfig) { c.AlbumImages.Newest = 2 }
		r.start()
		for i, title := range []string{"One", "Two", "Three", "One"} {
			time.Sleep(time.Minute)
			r.uploadTo(title, i)
		}
		r.broker.await(t, "the last changed", func() bool { return slices.Equal(r.albumImages(), []string{"One", "Three"}) })
		for range 3 {
			r.command(broker.Delivery{Topic: "gphotos/home/request/album/create", Payload: []byte(`{"title": "Made"}`), QoS: 1})
		}
		time.Sleep(time.Hour)
		r.restart()
		r.broker.await(t, "a listing of this run", func() bool { _, ok := r.entry.library.Pictured(library.Images{}); return ok })
		time.Sleep(time.Hour)
		if got := r.albumImages(); !slices.Equal(got, []string{"One", "Three"}) {
			t.Errorf("images of %v", got)
		}
	})
}

// Albums chosen by title are images whatever else is made, with a listing that no other setting asks for.
func TestAlbumImagesOfChosenTitles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.config = func(c *EntryConfig) {
			c.Listings, c.AlbumImages = library.Listings{}, library.Images{Newest: 0, Titles: []string{"Front door", "Garden"}}
		}
		r.start()
		for i, title := range []string{"Front door", "Other", "Garden", "More"} {
			time.Sleep(time.Minute)
			r.uploadTo(title, i)
		}
		r.broker.await(t, "the chosen", func() bool { return slices.Equal(r.albumImages(), []string{"Front door", "Garden"}) })
		r.broker.await(t, "their listings", func() bool { return r.broker.listed() == 4 })
		if n := r.broker.count(deviceTopic); n != 0 {
			t.Errorf("%d times something was taken away", n)
		}
	})
}

func (r *harness) uploadTo(album string, seed int) {
	r.t.Helper()
	path := r.write(fmt.Sprintf("%s-%d.jpg", album, seed), jpegOf(seed+100))
	if got := r.upload(fmt.Sprintf(`{"path": %q, "album": %q}`, path, album)); got["status"] != "done" {
		r.t.Fatal(got)
	}
}
