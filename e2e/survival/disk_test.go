package survival

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A disk that is nearly full refuses new uploads; one that is full ends the bridge
// with a sentence; with some space freed the queued upload is made.
func TestFullDisk(t *testing.T) {
	h := newHouse(t)
	if !h.onSmallDisk(48 << 20) {
		return // bridge/store's TestLimitedFiles stands in where nothing may be mounted
	}
	h.sim("POST", "faults", `[{"route": "uploads.*", "mode": "refuse", "error": "unavailable"}]`, nil)
	h.publish("gphotos/home/upload", photo(1, 20_000))
	h.ear.await(t, "accepted", func() bool { return h.ear.count("gphotos/home/upload/result", "") == 1 })
	first := h.fillDisk("ballast", 2<<20)
	h.publish("gphotos/home/upload", photo(2, 20_000))
	h.ear.await(t, "the refusal", func() bool { return len(h.ear.results()) == 1 })
	if text := string(h.ear.all("gphotos/home/upload/result")[1]); !contains(text, `"busy"`, "disk is full", "free some space") {
		t.Errorf("refusal: %s", text)
	}
	h.fillDisk("rest", 0)
	h.bridge.exited(1) // when it next tries the upload and writes that down
	if text := h.bridge.text(); !contains(text, "bridge failed", "free some space") {
		t.Errorf("the bridge said:\n%s", text)
	}
	h.launch()
	h.bridge.exited(1)
	h.must(os.Remove(first))
	h.sim("POST", "faults", "[]", nil)
	h.startBridge()
	h.ear.await(t, "the result", func() bool { return len(h.ear.results()) == 2 })
	if r := h.ear.results()[1]; r.Status != "done" || len(h.library().Items) != 1 {
		t.Errorf("result: %+v", r)
	}
	h.bridge.stop(0)
}

// A disk that the kernel has made read-only, as it does after errors.
func TestReadOnlyDisk(t *testing.T) {
	h := newHouse(t)
	if !h.onSmallDisk(48 << 20) {
		return // as above
	}
	h.bridge.stop(0)
	h.must(syscall.Mount("", h.data, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	h.launch()
	h.bridge.exited(1)
	if text := h.bridge.text(); !contains(text, "bridge failed", "read-only", "GPHOTOS_DATA_DIR") {
		t.Errorf("the bridge said:\n%s", text)
	}
	h.must(syscall.Mount("", h.data, "", syscall.MS_REMOUNT, ""))
	h.startBridge()
	h.bridge.stop(0)
}

// A byte on the disk that is not what was written: the bridge says so before it
// throws anything away.
func TestDamagedStore(t *testing.T) {
	h := newHouse(t)
	h.sim("POST", "faults", `[{"route": "uploads.*", "mode": "refuse", "error": "unavailable"}]`, nil)
	h.publish("gphotos/home/upload", photo(1, 20_000))
	h.ear.await(t, "accepted", func() bool { return h.ear.count("gphotos/home/upload/result", "") == 1 })
	h.bridge.stop(0)
	blocks, err := filepath.Glob(filepath.Join(h.data, "jetstream", "*", "streams", "KV_jobs", "msgs", "*.blk"))
	h.must(err)
	whole, err := os.ReadFile(blocks[0])
	h.must(err)
	broken := append([]byte{}, whole...)
	broken[len(broken)/2] ^= 0x20
	h.must(os.WriteFile(blocks[0], broken, 0o600))
	for range 2 { // it stays so until somebody has looked
		h.launch()
		h.bridge.exited(1)
		if text := h.bridge.text(); !contains(text, "bridge failed", "damaged", "backup") {
			t.Errorf("the bridge said:\n%s", text)
		}
	}
	h.must(os.WriteFile(blocks[0], whole, 0o600))
	h.sim("POST", "faults", "[]", nil)
	h.startBridge()
	h.ear.await(t, "the result", func() bool { return len(h.ear.results()) == 1 })
	h.awaitNoJobs()
	h.wantEmpty()
}

// onSmallDisk moves the bridge's data to a disk of its own, where that is allowed.
func (h *house) onSmallDisk(size int64) bool {
	h.t.Helper()
	h.bridge.stop(0)
	disk := filepath.Join(h.dir, "disk")
	h.must(os.Mkdir(disk, 0o700))
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, fmt.Sprint("size=", size)); errors.Is(err, syscall.EPERM) {
		return false
	} else if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
	h.must(os.CopyFS(disk, os.DirFS(h.data)))
	h.must(os.RemoveAll(h.data))
	h.data = disk
	h.settings = append(h.settings, "GPHOTOS_DATA_DIR="+disk)
	h.startBridge()
	return true
}

// fillDisk writes a file until only so many bytes are free.
func (h *house) fillDisk(name string, leave int64) string {
	h.t.Helper()
	var fs syscall.Statfs_t
	h.must(syscall.Statfs(h.data, &fs))
	path := filepath.Join(h.data, name)
	free := int64(fs.Bavail) * fs.Bsize
	err := os.WriteFile(path, make([]byte, max(free-leave, 0)), 0o600)
	if err != nil && !errors.Is(err, syscall.ENOSPC) {
		h.t.Fatal(err)
	}
	return path
}

// contains reports whether a text has all these parts.
func contains(text string, parts ...string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}
