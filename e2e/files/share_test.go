package files

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gphotos2mqtt/e2e/e2etest"
)

// soon is for what must not be held up by a share that hangs, with room for a busy machine.
const soon = 3 * time.Second

// within fails the test when something took longer than soon.
func within(t *testing.T, what string, do func()) {
	t.Helper()
	began := time.Now()
	do()
	if took := time.Since(began); took > soon {
		t.Errorf("%s took %v", what, took)
	}
}

// newShare is an environment with a share beside its media folder.
func newShare(t *testing.T) (*env, *share) {
	t.Helper()
	s := mountShare(t)
	e := newEnv(t, "GPHOTOS_SPOOL_COPY=1MB")
	e.Bridge.Stop(0)
	e.Settings = append(e.Settings, "GPHOTOS_MEDIA_DIRS="+e.Media+":"+s.dir)
	e.StartBridge()
	return e, s
}

// photo puts a photo on the share and returns its path there.
func (s *share) photo(t *testing.T, n, size int) string {
	t.Helper()
	name := fmt.Sprint(n, ".jpg")
	e2etest.Must(t, os.WriteFile(filepath.Join(s.behind, name), e2etest.Photo(n, size), 0o644))
	return filepath.Join(s.dir, name)
}

// 25 paths on a share that hangs: all are accepted, few reads hang, and nothing else is held up, not even a stop.
func TestShareHangs(t *testing.T) {
	e, s := newShare(t)
	for n := range 25 {
		s.photo(t, n, 4000)
	}
	s.hang(0)
	within(t, "25 commands to be accepted", func() {
		for n := range 25 {
			e.pub(fmt.Sprintf(`{"path": "%s/%d.jpg", "transaction": %d}`, s.dir, n, n))
		}
		e.accepted(25)
	})
	e.waitsFor("folder_silent")
	if problem := e.folder(s.dir, false); problem == "" {
		t.Error("no problem in bridge/health")
	}
	e.Bridge.Expect("media folder is not available")
	within(t, "a file of another folder, bytes, and a request", func() {
		e.pub(fmt.Sprintf(`{"path": %q, "transaction": 100}`, e.write("a.jpg", e2etest.Photo(100, 4000))))
		e.want(100, "done")
		other := e2etest.Photo(101, 4000)
		e.Publish("gphotos/home/upload", other)
		e.Until("the bytes", func() bool { return e.has(other) })
		if r := e.Request("albums", ""); r.Status != "ok" {
			t.Errorf("answer: %+v", r)
		}
	})
	if n := s.hangs.Load(); n > 4 {
		t.Errorf("%d calls hang", n)
	}
	within(t, "a stop", func() { e.Bridge.Stop(0) })
	e.StartBridge()
	e.waitsFor("folder_silent")
	s.answer()
	for n := range 25 {
		e.want(float64(n), "done")
	}
	e.folder(s.dir, true)
	e.Bridge.Expect("media folders are available again")
	e.NoJobs()
}

// A share that falls silent in the middle of a copy, or while a large file is sent, lets that file wait.
func TestShareHangsInTheMiddle(t *testing.T) {
	for name, size := range map[string]int{"of a copy": 900_000, "of sending": 9 << 20} {
		t.Run(name, func(t *testing.T) {
			for _, after := range []int{3, 5, 8, 20} {
				t.Run(fmt.Sprint(after, " calls"), func(t *testing.T) {
					e, s := newShare(t)
					path := s.photo(t, 1, size)
					s.hang(after)
					e.pub(fmt.Sprintf(`{"path": %q, "transaction": 1}`, path))
					e.accepted(1)
					e.Until("the file to wait, or to be through", func() bool { return s.hangs.Load() > 0 || len(e.Results()) > 0 })
					if s.hangs.Load() > 0 {
						e.waitsFor("folder_silent")
					}
					s.answer()
					e.want(1, "done")
					if !e.has(e2etest.Photo(1, size)) {
						t.Error("another content was uploaded")
					}
				})
			}
		})
	}
}

// A link that leads from a disk to a share is the share's affair: what else is on the disk goes on.
func TestLinkToAShareThatHangs(t *testing.T) {
	e, s := newShare(t)
	e2etest.Must(t, os.Symlink(s.dir, e.path("cam")))
	for n := range 8 {
		s.photo(t, n, 4000)
	}
	s.hang(0)
	for n := range 8 {
		e.pub(fmt.Sprintf(`{"path": "%s/%d.jpg", "transaction": %d}`, e.path("cam"), n, n))
	}
	e.accepted(8)
	within(t, "a file of the disk", func() {
		e.pub(fmt.Sprintf(`{"path": %q, "transaction": 100}`, e.write("a.jpg", e2etest.Photo(100, 4000))))
		e.want(100, "done")
	})
	e.folder(s.dir, false)
	e.folder(e.Media, true)
	s.answer()
	for n := range 8 {
		e.want(float64(n), "done")
	}
}

// The command that says what is wrong does not hang either.
func TestCheckOfAShareThatHangs(t *testing.T) {
	e, s := newShare(t)
	s.hang(0)
	check := e.Run("check")
	check.Expect(s.dir + " does not answer")
	check.Expect("can be read") // the other folder
	e2etest.Until(t, "the end", check.Over)
}

// What is saved to a share that hangs is answered.
func TestSaveToAShareThatHangs(t *testing.T) {
	e, s := newShare(t)
	e.Publish("gphotos/home/upload", e2etest.Photo(1, 4000))
	e.Until("an item", func() bool { return len(e.Google.Library()[0].Items) == 1 })
	id := e.Google.Library()[0].Items[0].ID
	s.hang(0)
	if r := e.Request("media/save", fmt.Sprintf(`{"media_item_id": %q, "path": "%s/saved.jpg"}`, id, s.dir)); r.Error.Code != "unreadable" {
		t.Errorf("answer: %+v", r)
	}
	s.answer()
	e.Until("the file", func() bool {
		return e.Request("media/save", fmt.Sprintf(`{"media_item_id": %q, "path": "%s/saved.jpg"}`, id, s.dir)).Status == "ok"
	})
}
