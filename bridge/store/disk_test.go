package store

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"
)

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
