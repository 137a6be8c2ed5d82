package homeassistant_test

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"gphotos2mqtt/e2e/e2etest"
)

// TestHomeAssistantMedia finds the entry's pictures in Home Assistant's own media
// browser: each image entity under Image, and the mirrored album under My media.
func TestHomeAssistantMedia(t *testing.T) {
	h := newHome(t, "", nil, "GPHOTOS_ENTRY_HOME_ALBUM_IMAGES=Front door",
		"GPHOTOS_ENTRY_HOME_MIRROR=Front door", "GPHOTOS_ENTRY_HOME_MIRROR_FOLDER=/media/google-photos")
	file := photo(t, "door.jpg", 1)
	h.send("upload", `{"path": "`+file+`", "album": "Front door"}`)
	h.uploaded("Front door")
	h.send("upload", `{"path": "`+photo(t, "cat.jpg", 2)+`", "album": "Cat"}`) // which is not chosen
	h.uploaded("Cat")
	h.everything()

	images := h.browse("media-source://image")
	if len(images.Children) != 2 {
		t.Errorf("Image has %+v", images.Children)
	}
	for _, title := range []string{"Google Photos home Latest upload", "Google Photos home Front door"} {
		image := images.child(t, title)
		if !image.Playable {
			t.Errorf("%s cannot be played", title)
		}
		// It is a stream of pictures that goes on with the next one.
		if kind, begin := h.begin(h.resolve(image.ID), 200); !strings.HasPrefix(kind, "multipart/") || !bytes.Contains(begin, []byte{0xFF, 0xD8}) {
			t.Errorf("%s is %s: %.40q", title, kind, begin)
		}
	}

	var mirrored media
	e2etest.Until(t, "the album under My media", func() bool {
		mirrored = media{}
		problem := h.tryAsk("media_source/browse_media", fields{"media_content_id": "media-source://media_source/media/google-photos/Front door"}, &mirrored)
		return problem == "" && len(mirrored.Children) == 1
	})
	want, err := os.ReadFile(file)
	e2etest.Must(t, err)
	item := mirrored.Children[0]
	if !strings.HasSuffix(item.Title, "door.jpg") {
		t.Errorf("the item is called %s", item.Title)
	}
	if _, got := h.begin(h.resolve(item.ID), int64(len(want))+1); !bytes.HasPrefix(got, want[:2]) {
		t.Errorf("the item under My media begins with %.20q", got)
	}
}

// resolve returns where an item of the media browser is played from.
func (c *client) resolve(id string) (address string) {
	c.t.Helper()
	var found struct{ URL string }
	c.ask("media_source/resolve_media", fields{"media_content_id": id}, &found)
	return found.URL
}

// begin reads the begin of what is at an address of Home Assistant's, and its type.
func (c *client) begin(address string, size int64) (kind string, begin []byte) {
	c.t.Helper()
	req, err := http.NewRequest(http.MethodGet, origin+address, nil)
	e2etest.Must(c.t, err)
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	e2etest.Must(c.t, err)
	defer res.Body.Close()
	begin, err = io.ReadAll(io.LimitReader(res.Body, size))
	e2etest.Must(c.t, err)
	return res.Header.Get("Content-Type"), begin
}
