package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A full disk: new uploads are refused while there is still room for what is
// queued; when that is gone too, the store ends and says so; and with some space
// freed everything is there again.
func TestFullDisk(t *testing.T) {
	dir := smallDisk(t, 16<<20)
	if dir == "" {
		return // TestLimitedFiles stands in where nothing may be mounted
	}
	cfg := Config{Dir: filepath.Join(dir, "data")}
	s := open(t, cfg)
	put(t, s, "bytes", "the bytes")
	old := job("01A", "bytes")
	add(t, s, old)

	ballast := filepath.Join(dir, "ballast")
	fillDisk(t, ballast, 1<<20)
	if err := s.PutPayload(t.Context(), "more", strings.NewReader("more")); !errors.Is(err, ErrFull) || errors.Is(err, ErrEngine) {
		t.Errorf("put on a nearly full disk = %v", err)
	}
	if err := s.AddJob(t.Context(), job("01B")); !errors.Is(err, ErrFull) || errors.Is(err, ErrEngine) {
		t.Errorf("add on a nearly full disk = %v", err)
	}
	must(t, s.SaveJob(t.Context(), old))

	fillDisk(t, filepath.Join(dir, "ballast2"), 0)
	var err error
	for err == nil {
		old.Attempts++
		err = s.SaveJob(t.Context(), old)
	}
	wantFull(t, err)
	wantFull(t, <-s.Failed())
	wantFull(t, s.SaveState(t.Context(), "home", "x", 1))
	wantFull(t, s.Close())

	if _, err := Open(t.Context(), Config{Dir: cfg.Dir, Log: quiet()}); !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "free some space") {
		t.Errorf("open on a full disk = %v", err)
	}
	must(t, os.Remove(ballast))
	s = opened(t, cfg)
	got := list(t, s)
	if len(got) != 1 || got[0].Attempts != old.Attempts-1 || get(t, s, "bytes") != "the bytes" {
		t.Errorf("after freeing space: %v", got)
	}
	must(t, s.SaveJob(t.Context(), got[0]))
}

// A disk that becomes read-only, as Linux makes one that has errors.
func TestReadOnlyDisk(t *testing.T) {
	dir := smallDisk(t, 16<<20)
	if dir == "" {
		return // TestDirectoryThatCannotBeUsed stands in where nothing may be mounted
	}
	cfg := Config{Dir: filepath.Join(dir, "data")}
	s := open(t, cfg)
	add(t, s, job("01A"))
	closeStore(t, s)
	must(t, syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	if _, err := Open(t.Context(), Config{Dir: cfg.Dir, Log: quiet()}); !errors.Is(err, ErrReadOnly) {
		t.Errorf("open = %v", err)
	}
	must(t, syscall.Mount("", dir, "", syscall.MS_REMOUNT, ""))
	if got := ids(list(t, opened(t, cfg))); len(got) != 1 {
		t.Errorf("jobs = %v", got)
	}
}

// The same as a full disk, for any user on any machine: files may grow to 256 KiB.
func TestLimitedFiles(t *testing.T) {
	t.Parallel()
	cfg := Config{Dir: t.TempDir()}
	cmd := child(t, "fill", cfg.Dir)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	var added []string
	var end string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if id, ok := strings.CutPrefix(lines.Text(), "added "); ok {
			added = append(added, id)
		} else {
			end += lines.Text() + "\n"
		}
	}
	must(t, cmd.Wait())
	if len(added) == 0 || strings.Count(end, ErrFull.Error()) != 2 || strings.Count(end, ErrEngine.Error()) != 2 {
		t.Errorf("after %d jobs the child said\n%s", len(added), end)
	}
	got := ids(list(t, opened(t, cfg)))
	if len(got) < len(added) {
		t.Errorf("%d jobs were acknowledged, and %d are there", len(added), len(got))
	}
}

// fillLimitedFiles is the child: it adds jobs until the engine can write no more.
func fillLimitedFiles(dir string) {
	signal.Ignore(syscall.SIGXFSZ)
	ctx := context.Background()
	s, err := Open(ctx, Config{Dir: dir, Log: quiet()})
	if err != nil {
		fmt.Println("open:", err)
		os.Exit(1)
	}
	limit := syscall.Rlimit{Cur: 256 << 10, Max: 256 << 10}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		fmt.Println("limit:", err)
		os.Exit(1)
	}
	for i := 0; ; i++ {
		j := job(fmt.Sprintf("%06d", i))
		if err := s.AddJob(ctx, j); err != nil {
			fmt.Println("add:", strings.ReplaceAll(err.Error(), "\n", " "))
			break
		}
		fmt.Println("added", j.ID)
	}
	select {
	case err := <-s.Failed():
		fmt.Println("failed:", err)
	case <-time.After(10 * time.Second):
		fmt.Println("nothing on Failed")
	}
	os.Exit(0)
}

// smallDisk mounts a disk of its own for a test, "" when this user may not.
func smallDisk(t *testing.T, size int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", size)); err != nil {
		if !errors.Is(err, syscall.EPERM) && !errors.Is(err, syscall.EACCES) {
			t.Fatal(err)
		}
		t.Logf("no disk of its own for this test: %v", err)
		return ""
	}
	t.Cleanup(func() { must(t, syscall.Unmount(dir, 0)) })
	return dir
}

// fillDisk writes a file until no more than left bytes are free.
func fillDisk(t *testing.T, path string, left uint64) {
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
	if !errors.Is(err, ErrFull) || !errors.Is(err, ErrEngine) {
		t.Errorf("error = %v", err)
	}
}
