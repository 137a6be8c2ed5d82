package homeassistant_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"gphotos2mqtt/e2e/e2etest"
)

// nightlyFolder has more files than one command takes, some in a folder below, and one that Google does not take.
func nightlyFolder(h *home) {
	t := h.t
	const most, photos = 256, 260
	for n := range photos {
		photo(t, fmt.Sprintf("clips/%d/%03d.jpg", n%2, n), 1000+n)
	}
	e2etest.Must(t, os.WriteFile("/media/clips/notes.txt", []byte("No photo."), 0o644)) // the last one
	h.Forget(e2etest.ResultTopic)
	// Home Assistant lives in UTC here, and its clock has seconds.
	h.call(http.MethodPost, "/api/services/input_datetime/set_datetime",
		fields{"entity_id": "input_datetime.night", "time": time.Now().UTC().Add(3 * time.Second).Format(time.TimeOnly)}, nil)
	began := time.Now()
	h.until("event.gphotos_home_upload_result", "with as much as Home Assistant records", func(e entity) bool {
		items, _ := e.Attributes["items"].([]any)
		return e.Attributes["more"] == float64(photos+1-most) && len(items) > 20 && e.Attributes["truncated"] == true
	})
	for _, want := range []struct {
		status      string
		items, more int
	}{{"done", most, photos + 1 - most}, {"partial", photos + 1 - most, 0}} {
		var r struct {
			Status, Transaction string
			Items               []any
			More                int
		}
		h.Expect(e2etest.ResultTopic, "the end of a command for the folder", func(payload []byte) bool {
			r.More = 0
			return json.Unmarshal(payload, &r) == nil && r.Transaction == "nightly folder" && r.Status != "accepted"
		})
		if r.Status != want.status || len(r.Items) != want.items || r.More != want.more {
			t.Errorf("%s with %d items and %d more, want %+v", r.Status, len(r.Items), r.More, want)
		}
	}
	t.Logf("%d files took %s", photos, time.Since(began).Round(time.Millisecond))
	if n := h.items("Clips"); n != photos {
		t.Errorf("%d items", n)
	}
	if left := below(t, "/media/clips"); !slices.Equal(left, []string{"/media/clips/notes.txt"}) {
		t.Errorf("in the folder are %q", left)
	}
	if moved := below(t, "/media/uploaded"); len(moved) != photos {
		t.Errorf("moved are %q", moved)
	}
}

// items is how many items the album of a title has at Google.
func (h *home) items(title string) (n int) {
	for _, album := range h.Google.Library()[0].Albums {
		if album.Title == title {
			n += len(album.Items)
		}
	}
	return n
}

// below are all files below a folder.
func below(tb testing.TB, dir string) (files []string) {
	tb.Helper()
	e2etest.Must(tb, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, path)
		}
		return err
	}))
	return files
}
