package survival

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"gphotos2mqtt/e2e/e2etest"
	"gphotos2mqtt/photos/photosim"
)

// Each call to Google on the way of an upload goes wrong in each way, and the bridge
// is killed at that moment and started again. bridge/survive_test.go has the same without
// the kill.
func TestKilledAtEveryCall(t *testing.T) {
	e := newEnv(t)
	forty := new(int64(40))
	faults := map[string]photosim.Fault{
		"refused":     {Mode: photosim.Refuse, Error: "unavailable"},
		"answer lost": {Mode: photosim.Lose},
		"cut":         {Mode: photosim.Cut, After: forty},
		"stalls":      {Mode: photosim.Stall, After: forty, For: photosim.Duration(20 * time.Second)},
	}
	n := 0
	for _, call := range []string{
		"uploads.raw", "uploads.start", "uploads.send", "uploads.query", "albums.list", "albums.create", "mediaItems.batchCreate",
	} {
		for how, fault := range faults {
			n++
			fault.Route, fault.Calls = call, photosim.Calls{1}
			t.Run(call+"/"+how, func(t *testing.T) { e.killedAt(t, n, fault) })
		}
	}
	e.NoJobs()
	e.wantEmpty()
}

func (e *env) killedAt(t *testing.T, n int, fault photosim.Fault) {
	t.Helper()
	defer e.In(t)()
	size := 20_000
	if slices.Contains([]string{"uploads.start", "uploads.send", "uploads.query"}, fault.Route) {
		size = 6 << 20
	}
	photo := e2etest.Photo(n, size)
	path := filepath.Join(e.Media, fmt.Sprintf("%d.jpg", n))
	e2etest.Must(t, os.WriteFile(path, photo, 0o600))
	title := fmt.Sprint("Album ", n)
	command, err := json.Marshal(map[string]any{"path": path, "album": title, "transaction": n})
	e2etest.Must(t, err)

	faults := []photosim.Fault{fault}
	if fault.Route == "uploads.query" { // which is only asked after a break
		faults = append(faults, photosim.Fault{Route: "uploads.send", Calls: photosim.Calls{1}, Mode: photosim.Cut, After: new(int64(1 << 20))})
	}
	if fault.Route == "albums.list" { // which is only asked when the bridge has just started
		e.KillBridge()
	}
	want := e.Google.Stats().Faults + len(faults)
	e.faults(faults...)
	e.upload(command)
	if fault.Route == "albums.list" {
		e.StartBridge()
	}
	e2etest.Until(t, "the fault", func() bool { return e.Google.Stats().Faults >= want })
	e.KillBridge()
	e.StartBridge()

	var done []e2etest.Result
	e.Until("the result", func() bool {
		done = slices.DeleteFunc(e.Results(), func(r e2etest.Result) bool { return r.Transaction != float64(n) })
		return len(done) > 0
	})
	for _, r := range done {
		if r.Status != "done" || r.Job != done[0].Job {
			t.Errorf("results: %+v", done)
		}
	}
	e.wantOne(photo, title)
}

// wantOne checks that Google has one item of these bytes, in one album of that title.
func (e *env) wantOne(photo []byte, title string) {
	e.Helper()
	sum := sha256.Sum256(photo)
	has := e.library()
	items, albums := 0, 0
	for _, i := range has.Items {
		if i.SHA256 == hex.EncodeToString(sum[:]) && len(i.Albums) == 1 {
			items++
		}
	}
	for _, a := range has.Albums {
		if a.Title == title && len(a.Items) == 1 {
			albums++
		}
	}
	if items != 1 || albums != 1 {
		e.Errorf("%d items in %d albums", items, albums)
	}
}
