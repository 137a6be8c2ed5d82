package homeassistant_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gphotos2mqtt/e2e/e2etest"
)

const player = "media_player.living_room"

func cast(h *home) {
	t := h.t
	film := []byte("\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + "\x00\x00\x00\x08moov" + "\x00\x00\x00\x0cmdatfilm")
	e2etest.Must(t, os.WriteFile("/media/cast.mp4", film, 0o644))
	for file, size := range map[string]string{photo(t, "cast.jpg", 40): "url", "/media/cast.mp4": "video_url"} {
		h.send("upload", `{"path": "`+file+`", "album": "Cast"}`)
		h.uploaded("Cast")
		var found fields
		var number int
		recent := h.until("sensor.gphotos_home_recent_media", "with the upload", func(e entity) bool {
			items, _ := e.Attributes["items"].([]any)
			number = 1 + slices.IndexFunc(items, func(i any) bool { return i.(fields)["filename"] == filepath.Base(file) })
			if number > 0 {
				found = items[number-1].(fields)
			}
			return number > 0 && found["base_url"] != ""
		})
		url := found["base_url"].(string) + recent.Attributes["sizes"].(fields)[size].(string)
		h.act("script", "gphotos_cast", fields{"player": player, "number": number})
		h.until(player, "showing the item", func(e entity) bool { return e.Attributes["media_content_id"] == url })
	}
}

// slideshow shows each picture of an album, also one that comes while it runs, until the player is off.
func slideshow(h *home) {
	t := h.t
	for n, name := range []string{"one.jpg", "two.jpg", "three.jpg"} {
		h.send("upload", `{"path": "`+photo(t, name, 50+n)+`", "album": "Slides"}`)
		h.uploaded("Slides")
	}
	h.until("sensor.gphotos_home_albums", "with the album", func(e entity) bool {
		return strings.Contains(h.render(`{{ state_attr('sensor.gphotos_home_albums', 'albums') | selectattr('title', 'eq', 'Slides') | map(attribute='items') | list }}`), "3")
	})
	h.act("script", "turn_on", fields{"entity_id": "script.gphotos_slideshow", "variables": fields{"player": player, "album": "Slides", "seconds": 2}})
	var shown []string
	see := func(n int) {
		t.Helper()
		h.until(player, "showing so many pictures", func(e entity) bool {
			if url, ok := e.Attributes["media_content_id"].(string); ok && strings.HasPrefix(url, "http") && !slices.Contains(shown, url) {
				shown = append(shown, url)
			}
			return len(shown) >= n
		})
	}
	see(3)
	h.send("upload", `{"path": "`+photo(t, "four.jpg", 60)+`", "album": "Slides"}`)
	see(4)
	h.act("media_player", "turn_off", fields{"entity_id": player})
	h.becomes("script.gphotos_slideshow", "off")
	e2etest.Until(t, "the player to be off", func() bool { return h.state(player).State == "off" })
}
