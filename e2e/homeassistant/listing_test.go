package homeassistant_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"gphotos2mqtt/e2e/e2etest"
	"gphotos2mqtt/photos/photosim"
)

// Twenty items and more are in the attributes, each with a thumbnail, at the lengths of Google's ids and addresses, and Home Assistant
// records them: no entity has more than 16,384 bytes.
func TestHomeAssistantListing(t *testing.T) {
	h := newHome(t, "", nil)
	e2etest.Must(t, h.Google.Seed(photosim.Seed{Items: 60, Albums: 1, AlbumItems: 40, Width: 64, Height: 48}))
	h.act("button", "press", fields{"entity_id": "button.gphotos_home_refresh"})
	shown := map[string]bool{}
	for _, id := range []string{"sensor.gphotos_home_recent_media", "sensor.gphotos_home_earlier_media"} {
		sensor := h.until(id, "with items", func(e entity) bool { items, _ := e.Attributes["items"].([]any); return len(items) > 5 })
		text, err := json.Marshal(sensor.Attributes)
		e2etest.Must(t, err)
		if len(text) > 16_384 {
			t.Errorf("%s has %d bytes of attributes", id, len(text))
		}
		t.Logf("%s: %s, %d bytes, %d items", id, sensor.State, len(text), len(sensor.Attributes["items"].([]any)))
		sizes := sensor.Attributes["sizes"].(fields)
		for _, i := range sensor.Attributes["items"].([]any) {
			shown[fmt.Sprint(i.(fields)["base_url"], sizes["thumbnail_url"])] = true
		}
	}
	if len(shown) < 20 {
		t.Errorf("%d thumbnails", len(shown))
	}
	if found := h.complaints("recorder", "gphotos"); found != nil {
		t.Errorf("Home Assistant complains: %q", found)
	}
}

// An album that is kept as files is in the media browser, and its address leads to the picture.
func TestHomeAssistantMirror(t *testing.T) {
	h := newHome(t, "media_source:\n", nil, "GPHOTOS_ENTRY_HOME_MIRROR=Garden", "GPHOTOS_ENTRY_HOME_MIRROR_FOLDER=/media/google")
	h.send("upload", `{"path": "`+photo(t, "rose.jpg", 3)+`", "album": "Garden"}`)
	h.uploaded("Garden")
	const local = "media-source://media_source/media" // as "media_dirs" of the configuration calls it
	var album struct {
		Children []struct {
			Title   string
			ID      string `json:"media_content_id"`
			Class   string `json:"media_class"`
			CanPlay bool   `json:"can_play"`
		}
	}
	e2etest.Until(t, "the file in the media browser", func() bool {
		files, err := filepath.Glob("/media/google/Garden/* rose.jpg")
		e2etest.Must(t, err)
		return len(files) == 1
	})
	h.ask("media_source/browse_media", fields{"media_content_id": local + "/google/Garden"}, &album)
	if len(album.Children) != 1 || !strings.HasSuffix(album.Children[0].Title, " rose.jpg") || album.Children[0].Class != "image" || !album.Children[0].CanPlay {
		t.Fatalf("the media browser shows %+v", album.Children)
	}
	var resolved struct {
		Type string `json:"mime_type"`
	}
	h.ask("media_source/resolve_media", fields{"media_content_id": album.Children[0].ID}, &resolved)
	if resolved.Type != "image/jpeg" {
		t.Errorf("resolved as %+v", resolved)
	}
}
