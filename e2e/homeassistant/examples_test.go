package homeassistant_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gphotos2mqtt/e2e/e2etest"
)

// example is files of examples/home-assistant one after the other, with each OLD=>NEW replaced.
func example(tb testing.TB, files []string, changes ...string) (text string) {
	tb.Helper()
	for _, file := range files {
		part, err := os.ReadFile(filepath.Join("..", "..", "examples", "home-assistant", file))
		e2etest.Must(tb, err)
		text += string(part)
	}
	for _, change := range changes {
		before, after, _ := strings.Cut(change, "=>")
		if !strings.Contains(text, before) {
			tb.Fatalf("no example has %s", before)
		}
		text = strings.ReplaceAll(text, before, after)
	}
	return text
}

// frontDoor are the camera and the sensor that the examples speak of, and "demo" has
// media_player.living_room.
const frontDoor = `
mqtt:
  - camera: {name: Front door, unique_id: camera, default_entity_id: camera.front_door, topic: house/camera}
  - binary_sensor: {name: Motion, unique_id: motion, default_entity_id: binary_sensor.front_door_motion, state_topic: house/motion}
demo:
input_datetime: {night: {has_date: false, has_time: true}}
automation: !include automations.yaml
script: !include scripts.yaml
`

// TestHomeAssistantExamples loads the example files as they stand, and runs each.
func TestHomeAssistantExamples(t *testing.T) {
	names(t, "frigate")
	h := newHome(t, frontDoor, map[string]string{
		"automations.yaml": example(t, []string{"motion-snapshot.yaml", "frigate-snapshot.yaml", "nightly-folder.yaml", "tell-problems.yaml"},
			`for: "00:05:00"=>for: "00:00:01"`, `at: "03:00:00"=>at: input_datetime.night`),
		"scripts.yaml": example(t, []string{"upload-and-wait.yaml", "cast.yaml"}),
	}, "GPHOTOS_MEDIA_AFTER=/media/downloads,/media/clips,/media/uploaded")
	for _, id := range []string{
		"automation.front_door_snapshot_to_google_photos", "automation.frigate_snapshot_to_google_photos",
		"automation.folder_to_google_photos_every_night", "automation.google_photos_upload_failed", "automation.google_photos_uploads_wait",
	} {
		h.becomes(id, "on")
	}
	h.run(t, "upload-and-wait", func() { uploadAndWait(h) })
	h.run(t, "motion-snapshot", func() { motionSnapshot(h) })
	h.run(t, "frigate-snapshot", func() { frigateSnapshot(h) })
	h.run(t, "nightly-folder", func() { nightlyFolder(h) })
	h.run(t, "cast", func() { cast(h) })
	h.run(t, "slideshow", func() { slideshow(h) })
	h.run(t, "tell-problems", func() { tellProblems(h) })
	if found := h.complaints("mqtt", "gphotos", "automation", "script"); found != nil {
		t.Errorf("Home Assistant complains: %q", found)
	}
}

// An outcome is what the script of upload-and-wait.yaml gives back.
type outcome struct {
	Response struct {
		Status  string
		AlbumID string `json:"album_id"`
		Items   []struct{ Path, Status string }
		Error   *struct{ Code, Message string }
	} `json:"service_response"`
}

func uploadAndWait(h *home) {
	t := h.t
	const runs = 20
	outcomes := make([]outcome, runs)
	paths := make([]string, runs)
	for n := range runs {
		paths[n] = photo(t, fmt.Sprintf("many/%d.jpg", n), 100+n)
	}
	var all sync.WaitGroup
	began := time.Now()
	for n := range runs {
		all.Go(func() {
			h.call(http.MethodPost, "/api/services/script/gphotos_upload?return_response", fields{"path": paths[n], "album": "Many"}, &outcomes[n])
		})
	}
	all.Wait()
	t.Logf("%d uploads in parallel, each with its own result, took %s", runs, time.Since(began).Round(time.Millisecond))
	for n, o := range outcomes {
		if r := o.Response; r.Status != "done" || len(r.Items) != 1 || r.Items[0].Path != paths[n] || r.AlbumID == "" {
			t.Errorf("the upload of %s gives back %+v", paths[n], r)
		}
	}
	var failed outcome
	h.call(http.MethodPost, "/api/services/script/gphotos_upload?return_response", fields{"path": "/media/nothing.jpg"}, &failed)
	if r := failed.Response; r.Status != "failed" || len(r.Items) != 1 {
		t.Errorf("an upload of nothing gives back %+v", r)
	}
}

