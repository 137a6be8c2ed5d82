package homeassistant_test

import (
	"slices"
	"strings"
	"testing"

	"gphotos2mqtt/e2e/e2etest"
)

const player = "media_player.living_room"

func cast(t *testing.T, h *home) {
	h.send("upload", `{"path": "`+photo(t, "cast.jpg", 40)+`", "album": "Cast"}`)
	h.uploaded("Cast")
	recent := h.until("sensor.gphotos_home_recent_media", "with the upload", func(e entity) bool {
		items, _ := e.Attributes["items"].([]any)
		return len(items) > 0 && items[0].(fields)["filename"] == "cast.jpg" && items[0].(fields)["base_url"] != ""
	})
	url := recent.Attributes["items"].([]any)[0].(fields)["base_url"].(string) + recent.Attributes["sizes"].(fields)["url"].(string)
	h.act("script", "gphotos_cast", fields{"player": player})
	h.until(player, "showing the newest item", func(e entity) bool { return e.Attributes["media_content_id"] == url })
}

// slideshow shows each picture of an album, also one that comes while it runs, until the player is off.
func slideshow(t *testing.T, h *home) {
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
