package files

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"gphotos2mqtt/e2e/e2etest"
	"gphotos2mqtt/photos/photosim"
)

// A photo of which half is written is uploaded when the rest is, also after a kill in between.
func TestHalfAPhoto(t *testing.T) {
	e := newEnv(t)
	photo := e2etest.Photo(1, 4277)
	path := e.write("half.jpg", photo[:2000])
	e.pub(fmt.Sprintf(`{"path": %q, "transaction": 1}`, path))
	e.accepted(1)
	e.waitsFor("file_unfinished")
	other := e2etest.Photo(2, 5000)
	e.Publish("gphotos/home/upload", other) // nothing waits for it
	e.Until("another upload", func() bool { return e.has(other) })
	e.KillBridge()
	e.StartBridge()
	e.waitsFor("file_unfinished")
	e.write("half.jpg", photo)
	e.want(1, "done")
	if !e.has(photo) || len(e.Google.Library()[0].Items) != 2 {
		t.Errorf("library: %+v", e.Google.Library()[0].Items)
	}
	e.NoJobs()
}

// What is there of a file may be too little to tell its kind. A text that is no more than that is refused when it is quiet.
func TestFileHasJustBegun(t *testing.T) {
	e := newEnv(t)
	photo := e2etest.Photo(1, 4277)
	path := e.write("begun.jpg", photo[:2])
	e.pub(fmt.Sprintf(`{"path": %q, "transaction": 1}`, path))
	e.accepted(1)
	e.write("begun.jpg", photo)
	e.want(1, "done")
	if !e.has(photo) {
		t.Error("another content was uploaded")
	}
	e.pub(fmt.Sprintf(`{"path": %q, "transaction": 2}`, e.write("text.jpg", []byte("no picture"))))
	if got := e.result(2); got.Items[0].Error.Code != "unsupported_type" {
		t.Errorf("a text: %+v", got)
	}
	e.Bridge.Expect("text.jpg is a text file") // in the log
}

// A recording that grows, of a kind without an end, is uploaded as a whole.
func TestClipThatGrows(t *testing.T) {
	e := newEnv(t)
	packets := bytes.Repeat(append([]byte{0x47, 0x40, 0x00, 0x10}, make([]byte, 184)...), 2000)
	for n := range 2000 {
		packets[188*n+100] = byte(n) // no two alike
	}
	path := e.write("clip.ts", packets[:188*100])
	e.pub(fmt.Sprintf(`{"path": %q, "transaction": 1}`, path))
	e.accepted(1)
	clip, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	e2etest.Must(t, err)
	for n := 100; n < 2000; n += 100 {
		_, err := clip.Write(packets[188*n : 188*(n+100)])
		e2etest.Must(t, err)
		time.Sleep(200 * time.Millisecond) // as a camera writes
		if len(e.Results()) > 0 {
			t.Fatalf("taken while it was written: %+v", e.Results())
		}
	}
	e2etest.Must(t, clip.Close())
	e.want(1, "done")
	if !e.has(packets) {
		t.Error("another content was uploaded")
	}
}

// ffmpeg writes the directory of an MP4 at its end: the clip is taken when it is there.
func TestClipOfFFmpeg(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("no ffmpeg")
	}
	e := newEnv(t)
	record := exec.Command("ffmpeg", "-loglevel", "error", "-re", "-f", "lavfi", "-i", "testsrc=duration=5:rate=10", "-pix_fmt", "yuv420p", e.path("clip.mp4"))
	e2etest.Must(t, record.Start())
	e2etest.Until(t, "the clip to begin", func() bool {
		info, err := os.Stat(e.path("clip.mp4"))
		return err == nil && info.Size() > 0
	})
	e.pub(fmt.Sprintf(`{"path": %q, "transaction": 1}`, e.path("clip.mp4")))
	e.accepted(1)
	e2etest.Must(t, record.Wait())
	e.want(1, "done")
	clip, err := os.ReadFile(e.path("clip.mp4"))
	e2etest.Must(t, err)
	if !e.has(clip) {
		t.Error("another content was uploaded")
	}
}

