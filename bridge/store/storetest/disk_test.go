package storetest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gphotos2mqtt/bridge/store"
)

// testFullDisk: new uploads are refused while there is still room for what is queued;
// when that is gone too, the store ends and says so; and with some space freed
// everything is there again.
func testFullDisk(t *testing.T, open Opener) {
	t.Helper()
	disk := smallDisk(t)
	dir := filepath.Join(disk, "data")
	s, err := open(t.Context(), dir)
	must(t, err)
	old := newJob("01A")
	must(t, payload(t.Context(), s, old))
	must(t, s.AddJob(t.Context(), old))

	ballast := filepath.Join(disk, "ballast")
	fill(t, ballast, 1<<20)
	if _, _, err := s.PutPayload(t.Context(), "more", strings.NewReader("more")); !errors.Is(err, store.ErrFull) || errors.Is(err, store.ErrEngine) {
		t.Errorf("put on a nearly full disk = %v", err)
	}
	if err := s.AddJob(t.Context(), newJob("01B")); !errors.Is(err, store.ErrFull) || errors.Is(err, store.ErrEngine) {
		t.Errorf("add on a nearly full disk = %v", err)
	}
	must(t, s.SaveJob(t.Context(), old))

	fill(t, filepath.Join(disk, "ballast2"), 0)
	for size := 1; err == nil; size *= 2 {
		old.Files[0].Description = strings.Repeat("x", size)
		if err = s.SaveJob(t.Context(), old); err == nil {
			old.Attempts++
		}
	}
	wantFull(t, err)
	wantFull(t, <-s.Failed())
	wantFull(t, s.SaveState(t.Context(), "home", "x", 1))
	wantFull(t, s.Close())

	if _, err := open(t.Context(), dir); !errors.Is(err, store.ErrFull) || !strings.Contains(err.Error(), "free some space") {
		t.Errorf("open on a full disk = %v", err)
	}
	must(t, os.Remove(ballast))
	s = opened(t, open, dir)
	got := jobs(t, s)
	if len(got) != 1 || len(got[0].Files[0].Description) > len(old.Files[0].Description)/2 {
		t.Fatalf("after freeing space: %v", got)
	}
	wantPayload(t, s, got[0])
	must(t, s.SaveJob(t.Context(), got[0]))
	if damage := s.Damage(); damage != "" {
		t.Error(damage)
	}
}

// testReadOnlyDisk is a disk that becomes read-only, as Linux makes one that has errors.
func testReadOnlyDisk(t *testing.T, open Opener) {
	t.Helper()
	disk := smallDisk(t)
	dir := filepath.Join(disk, "data")
	s, err := open(t.Context(), dir)
	must(t, err)
	must(t, s.AddJob(t.Context(), newJob("01A")))
	must(t, s.Close())
	must(t, syscall.Mount("", disk, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	if _, err := open(t.Context(), dir); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("open = %v", err)
	}
	must(t, syscall.Mount("", disk, "", syscall.MS_REMOUNT, ""))
	if got := ids(jobs(t, opened(t, open, dir))); len(got) != 1 {
		t.Errorf("jobs = %v", got)
	}
}

// smallDisk mounts a disk of 16 MiB; who may not do that does not test it.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", 16<<20)); err != nil {
		t.Skipf("no disk of its own for this test: %v", err)
	}
	t.Cleanup(func() { must(t, syscall.Unmount(dir, 0)) })
	return dir
}

// fill writes a file until no more than left bytes of the disk are free.
func fill(t *testing.T, path string, left uint64) {
	t.Helper()
	f, err := os.Create(path)
	must(t, err)
	defer f.Close()
	for page := make([]byte, 4096); ; {
		var fs syscall.Statfs_t
		must(t, syscall.Statfs(filepath.Dir(path), &fs))
		if fs.Bavail*uint64(fs.Bsize) <= left {
			return
		}
		if _, err := f.Write(page); err != nil {
			return
		}
	}
}

func wantFull(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, store.ErrFull) || !errors.Is(err, store.ErrEngine) {
		t.Errorf("error = %v", err)
	}
}
