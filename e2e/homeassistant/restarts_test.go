package homeassistant_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"gphotos2mqtt/e2e/e2etest"
)

// TestHomeAssistantRestarts restarts the bridge, the broker and Home Assistant: what is
// sent meanwhile is not lost, and everything is back without anybody's help.
func TestHomeAssistantRestarts(t *testing.T) {
	h := newHome(t, "", nil)
	h.send("upload", `{"path": "`+photo(t, "before.jpg", 1)+`", "album": "Front door"}`)
	h.uploaded("Front door")
	h.everything()
	h.run(t, "bridge", func() {
		h.KillBridge()
		h.becomes("sensor.gphotos_home_queue", "unavailable")
		h.send("upload", `{"path": "`+photo(t, "notify.jpg", 2)+`", "album": "By notify"}`)
		h.act("mqtt", "publish", fields{
			"topic": "gphotos/home/upload", "qos": "1", "payload": `{"path": "` + photo(t, "publish.jpg", 3) + `", "album": "By publish"}`,
		})
		h.StartBridge()
		h.uploaded("By notify")
		h.uploaded("By publish")
		h.everything()
	})
	h.run(t, "broker", func() {
		h.Broker.Stop(0)
		h.becomes("sensor.gphotos_home_queue", "unavailable")
		h.StartBroker()
		h.everything()
		h.send("upload", `{"path": "`+photo(t, "broker.jpg", 4)+`", "album": "After the broker"}`)
		h.uploaded("After the broker")
	})
	h.run(t, "broker that has lost all", func() {
		h.Bridge.Stop(0)
		h.Broker.Stop(0)
		e2etest.Must(t, os.RemoveAll(filepath.Join(h.Dir, "broker", "mosquitto.db")))
		h.StartBroker()
		h.Ready()
		h.StartBridge()
		h.everything()
	})
	h.run(t, "Home Assistant", func() {
		h.process.Stop(0)
		h.start()
		h.everything()
		h.send("upload", `{"path": "`+photo(t, "hass.jpg", 5)+`", "album": "After Home Assistant"}`)
		h.uploaded("After Home Assistant")
	})
	if found := h.complaints("mqtt", "gphotos"); found != nil {
		t.Errorf("Home Assistant complains: %q", found)
	}
}

// everything waits until every kind of entity shows what it should, and the picture can be had.
func (h *home) everything() {
	h.t.Helper()
	h.available()
	for _, id := range []string{
		"sensor.gphotos_home_albums", "sensor.gphotos_home_recent_media", "sensor.gphotos_home_last_upload", "sensor.gphotos_home_queue",
		"sensor.gphotos_home_uploaded", "sensor.gphotos_home_requests_left", "binary_sensor.gphotos_home_problem",
	} {
		h.until(id, "known", func(e entity) bool { return e.State != "unknown" && e.State != "unavailable" })
	}
	h.becomes("sensor.gphotos_home_link_status", "linked")
	h.picture("image.gphotos_home_latest_upload")
	h.picture("image.gphotos_home_album_front_door")
}

// picture waits until Home Assistant has the picture of an image entity.
func (h *home) picture(id string) {
	h.t.Helper()
	e2etest.Until(h.t, "the picture of "+id, func() bool {
		status, body := h.try(http.MethodGet, "/api/image_proxy/"+id, nil)
		return status == http.StatusOK && len(body) > 2 && body[0] == 0xFF && body[1] == 0xD8
	})
}
