package store

import (
	"context"
	"errors"
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
	"github.com/sirupsen/logrus/hooks/test"
	"go.uber.org/goleak"

	"gphotos2mqtt/bridge/store/engine"
)

// childEnv names what the test binary does when a test has started it again, to
// be put under a limit.
const childEnv = "GPHOTOS_STORE_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) == "fill" { // the test binary that a test has started again
		fillLimitedFiles(os.Args[1])
	}
	goleak.VerifyTestMain(m)
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

func TestReopen(t *testing.T) {
	t.Parallel()
	cfg := Config{Dir: filepath.Join(t.TempDir(), "data")}
	s := open(t, cfg)
	want := job("01A", "bytes")
	f := put(t, s, "bytes", "the bytes")
	want.Files[1].Size, want.Files[1].SHA256 = f.Size, f.SHA256
	add(t, s, want)
	receipt := Receipt{Job: "01A", Entry: "home", CommandID: "c", Ran: s.Ran(), Delivery: Delivery{7, "h"}}
	must(t, s.SaveReceipt(t.Context(), receipt))
	must(t, s.SaveState(t.Context(), "home", "albums", map[string]string{"Front door": "id"}))
	must(t, s.Links().Save(t.Context(), "home", []byte("token")))
	closeStore(t, s)

	s = opened(t, cfg)
	if diff := cmp.Diff([]*Job{want}, list(t, s), cmpopts.IgnoreUnexported(Job{})); diff != "" {
		t.Error(diff)
	}
	if got := get(t, s, list(t, s)[0].Files[1]); got != "the bytes" {
		t.Errorf("payload = %q", got)
	}
	receipts, err := s.Receipts(t.Context(), "home")
	if diff := cmp.Diff([]Receipt{receipt}, receipts); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if got, found, err := s.Receipt(t.Context(), "home", "01A"); !found || err != nil || got.CommandID != "c" {
		t.Errorf("receipt = %v, %v, %v", got, found, err)
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
	if damage := s.Damage(); damage != "" {
		t.Errorf("damage = %s", damage)
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	opened(t, Config{Dir: dir})
	_, err := Open(t.Context(), Config{Dir: dir, Log: quiet()})
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
	if err := s.AddJob(t.Context(), job("01A")); !errors.Is(err, engine.ErrClosed) {
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
	synctest.Test(t, func(t *testing.T) {
		s := opened(t, Config{Dir: t.TempDir()})
		f := put(t, s, "bytes", "the bytes")
		add(t, s, job("01A", "bytes"))
		must(t, s.SaveReceipt(t.Context(), Receipt{Job: "01A", Entry: "home", Ran: s.Ran()}))
		start := time.Now()
		time.Sleep(25 * time.Hour)
		if got := get(t, s, f); len(list(t, s)) != 1 || got != "the bytes" {
			t.Errorf("job or payload is gone, payload = %q", got)
		}
		if receipts, err := s.Receipts(t.Context(), "home"); len(receipts) != 0 || err != nil {
			t.Errorf("receipts after %v = %v, %v", time.Since(start), receipts, err)
		}
		if left := left(t, s); len(left) != 2 {
			t.Errorf("left: %v", left)
		}
	})
}

// What the first wave left is not taken over, and stays where it is.
func TestQueueOfTheFirstWave(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	old := filepath.Join(dir, "jetstream", "STORE", "streams")
	must(t, os.MkdirAll(old, 0o700))
	log, hook := test.NewNullLogger()
	s, err := Open(t.Context(), Config{Dir: dir, Log: logrus.NewEntry(log)})
	must(t, err)
	closeStore(t, s)
	if all := hook.AllEntries(); len(all) != 1 || all[0].Level != logrus.WarnLevel || all[0].Data["folder"] != filepath.Dir(old) {
		t.Errorf("log = %v", all)
	}
	if _, err := os.Stat(old); err != nil {
		t.Error(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
