package survival

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"gphotos2mqtt/e2e/e2etest"
)

// A disk that is nearly full refuses new uploads, and what is queued goes on. One that is
// full ends the bridge with a sentence as soon as something does not fit. With some
// space freed the upload that stopped there is made, each of its files once.
func TestFullDisk(t *testing.T) {
	e := newEnv(t)
	disk := e.onSmallDisk(48 << 20)
	e.faults(unavailable)
	e.upload(e2etest.Photo(1, 20_000))
	e.Expect(e2etest.ResultTopic, "accepted", nil)
	ballast := fillDisk(t, disk, "ballast", 2<<20)
	e.upload(e2etest.Photo(2, 20_000))
	refusal := string(e.Expect(e2etest.ResultTopic, "the refusal", nil).Payload)
	if !contains(refusal, `"busy"`, "disk is full", "free some space") {
		t.Errorf("refusal: %s", refusal)
	}
	e.faults()
	if r := e.awaitResults(2)[1]; r.Status != "done" || len(e.library().Items) != 1 {
		t.Errorf("result on a nearly full disk: %+v", r)
	}
	e2etest.Must(t, os.Remove(ballast))
	e.upload(e2etest.Photo(2, 20_000))
	if r := e.awaitResults(3)[2]; r.Status != "done" || len(e.library().Items) != 2 {
		t.Errorf("result of what was refused: %+v", r)
	}

	// The record of this one grows with each file that is sent, and by its result: that
	// does not fit into what is free within the database.
	e.faults(unavailable)
	e.Forget(e2etest.ResultTopic)
	e.upload(e.largeCommand())
	e.Expect(e2etest.ResultTopic, "accepted", nil)
	ballast = fillDisk(t, disk, "ballast", 0)
	e.faults()
	for n, ended := 0, false; n < 3000 && !ended; n++ { // each leaves a receipt, if what is free within the database took the rest
		e.Publish("gphotos/home/request/jobs", fmt.Appendf(nil, `{"id": "%d"}`, n))
		select {
		case <-e.Bridge.Done():
			ended = true
		default:
		}
	}
	for range 2 { // it stays so until somebody has made room
		e.Bridge.Exited(1)
		if text := e.Bridge.Output(); !contains(text, "bridge failed", "disk is full", "free some space", "GPHOTOS_DATA_DIR") {
			t.Errorf("the bridge said:\n%s", text)
		}
		e.Bridge = e.Run()
	}
	e.Bridge.Exited(1)
	e2etest.Must(t, os.Remove(ballast))
	e.StartBridge()
	if r := e.awaitResults(4)[3]; r.Status != "done" || len(r.Items) != filesOfLarge || len(e.library().Items) != 2+filesOfLarge {
		t.Errorf("%d items after result %+v", len(e.library().Items), r)
	}
	e.NoJobs()
	e.wantEmpty()
}

const filesOfLarge = 50

// largeCommand is an upload of many files, of which much is to be written down.
func (e *env) largeCommand() []byte {
	e.Helper()
	var files []map[string]string
	for n := range filesOfLarge {
		path := filepath.Join(e.Media, fmt.Sprintf("%s%d.jpg", strings.Repeat("x", 200), n))
		e2etest.Must(e, os.WriteFile(path, e2etest.Photo(100+n, 20_000), 0o600))
		files = append(files, map[string]string{"path": path, "description": strings.Repeat("x", 900)})
	}
	command, err := json.Marshal(map[string]any{"files": files})
	e2etest.Must(e, err)
	return command
}

// A disk that the kernel has made read-only, as it does after errors.
func TestReadOnlyDisk(t *testing.T) {
	e := newEnv(t)
	disk := e.onSmallDisk(48 << 20)
	e.faults(unavailable)
	e.upload(e2etest.Photo(1, 20_000))
	e.Expect(e2etest.ResultTopic, "accepted", nil)
	e.Bridge.Stop(0)
	e2etest.Must(t, syscall.Mount("", disk, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	for range 2 {
		e.Bridge = e.Run()
		e.Bridge.Exited(1)
		if text := e.Bridge.Output(); !contains(text, "bridge failed", "cannot be written", "read-only", "GPHOTOS_DATA_DIR") {
			t.Errorf("the bridge said:\n%s", text)
		}
	}
	e2etest.Must(t, syscall.Mount("", disk, "", syscall.MS_REMOUNT, ""))
	e.faults()
	e.StartBridge()
	if r := e.awaitResults(1)[0]; r.Status != "done" || len(e.library().Items) != 1 {
		t.Errorf("result: %+v", r)
	}
	e.NoJobs()
	e.wantEmpty()
}

// onSmallDisk moves the bridge's data to a disk of its own. Where nothing may be mounted,
// bridge/store's TestLimitedFiles stands in for the test.
func (e *env) onSmallDisk(size int64) (disk string) {
	e.Helper()
	e.Bridge.Stop(0)
	disk = filepath.Join(e.Dir, "disk")
	e2etest.Must(e, os.Mkdir(disk, 0o700))
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, fmt.Sprint("size=", size)); errors.Is(err, syscall.EPERM) {
		e.Skip("no disk of its own for this test:", err)
	} else if err != nil {
		e.Fatal(err)
	}
	e.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
	data := filepath.Join(disk, "data")
	e2etest.Must(e, os.CopyFS(data, os.DirFS(e.Data)))
	e2etest.Must(e, os.RemoveAll(e.Data))
	e.Data = data
	e.Settings = append(e.Settings, "GPHOTOS_DATA_DIR="+data)
	e.StartBridge()
	return disk
}

// fillDisk writes a file until only so many bytes are free.
func fillDisk(t *testing.T, disk, name string, leave int64) (path string) {
	t.Helper()
	var fs syscall.Statfs_t
	e2etest.Must(t, syscall.Statfs(disk, &fs))
	path = filepath.Join(disk, name)
	free := int64(fs.Bavail) * fs.Bsize
	err := os.WriteFile(path, make([]byte, max(free-leave, 0)), 0o600)
	if err != nil && !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	return path
}

// contains reports whether a text has all these parts.
func contains(text string, parts ...string) bool {
	return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(text, part) })
}