// The command comes before the file; in one command the other files go on. What never comes is not_found.
func TestCommandComesFirst(t *testing.T) {
	e := newEnv(t, "GPHOTOS_MEDIA_WAIT=1s")
	first, there := e2etest.Photo(1, 4000), e2etest.Photo(2, 4000)
	path := e.write("there.jpg", there)
	e.pub(fmt.Sprintf(`{"paths": [%q, %q], "wait": 3600, "transaction": 1}`, e.path("later.jpg"), path))
	e.pub(fmt.Sprintf(`{"path": %q, "transaction": 2}`, e.path("never.jpg")))
	e.pub(fmt.Sprintf(`{"path": %q, "wait": 0, "transaction": 3}`, e.path("never.jpg")))
	if got := e.result(3); got.Job != "" || got.Items[0].Error.Code != "not_found" {
		t.Errorf("without waiting: %+v", got)
	}
	e.Until("the file that is there", func() bool { return e.has(there) })
	if got := e.result(2); got.Items[0].Error.Code != "not_found" || got.Job == "" {
		t.Errorf("after the setting's time: %+v", got)
	}
	e.waitsFor("file_missing")
	e.Bridge.Stop(0)
	e.StartBridge()
	e.waitsFor("file_missing")
	e.write("later.jpg", first)
	e.want(1, "done")
	if !e.has(first) {
		t.Error("not uploaded")
	}
}

// One snapshot path, twelve commands, overwritten in between: twelve items.
func TestTwelveSnapshots(t *testing.T) {
	e := newEnv(t)
	for n := range 12 {
		path := e.write("snapshot.jpg", e2etest.Photo(n, 30_000))
		e.pub(fmt.Sprintf(`{"path": %q, "transaction": %d}`, path, n))
		e.accepted(1)
	}
	for n := range 12 {
		e.want(float64(n), "done")
		if !e.has(e2etest.Photo(n, 30_000)) {
			t.Errorf("snapshot %d is missing", n)
		}
	}
}

// The media folder is what is there when it is used: mounted late, made anew, linked elsewhere, missing at the start.
func TestFolderComesLate(t *testing.T) {
	e := newEnv(t)
	n := 0
	upload := func(what string) {
		t.Helper()
		n++
		path := e.write(fmt.Sprint(n, ".jpg"), e2etest.Photo(n, 4000))
		e.pub(fmt.Sprintf(`{"path": %q, "transaction": %d}`, path, n))
		if got := e.result(float64(n)); got.Status != "done" {
			t.Errorf("%s: %+v", what, got)
		}
	}
	upload("at first")
	e2etest.Must(t, os.Rename(e.Media, e.Media+".old"))
	e2etest.Must(t, os.Mkdir(e.Media, 0o755))
	upload("moved away and made")
	e2etest.Must(t, os.Rename(e.Media, e.Media+".a"))
	e2etest.Must(t, os.Symlink(e.Media+".a", e.Media))
	upload("a link")
	e2etest.Must(t, os.Mkdir(e.Media+".b", 0o755))
	e2etest.Must(t, exec.Command("ln", "-sfn", e.Media+".b", e.Media).Run())
	upload("the link leads elsewhere")

	e.Bridge.Stop(0)
	e2etest.Must(t, os.Remove(e.Media))
	e.StartBridge()
	if problem := e.folder(e.Media, false); problem == "" {
		t.Error("no problem in bridge/health")
	}
	e.Bridge.Expect("media folder is not available")
	e2etest.Must(t, os.Mkdir(e.Media, 0o755))
	upload("missing at the start")
	e.folder(e.Media, true)
	if err := syscall.Mount("none", e.Media, "tmpfs", 0, ""); err != nil {
		t.Skip("no mounts for this test:", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(e.Media, syscall.MNT_DETACH) })
	upload("mounted late")
	e2etest.Must(t, syscall.Unmount(e.Media, 0))
	upload("unmounted")
}

// A large file whose share is away at its turn waits for it, also over a restart.
func TestShareOfALargeFileIsAway(t *testing.T) {
	e := newEnv(t, "GPHOTOS_SPOOL_COPY=100KB", "GPHOTOS_SPOOL_MAX=10MB")
	behind := t.TempDir()
	if err := syscall.Mount(behind, e.Media, "", syscall.MS_BIND, ""); err != nil {
		t.Skip("no mounts for this test:", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(e.Media, syscall.MNT_DETACH) })
	photo := e2etest.Photo(1, 6<<20)
	e2etest.Must(t, e.Google.Faults(photosim.Fault{Route: "uploads.start", Calls: photosim.Calls{1}, Mode: photosim.Refuse, Error: "unavailable"}))
	e.pub(fmt.Sprintf(`{"path": %q, "transaction": 1}`, e.write("large.jpg", photo)))
	e.accepted(1)
	e2etest.Must(t, syscall.Unmount(e.Media, syscall.MNT_DETACH))
	e.waitsFor("file_missing")
	e.Bridge.Stop(0)
	e.StartBridge()
	e.waitsFor("file_missing")
	e2etest.Must(t, syscall.Mount(behind, e.Media, "", syscall.MS_BIND, ""))
	e.want(1, "done")
	if !e.has(photo) {
		t.Error("another content was uploaded")
	}
}
