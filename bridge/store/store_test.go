package store

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/sirupsen/logrus"
	"go.uber.org/goleak"

	"gphotos2mqtt/bridge/store/storetest"
)

// childEnv names what the test binary does when a test has started it again, to
// be killed or to be put under a limit.
const childEnv = "GPHOTOS_STORE_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childEnv) {
	case "write":
		writeUntilKilled(os.Args[1])
	case "fill":
		fillLimitedFiles(os.Args[1])
	default:
		goleak.VerifyTestMain(m)
	}
}

// child starts the test binary again.
func child(t *testing.T, what, dir string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, dir)
	cmd.Env = append(os.Environ(), childEnv+"="+what)
	cmd.Stderr = t.Output()
	return cmd
}

func quiet() *logrus.Entry {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return logrus.NewEntry(log)
}

func open(t *testing.T, cfg Config) *Store {
	t.Helper()
	cfg.Log = quiet()
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func opened(t *testing.T, cfg Config) *Store {
	t.Helper()
	s := open(t, cfg)
	t.Cleanup(func() { closeStore(t, s) })
	return s
}

func closeStore(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// crash ends a store as a kill would leave its files.
func crash(t *testing.T, s *Store) {
	t.Helper()
	closeStore(t, s)
	stale, err := filepath.Glob(filepath.Join(s.dir.engine(), "*", "streams", "*", "msgs", "index.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(stale, s.dir.closed()) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReopen(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testing.T, *Store){"closed": closeStore, "crashed": crash} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := Config{Dir: filepath.Join(t.TempDir(), "data")}
			s := open(t, cfg)
			want := job("01A", "bytes")
			put(t, s, "bytes", "the bytes")
			add(t, s, want)
			receipt := Receipt{Job: "01A", Entry: "home", CommandID: "c", At: want.Received, Delivery: Delivery{7, "h"}}
			must(t, s.SaveReceipt(t.Context(), receipt))
			must(t, s.SaveState(t.Context(), "home", "albums", map[string]string{"Front door": "id"}))
			must(t, s.Links().Save(t.Context(), "home", []byte("token")))
			end(t, s)

			s = opened(t, cfg)
			if diff := cmp.Diff([]*Job{want}, list(t, s), cmpopts.IgnoreUnexported(Job{})); diff != "" {
				t.Error(diff)
			}
			if got := get(t, s, "bytes"); got != "the bytes" {
				t.Errorf("payload = %q", got)
			}
			receipts, err := s.Receipts(t.Context(), "home")
			if diff := cmp.Diff([]Receipt{receipt}, receipts); err != nil || diff != "" {
				t.Error(err, diff)
			}
			var albums map[string]string
			if ok, err := s.LoadState(t.Context(), "home", "albums", &albums); !ok || err != nil || albums["Front door"] != "id" {
				t.Errorf("state = %v, %v, %v", albums, ok, err)
			}
			if token, err := s.Links().Load(t.Context(), "home"); string(token) != "token" || err != nil {
				t.Errorf("link = %q, %v", token, err)
			}
			info, err := os.Stat(cfg.Dir)
			if err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("mode of the directory = %v, %v", info.Mode(), err)
			}
		})
	}
}

// The engine forgets, in a crash, which old revisions it had dropped.
func TestRemovedStaysRemoved(t *testing.T) {
	t.Parallel()
	cfg := Config{Dir: t.TempDir()}
	s := open(t, cfg)
	j := job("01A")
	add(t, s, j)
	for range 3 * maxRevisions {
		must(t, s.SaveJob(t.Context(), j))
	}
	for n := range 3 {
		must(t, s.SaveState(t.Context(), "home", "totals", n))
		must(t, s.Links().Save(t.Context(), "home", []byte{byte(n)}))
	}
	put(t, s, "p", strings.Repeat("x", chunkSize+1))
	put(t, s, "p", "y")
	must(t, s.RemoveJob(t.Context(), j))
	must(t, s.RemovePayload(t.Context(), "p"))
	must(t, s.DeleteState(t.Context(), "home", "totals"))
	must(t, s.Links().Delete(t.Context(), "home"))
	crash(t, s)

	s = opened(t, cfg)
	if jobs := list(t, s); len(jobs) > 0 {
		t.Errorf("job at its %d. revision", jobs[0].revision)
	}
	if n := payloadRecords(t, s); n > 0 {
		t.Errorf("%d records of a payload", n)
	}
	if found, err := s.LoadState(t.Context(), "home", "totals", new(int)); found || err != nil {
		t.Errorf("state = %v, %v", found, err)
	}
	if token, err := s.Links().Load(t.Context(), "home"); token != nil || err != nil {
		t.Errorf("link = %v, %v", token, err)
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	t.Parallel()
	s := opened(t, Config{Dir: t.TempDir()})
	_, err := Open(t.Context(), Config{Dir: s.dir.path, Log: quiet()})
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), "GPHOTOS_DATA_DIR") {
		t.Errorf("error = %v", err)
	}
}

func TestDirectoryThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	for name, test := range map[string]struct {
		dir  string
		want error
		text string
	}{
		"none":         {"", nil, "set GPHOTOS_DATA_DIR"},
		"below a file": {filepath.Join(file, "data"), nil, "is a file"},
		"not writable": {"/sys/gphotos2mqtt", ErrReadOnly, "write access"}, // not even root can make this one
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(t.Context(), Config{Dir: test.dir, Log: quiet()})
			if err == nil || !strings.Contains(err.Error(), test.text) || test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("error = %v", err)
			}
		})
	}
}

func TestClosedStore(t *testing.T) {
	t.Parallel()
	s := open(t, Config{Dir: t.TempDir()})
	closeStore(t, s)
	if err := s.AddJob(t.Context(), job("01A")); !errors.Is(err, ErrClosed) {
		t.Errorf("error = %v", err)
	}
}

func TestEndedContextIsNobodysFault(t *testing.T) {
	t.Parallel()
	s := opened(t, Config{Dir: t.TempDir()})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := s.AddJob(ctx, job("01A"))
	if !errors.Is(err, context.Canceled) || errors.Is(err, ErrEngine) {
		t.Errorf("error = %v", err)
	}
}

// A store in virtual time is what tests of the bridge wait for hours with.
func TestVirtualTime(t *testing.T) {
	storetest.VirtualTime(t)
	synctest.Test(t, func(t *testing.T) {
		s := opened(t, Config{Dir: t.TempDir()})
		put(t, s, "bytes", "the bytes")
		add(t, s, job("01A", "bytes"))
		must(t, s.SaveReceipt(t.Context(), Receipt{Job: "01A", Entry: "home"}))
		start := time.Now()
		time.Sleep(25 * time.Hour)
		if got := get(t, s, "bytes"); len(list(t, s)) != 1 || got != "the bytes" {
			t.Errorf("job or payload is gone, payload = %q", got)
		}
		if receipts, err := s.Receipts(t.Context(), "home"); len(receipts) != 0 || err != nil {
			t.Errorf("receipts after %v = %v, %v", time.Since(start), receipts, err)
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
