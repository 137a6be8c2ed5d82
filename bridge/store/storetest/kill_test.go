package storetest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/cluster/clustertest"
)

// childEnv and engineEnv name the folder in which a test binary that is started again
// writes until it is killed, and its engine.
const (
	childEnv  = "GPHOTOS_STORETEST_DIR"
	engineEnv = "GPHOTOS_STORETEST_ENGINE"
)

func TestMain(m *testing.M) {
	clustertest.Serve()
	if dir := os.Getenv(childEnv); dir != "" {
		writeUntilKilled(engines[os.Getenv(engineEnv)], dir)
	}
	goleak.VerifyTestMain(m)
}

// known is what the lines of a child say, and must be true of the store.
type known struct {
	added, removing, removed map[string]bool
	states                   map[string]int // by writer: the newest that was acknowledged
}

// testKill kills writers between any two calls: nothing that was acknowledged is lost,
// and nothing that was removed comes back.
func testKill(t *testing.T, open Opener) {
	t.Helper()
	dir := t.TempDir()
	want := make(map[string]bool) // jobs that are there
	rounds := 12
	if isCluster(t) {
		rounds = 4
	}
	for round := range rounds {
		k := killedWriters(t, dir, 20+rand.IntN(200))
		s, err := open(t.Context(), dir)
		must(t, err)
		maps.Copy(want, k.added)
		got := make(map[string]bool)
		for _, j := range jobs(t, s) {
			got[j.ID] = true
			if !k.removing[j.ID] {
				wantPayload(t, s, j)
			}
		}
		for id := range want {
			if got[id] {
				continue
			}
			if !k.removing[id] {
				t.Errorf("round %d: %s was acknowledged and is lost", round, id)
			} else if _, found, err := s.Receipt(t.Context(), "home", id); !found || err != nil {
				t.Errorf("round %d: %s has gone without a receipt, %v", round, id, err)
			}
		}
		for id := range k.removed {
			if got[id] {
				t.Errorf("round %d: %s was removed and is back", round, id)
			}
		}
		for writer, n := range k.states {
			var state int
			if found, err := s.LoadState(t.Context(), "home", writer, &state); !found || err != nil || state < n {
				t.Errorf("round %d: state %d of %s, want %d, %v", round, state, writer, n, err)
			}
		}
		want = got // what was not acknowledged may be there too
		n, err := s.SweepPayloads(t.Context(), func(name string) bool { return got[name] })
		if err != nil || n > writers {
			t.Errorf("round %d: swept %d payloads of %d writers, %v", round, n, writers, err)
		}
		if damage := s.Damage(); damage != "" {
			t.Error(damage)
		}
		must(t, s.Close())
	}
	if len(want) == 0 {
		t.Error("no job was acknowledged")
	}
}

// killedWriters lets another process write until n lines have come from it, and kills it
// in the middle of what it does.
func killedWriters(t *testing.T, dir string, n int) known {
	t.Helper()
	exe, err := os.Executable()
	must(t, err)
	cmd := exec.CommandContext(t.Context(), exe)
	engine := strings.Split(t.Name(), "/")[1] // TestContract/<engine>/kill
	cmd.Env = append(cmd.Environ(), childEnv+"="+dir, engineEnv+"="+engine)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	k := known{map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]int{}}
	lines := bufio.NewScanner(out)
	for i := 0; lines.Scan(); i++ {
		what, id, _ := strings.Cut(lines.Text(), " ")
		switch what {
		case "added":
			k.added[id] = true
		case "removing":
			k.removing[id] = true
		case "removed":
			k.removed[id] = true
		case "state":
			writer, number, _ := strings.Cut(id, " ")
			k.states[writer], _ = strconv.Atoi(number)
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
	return k
}

const writers = 4

// writeUntilKilled is the child: writers that add jobs with payloads, save them, keep a
// state, and finish every third job. A line is printed after each acknowledgement.
func writeUntilKilled(open Opener, dir string) {
	ctx := context.Background()
	s, err := open(ctx, dir)
	if err != nil {
		say("open:", err)
		os.Exit(1)
	}
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := 0; ; i++ {
				if err := writeOne(ctx, s, fmt.Sprintf("w%d", w), i); err != nil {
					say("write:", err)
					os.Exit(1)
				}
			}
		})
	}
	wg.Wait()
}

func writeOne(ctx context.Context, s *store.Store, writer string, i int) error {
	j := newJob(fmt.Sprintf("%d-%s-%d", os.Getpid(), writer, i))
	err := payload(ctx, s, j)
	if err = errors.Join(err, s.AddJob(ctx, j)); err != nil {
		return err
	}
	say("added", j.ID)
	if err := s.SaveJob(ctx, j); err != nil {
		return err
	}
	n := int(time.Now().UnixNano()) // grows from one child to the next
	if err := s.SaveState(ctx, "home", writer, n); err != nil {
		return err
	}
	say("state", writer, n)
	if i%3 > 0 {
		return nil
	}
	say("removing", j.ID)
	if err := s.FinishJob(ctx, j, store.Receipt{Job: j.ID, Entry: j.Entry, Ran: s.Ran()}); err != nil {
		return err
	}
	say("removed", j.ID)
	return nil
}

func say(words ...any) { _, _ = fmt.Fprintln(os.Stdout, words...) } // a parent that is gone kills anyway
