package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Nothing that was acknowledged is lost when the process is killed, and nothing
// that was removed comes back.
func TestKill(t *testing.T) {
	t.Parallel()
	cfg := Config{Dir: t.TempDir()}
	want := make(map[string]bool) // jobs and payloads that are there
	for range 10 {
		added, removing, removed := killedWriter(t, cfg.Dir, 20+rand.IntN(100))
		maps.Copy(want, added)
		s := open(t, cfg)
		got := make(map[string]bool)
		for _, j := range list(t, s) {
			got[j.ID] = true
			if added[j.ID] && get(t, s, j.ID) != payloadOf(j.ID) {
				t.Errorf("the payload of %s is not its own", j.ID)
			}
		}
		for id := range want {
			if !got[id] && !removing[id] {
				t.Errorf("%s was acknowledged and is lost", id)
			}
		}
		for id := range removed {
			if got[id] {
				t.Errorf("%s was removed and is back", id)
			}
		}
		want = got // what was not acknowledged may be there too
		n, err := s.SweepPayloads(t.Context(), func(name string) bool { return got[name] })
		if err != nil || n > 4 {
			t.Errorf("swept %d payloads of 4 writers, %v", n, err)
		}
		s.stop() // no census: the next round begins as after a crash, too
		must(t, s.dir.unlock())
	}
	if len(want) == 0 {
		t.Error("no job was acknowledged in 10 rounds")
	}
}

// killedWriter lets another process write until n lines have come from it, and
// kills it in the middle of what it does. It returns the jobs that were
// acknowledged and not removed, those of them whose removal had begun, and those
// that were removed.
func killedWriter(t *testing.T, dir string, n int) (added, removing, removed map[string]bool) {
	t.Helper()
	cmd := child(t, "write", dir)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	added, removing, removed = make(map[string]bool), make(map[string]bool), make(map[string]bool)
	lines := bufio.NewScanner(out)
	for i := 0; lines.Scan(); i++ {
		what, id, _ := strings.Cut(lines.Text(), " ")
		switch what {
		case "added":
			added[id] = true
		case "removing":
			removing[id] = true
		case "removed":
			delete(added, id)
			removed[id] = true
		default:
			t.Errorf("child: %s", lines.Text())
		}
		if i == n {
			must(t, cmd.Process.Kill()) // what it wrote before is still read
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the child ended by itself")
	}
	return added, removing, removed
}

// writeUntilKilled is the child: four writers that add jobs with payloads, save
// them, and remove every third. A line is printed after each acknowledgement.
func writeUntilKilled(dir string) {
	ctx := context.Background()
	s, err := Open(ctx, Config{Dir: dir, Log: quiet()})
	if err != nil {
		fmt.Println("open:", err)
		os.Exit(1)
	}
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				j := job(fmt.Sprintf("%d-%d-%d", os.Getpid(), w, i))
				j.Files[0].Payload = j.ID
				err := s.PutPayload(ctx, j.ID, strings.NewReader(payloadOf(j.ID)))
				err = errors.Join(err, s.AddJob(ctx, j))
				if err == nil {
					fmt.Println("added", j.ID)
					err = s.SaveJob(ctx, j)
				}
				if err == nil && i%3 == 0 {
					fmt.Println("removing", j.ID)
					if err = s.RemoveJob(ctx, j); err == nil {
						fmt.Println("removed", j.ID)
					}
				}
				if err != nil {
					fmt.Println("write:", err)
					os.Exit(1)
				}
			}
		})
	}
	wg.Wait()
}

func payloadOf(id string) string { return strings.Repeat(id+" ", 100+len(id)) }

// A block that the engine has written is read by checkBlocks to its last byte,
// whatever it did: otherwise a new version of the engine writes another form.
func TestBlocksOfTheEngineAreUnderstood(t *testing.T) {
	t.Parallel()
	cfg := Config{Dir: t.TempDir()}
	s := open(t, cfg)
	for i := range 300 {
		j := job(fmt.Sprintf("%03d", i))
		j.Files = slices.Repeat(j.Files, 40) // enough for a second block
		add(t, s, j)
		if i%2 == 0 {
			must(t, s.SaveJob(t.Context(), j))
		}
		if i%3 == 0 {
			must(t, s.RemoveJob(t.Context(), j))
		}
	}
	closeStore(t, s)
	blocks := jobBlocks(t, cfg.Dir)
	if len(blocks) < 2 {
		t.Fatalf("only %d block", len(blocks))
	}
	for _, path := range blocks {
		data, err := os.ReadFile(path)
		must(t, err)
		if good, err := checkBlock(path, data); good != len(data) || err != nil {
			t.Errorf("%s: %d of %d bytes, %v", path, good, len(data), err)
		}
	}
	closeStore(t, open(t, cfg))
}
