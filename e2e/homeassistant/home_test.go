package homeassistant_test

import (
	"os"
	"path/filepath"
	"testing"

	"gphotos2mqtt/e2e/e2etest"
)

// A home is a bridge with its broker and a linked account, and a Home Assistant that
// uses the same broker and the same /media.
type home struct {
	*e2etest.Env
	*hass
}

// newHome starts all of it. Home Assistant gets lines of its configuration beyond the
// usual, and files beside it.
func newHome(t *testing.T, lines string, files map[string]string, settings ...string) *home {
	t.Helper()
	debian := house(t)
	h := &home{Env: e2etest.New(t, e2etest.Config{Settings: append([]string{"GPHOTOS_MEDIA_DIRS=/media"}, settings...)})}
	h.Link()
	h.hass = newHass(t, debian)
	h.addMQTT(h.Port())
	if lines != "" { // that may want MQTT when it is loaded
		h.process.Stop(0)
		h.write("configuration.yaml", configuration+lines)
		for name, text := range files {
			h.write(name, text)
		}
		h.start()
	}
	h.available()
	t.Cleanup(func() {
		left, err := filepath.Glob("/media/*")
		e2etest.Must(t, err)
		for _, path := range left {
			e2etest.Must(t, os.RemoveAll(path))
		}
	})
	return h
}

// available waits until Home Assistant has the entry's entities, and they are there.
func (h *home) available() {
	h.t.Helper()
	for _, id := range []string{"notify.gphotos_home_upload", "event.gphotos_home_upload_result", "sensor.gphotos_home_queue"} {
		h.until(id, "available", func(e entity) bool { return e.State != "unavailable" })
	}
}

// run runs a part of a test that the others of it do not depend on.
func (h *home) run(t *testing.T, name string, part func()) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		defer h.In(t)()
		before := h.t
		h.client.t = t
		defer func() { h.client.t = before }()
		part()
	})
}

// photo puts a photo that Google does not have into /media and returns its path.
func photo(tb testing.TB, name string, seed int) string {
	tb.Helper()
	path := filepath.Join("/media", name)
	e2etest.Must(tb, os.MkdirAll(filepath.Dir(path), 0o755))
	e2etest.Must(tb, os.WriteFile(path, e2etest.Photo(seed, 4096), 0o644))
	return path
}
