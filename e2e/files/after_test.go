package files

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gphotos2mqtt/e2e/e2etest"
	"gphotos2mqtt/photos/photosim"
)

// A folder is one command: its files are uploaded in order and moved away, and what is no photo stays.
func TestFolderIsMovedAway(t *testing.T) {
	e := newEnv(t)
	e.Bridge.Stop(0)
	e.Settings = append(e.Settings, "GPHOTOS_MEDIA_AFTER="+e.Media)
	e.StartBridge()
	e2etest.Must(t, os.MkdirAll(e.path("clips/day"), 0o755))
	for n, name := range []string{"clips/a.jpg", "clips/day/b.jpg", "clips/.c.jpg"} {
		e.write(name, e2etest.Photo(n, 4000))
	}
	e.pub(fmt.Sprintf(`{"path": %q, "recursive": true, "after": "move:%s", "transaction": 1}`, e.path("clips"), e.path("done")))
	e.want(1, "done")
	for name, there := range map[string]bool{
		"done/a.jpg": true, "done/b.jpg": true, "clips/a.jpg": false, "clips/day/b.jpg": false, "clips/.c.jpg": true,
	} {
		if _, err := os.Stat(e.path(name)); (err == nil) != there {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(e.Google.Library()[0].Items); n != 2 {
		t.Errorf("%d items", n)
	}
	e.NoJobs()
}

// The bridge is killed at any call to the disk of the way: the file is gone exactly when the item is there, and moved once.
func TestKilledWhileAFileGoes(t *testing.T) {
	e, s := newShare(t)
	e.Bridge.Stop(0)
	e.Settings = append(e.Settings, "GPHOTOS_MEDIA_AFTER="+s.dir)
	e.StartBridge()
	e2etest.Must(t, os.Mkdir(filepath.Join(s.behind, "done"), 0o755))
	for n := range 24 {
		after, name := "delete", fmt.Sprint(n, ".jpg")
		if n%2 == 1 {
			after = "move:" + s.dir + "/done"
		}
		e.Google.Latency(map[string]photosim.Delay{"mediaItems.batchCreate": {Base: 500 * time.Millisecond}})
		before := e.Google.Stats().Routes["mediaItems.batchCreate"].Requests
		e.pub(fmt.Sprintf(`{"path": %q, "after": %q, "transaction": %d}`, s.photo(t, n, 4000), after, n))
		e.Until("google to make the item", func() bool { return e.Google.Stats().Routes["mediaItems.batchCreate"].Requests > before })
		if _, err := os.Stat(filepath.Join(s.behind, name)); err != nil {
			t.Fatalf("gone before the item is there: %v", err)
		}
		s.hang(1 + 2*(n/2))
		e2etest.Until(t, "a call that hangs, or the result", func() bool {
			return s.hangs.Load() > 0 || len(e.Results()) > n
		})
		e.KillBridge()
		s.answer()
		e.StartBridge()
		e.want(float64(n), "done")
		_, here := os.Stat(filepath.Join(s.behind, name))
		_, there := os.Stat(filepath.Join(s.behind, "done", name))
		if here == nil || (there == nil) != (n%2 == 1) || !e.has(e2etest.Photo(n, 4000)) {
			t.Errorf("%d: here %v, there %v", n, here, there)
		}
	}
	left, err := filepath.Glob(filepath.Join(s.behind, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	if n := len(e.Google.Library()[0].Items); n != 24 {
		t.Errorf("%d items", n)
	}
	e.NoJobs()
}