func motionSnapshot(h *home) {
	t := h.t
	picture := camera(t, color.RGBA{200, 80, 40, 255})
	h.Publish("house/motion", []byte("OFF"))
	h.becomes("binary_sensor.front_door_motion", "off")
	h.Publish("house/camera", picture)
	e2etest.Until(t, "the camera's picture", func() bool {
		status, body := h.try(http.MethodGet, "/api/camera_proxy/camera.front_door", nil)
		return status == http.StatusOK && bytes.Equal(body, picture)
	})
	h.Publish("house/motion", []byte("ON"))
	r := h.uploaded("Front door")
	if !strings.HasPrefix(r.Items[0].Path, "/media/snapshots/front_door_") {
		t.Errorf("the result is %+v", r)
	}
}

// frigateSnapshot is told of an event as Frigate tells of it, and serves its snapshot.
// Source: https://docs.frigate.video/integrations/mqtt/#frigateevents
func frigateSnapshot(h *home) {
	t := h.t
	const id = "1718987129.308396-fqk5ka"
	asked, picture := make(chan string, 10), camera(t, color.RGBA{40, 80, 200, 255})
	frigate := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Method + " " + r.URL.Path
		w.Header().Set("Content-Type", "image/jpeg")
		_, _ = w.Write(picture)
	}))
	var err error
	frigate.Listener, err = net.Listen("tcp", "127.0.0.1:5000")
	e2etest.Must(t, err)
	frigate.Start()
	defer frigate.Close()
	e2etest.Must(t, os.Mkdir("/media/downloads", 0o755))
	h.flow("downloader", fields{"download_dir": "/media/downloads"})
	h.loaded("downloader")
	for _, kind := range []string{"new", "update", "end", "end"} { // a second end must not be a second item
		event := fields{"id": id, "camera": "driveway", "label": "person", "has_snapshot": true, "has_clip": true}
		text, err := json.Marshal(fields{"type": kind, "before": event, "after": event})
		e2etest.Must(t, err)
		h.Publish("frigate/events", text)
	}
	for range 2 {
		item := h.uploaded("Frigate driveway").Items[0]
		if !strings.HasPrefix(item.Path, "/media/downloads/frigate-"+id) || item.Name != "frigate-"+id+".jpg" || item.After.Outcome != "deleted" {
			t.Errorf("the result is of %+v", item)
		}
		if got, want := <-asked, "GET /api/events/"+id+"/snapshot.jpg"; got != want {
			t.Errorf("Frigate was asked for %s, not for %s", got, want)
		}
	}
	if n := h.items("Frigate driveway"); n != 1 {
		t.Errorf("%d items", n)
	}
	if left := below(t, "/media/downloads"); left != nil {
		t.Errorf("the files stay: %q", left)
	}
}

// uploaded waits for the result of an upload into an album.
func (h *home) uploaded(album string) (r result) {
	h.Helper()
	h.Expect(e2etest.ResultTopic, "an upload to "+album, func(payload []byte) bool {
		r = result{}
		return json.Unmarshal(payload, &r) == nil && r.Status == "done" && r.Album.Title == album
	})
	return r
}

// A result is what these tests read of E/upload/result.
type result struct {
	Status string
	Album  struct{ Title string }
	Items  []struct {
		Path, Name string
		After      struct{ Outcome string }
	}
}

// camera is a picture of one colour.
func camera(tb testing.TB, c color.Color) []byte {
	tb.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 640, 360))
	for y := range 360 {
		for x := range 640 {
			img.Set(x, y, c)
		}
	}
	var b bytes.Buffer
	e2etest.Must(tb, jpeg.Encode(&b, img, nil))
	return b.Bytes()
}

func tellProblems(h *home) {
	t := h.t
	h.send("upload", `{"path": "/media/nothing.jpg", "album": "Front door"}`)
	var all []struct{ Title, Message string }
	defer func() {
		if t.Failed() {
			t.Logf("notifications: %+v", all)
		}
	}()
	notified := func(title, words string) {
		t.Helper()
		e2etest.Until(t, "the notification "+title, func() bool {
			h.ask("persistent_notification/get", nil, &all)
			return slices.ContainsFunc(all, func(n struct{ Title, Message string }) bool {
				return n.Title == title && strings.Contains(n.Message, words)
			})
		})
	}
	notified("An upload to Google Photos has failed", "- nothing.jpg: There is no file")
	e2etest.Must(t, h.Google.SetStorageFull("", true))
	h.send("upload", photo(t, "full.jpg", 7))
	notified("Uploads to Google Photos wait", "storage")
	// Its owner makes room and says so.
	e2etest.Must(t, h.Google.SetStorageFull("", false))
	h.press("refresh")
	h.becomes("binary_sensor.gphotos_home_problem", "off")
	h.becomes("sensor.gphotos_home_queue", "0")
}
