package homeassistant_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"gphotos2mqtt/e2e/e2etest"
	"gphotos2mqtt/photos/photosim"
)

// TestHomeAssistantActions uses everything of an entry that its user can act on.
func TestHomeAssistantActions(t *testing.T) {
	h := newHome(t, "", nil)
	h.run(t, "upload", func() { upload(h) })
	h.run(t, "refresh", func() {
		h.Forget("gphotos/home/albums")
		h.press("refresh")
		h.Expect("gphotos/home/response/refresh", "ok", ok)
		h.Expect("gphotos/home/albums", "the albums anew", nil)
		h.until("button.gphotos_home_refresh", "pressed", func(e entity) bool { return e.State != "unknown" })
	})
	h.run(t, "link", func() { link(h) })
	if found := h.complaints("mqtt", "gphotos"); found != nil {
		t.Errorf("Home Assistant complains: %q", found)
	}
}

// ok matches a response that says so.
func ok(payload []byte) bool {
	var r e2etest.Response
	return json.Unmarshal(payload, &r) == nil && r.Status == "ok"
}

// upload uploads in every form that a notify entity can send.
func upload(h *home) {
	t := h.t
	const event = "event.gphotos_home_upload_result"
	for n, message := range []string{
		photo(t, "path.jpg", 10),
		`{"filename": ["` + photo(t, "one.jpg", 11) + `", "` + photo(t, "two.jpg", 12) + `"], "album": "Moved", "config_entry_id": "home"}`,
		h.render(`{{ {'path': '` + photo(t, "template.jpg", 13) + `', 'description': 'Motion at ' ~ now().strftime('%H:%M')} | to_json }}`),
		`{"path": "/media/nothing.jpg"}`,
		"no path at all",
	} {
		h.Forget(e2etest.ResultTopic)
		h.send("upload", message)
		want := "done"
		if n > 2 {
			want = "failed"
		}
		told := h.Expect(e2etest.ResultTopic, want, func(payload []byte) bool {
			var r result
			return json.Unmarshal(payload, &r) == nil && r.Status == want
		})
		// What the event entity shows is the result, with its own keys.
		var shown fields
		e2etest.Must(t, json.Unmarshal(told.Payload, &shown))
		h.until(event, "the result of "+message, func(e entity) bool {
			return e.Attributes["event_type"] == want && e.Attributes["received"] == shown["received"] && e.Attributes["job"] == shown["job"]
		})
	}
	library := h.Google.Library()[0]
	var got []string
	for _, item := range library.Items {
		got = append(got, item.FileName)
	}
	if want := []string{"path.jpg", "one.jpg", "two.jpg", "template.jpg"}; !slices.Equal(got, want) {
		t.Errorf("Google has %q, want %q", got, want)
	}
	if d := library.Items[3].Description; !strings.HasPrefix(d, "Motion at ") {
		t.Errorf("the description is %q", d)
	}
	h.becomes("sensor.gphotos_home_uploaded", "4")
	h.until("sensor.gphotos_home_last_upload", "of the last file", func(e entity) bool { return e.Attributes["file"] == "template.jpg" })
	h.until("sensor.gphotos_home_albums", "1", func(e entity) bool { return e.State == "1" })
}

// link ends the access and links again, with Home Assistant's entities alone.
func link(h *home) {
	t := h.t
	const unlink = "button.gphotos_home_unlink"
	h.ask("config/entity_registry/update", fields{"entity_id": unlink, "disabled_by": nil}, nil)
	var entries []struct {
		ID string `json:"entry_id"`
	}
	h.call(http.MethodGet, "/api/config/config_entries/entry?domain=mqtt", nil, &entries)
	h.call(http.MethodPost, "/api/config/config_entries/entry/"+entries[0].ID+"/reload", nil, nil)
	h.becomes(unlink, "unknown")
	h.press("unlink")
	h.becomes("sensor.gphotos_home_link_status", "unlinked")

	h.Forget("gphotos/home/response/link")
	h.press("link")
	shown := h.until("sensor.gphotos_home_link_status", "linking, with an address", func(e entity) bool {
		url, _ := e.Attributes["url"].(string)
		return e.State == "linking" && strings.HasPrefix(url, "http://")
	})
	var answer e2etest.Response
	e2etest.Must(t, json.Unmarshal(h.Expect("gphotos/home/response/link", "an address", ok).Payload, &answer))
	if answer.Data.URL != shown.Attributes["url"] {
		t.Errorf("Link status shows %s, the answer %s", shown.Attributes["url"], answer.Data.URL)
	}
	back, err := h.Google.Allow(t.Context(), answer.Data.ConsentURL, photosim.DefaultAccountID)
	e2etest.Must(t, err)
	h.send("finish_linking", back)
	h.becomes("sensor.gphotos_home_link_status", "linked")

	// The device's Visit leads somewhere, also now that there is nothing to do.
	var devices []struct {
		Name  string
		Visit string `json:"configuration_url"`
	}
	h.ask("config/device_registry/list", nil, &devices)
	for _, device := range devices {
		if device.Name != "Google Photos home" {
			continue
		}
		res, err := http.Get(device.Visit)
		e2etest.Must(t, err)
		e2etest.Must(t, res.Body.Close())
		if res.StatusCode != http.StatusOK {
			t.Errorf("Visit leads to %s: %s", device.Visit, res.Status)
		}
		http.DefaultClient.CloseIdleConnections()
		return
	}
	t.Errorf("the device is not among %+v", devices)
}
