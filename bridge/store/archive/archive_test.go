package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gphotos2mqtt/bridge/store"
)

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	const many = 700 // more than one list, and more than one batch
	roundTrip(t, many, open(t, newMemory()), open(t, newMemory()))
	from, to := open(t, nil), open(t, newMemory())
	roundTrip(t, 3, from, to)
	roundTrip(t, 3, to, open(t, nil))
}

func roundTrip(t *testing.T, jobs int, from, to *store.Store) {
	t.Helper()
	if len(all(t, from)) == 0 {
		fill(t, from, jobs)
	}
	file := export(t, from)
	got, err := Import(t.Context(), bytes.NewReader(file), Config{Store: to, Key: ourKey})
	must(t, err)
	ran := got.Ran
	want := Summary{Jobs: jobs, Payloads: 2 * jobs, Bytes: int64(jobs * payloadSize), Links: 1, Receipts: 1, Records: jobs + 7, Ran: ran}
	if diff := cmp.Diff(want, got); diff != "" || ran <= 0 {
		t.Error("(-want +got)", diff, ran)
	}
	if diff := cmp.Diff(all(t, from), all(t, to)); diff != "" {
		t.Error("(-want +got)", diff)
	}
	if diff := cmp.Diff(payloadsOf(t, from), payloadsOf(t, to)); diff != "" {
		t.Error("(-want +got)", diff)
	}
	stored, err := to.Jobs(t.Context(), "home")
	must(t, err)
	entries, err := to.Entries().All(t.Context())
	if err != nil || len(entries) != 1 || entries[0].ClientSecret != "photosim-secret" {
		t.Errorf("entries %v, %v", entries, err)
	}
	if f := stored[0].Files[0]; f.Token != "token" || f.Session == "" {
		t.Error("the secrets of a job do not open")
	}
	if _, err := check(t.Context(), file, ourKey); err != nil {
		t.Error(err)
	}
	_, err = Import(t.Context(), bytes.NewReader(file), Config{Store: to, Key: ourKey})
	if !errors.Is(err, ErrNotEmpty) {
		t.Errorf("import over a bridge = %v", err)
	}
	if diff := cmp.Diff(all(t, from), all(t, to)); diff != "" {
		t.Error("what was there was touched (-want +got)", diff)
	}
}

// Everything that a person needs to look into the file, or to take it apart by hand.
func TestStandardTools(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "export.tar"), sample(t, 600), 0o600))
	for command, want := range map[string]string{
		"tar tvf export.tar":            "gphotos2mqtt/payloads/01J007.0\n",
		"tar tf export.tar | tail -n 1": sumsName + "\n",
		"tar xf export.tar && cat " + root + "SHA256SUMS* | sha256sum --quiet --strict -c && echo whole": "whole\n",
	} {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v\n%s", command, err, out[:min(len(out), 2000)])
		}
	}
}

// The ages of what waits go on where they were, whatever the other store has run.
func TestAges(t *testing.T) {
	t.Parallel()
	from := open(t, newMemory())
	must(t, from.Whole().BeginImport(t.Context()))
	must(t, from.Whole().EndImport(t.Context(), 30*time.Hour)) // so long it has run
	j := addJob(t, from, "01A")
	file := export(t, from)
	for name, age := range map[string]time.Duration{"embedded": 0, "young cluster": time.Hour, "old cluster": 1000 * time.Hour} {
		cluster := newMemory()
		cluster.age = age
		cfg := store.Config{Dir: t.TempDir(), Key: &ourKey, Import: true, Log: quiet()}
		if age > 0 {
			cfg.Engine = cluster
		}
		for _, run := range []string{"import", "next start"} {
			s, err := store.Open(t.Context(), cfg)
			must(t, err)
			if cfg.Import {
				_, err = Import(t.Context(), bytes.NewReader(file), Config{Store: s, Key: ourKey})
				must(t, err)
			}
			if age := s.Ran() - j.Ran; age < 0 || age > time.Hour {
				t.Errorf("%s, %s: the job is %v old", name, run, age)
			}
			must(t, s.Close())
			cfg.Import = false
		}
	}
}

func TestOtherKey(t *testing.T) {
	t.Parallel()
	whole := open(t, newMemory())
	fill(t, whole, 2)
	for _, sealed := range []string{"links.home", "entries.bridge.garden", "jobs.home.01J000", ""} {
		s := open(t, newMemory())
		_, err := Import(t.Context(), bytes.NewReader(export(t, whole)), Config{Store: s, Key: otherKey})
		switch text := fmt.Sprint(err); {
		case sealed == "" && err != nil:
			t.Errorf("nothing is sealed: %v", err)
		case sealed != "" && !strings.Contains(text, sealed+" was sealed with another secret key (key-"):
			t.Errorf("%s with another key = %v", sealed, err)
		case sealed != "":
			wantNothing(t, s)
			_, err = Import(t.Context(), bytes.NewReader(export(t, whole)), Config{Store: s, Key: otherKey, AnyKey: true})
			must(t, err)
			if diff := cmp.Diff(all(t, whole), all(t, s)); diff != "" {
				t.Error("(-want +got)", diff)
			}
			must(t, whole.Whole().Remove(t.Context(), sealed)) // the next is found then
			must(t, whole.Whole().Remove(t.Context(), strings.Replace(sealed, "000", "001", 1)))
		}
	}
}

// A process that was killed in an import leaves a store that no bridge starts with, and that another import replaces.
func TestCutOffImport(t *testing.T) {
	t.Parallel()
	s := open(t, newMemory())
	must(t, s.Whole().BeginImport(t.Context()))
	must(t, s.Whole().Restore(t.Context(), store.Record{Key: "state.home.old", Value: []byte("1")}))
	addJob(t, s, "00A")
	file := sample(t, 2)
	_, err := Import(t.Context(), bytes.NewReader(file), Config{Store: s, Key: ourKey})
	must(t, err)
	if records := all(t, s); records["state.home.old"] != "" || records["jobs.home.00A"] != "" || records["jobs.home.01J001"] == "" {
		t.Errorf("records %v", records)
	}
	left := t.TempDir()
	func() {
		s, err := store.Open(t.Context(), store.Config{Dir: left, Log: quiet()})
		must(t, err)
		must(t, s.Whole().BeginImport(t.Context()))
		must(t, s.Close())
	}()
	if _, err := store.Open(t.Context(), store.Config{Dir: left, Log: quiet()}); !errors.Is(err, store.ErrUnfinished) {
		t.Errorf("open of half a store = %v", err)
	}
}

func TestEnded(t *testing.T) {
	t.Parallel()
	file, s := sample(t, 20), open(t, newMemory())
	ctx, cancel := context.WithCancel(t.Context())
	half := io.MultiReader(bytes.NewReader(file[:len(file)/2]), readerFunc(func([]byte) (int, error) {
		cancel()
		return 0, nil
	}), bytes.NewReader(file[len(file)/2:]))
	_, err := Import(ctx, half, Config{Store: s, Key: ourKey})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("an import that was ended = %v", err)
	}
	wantNothing(t, s)
	broken := errors.New("the disk is broken")
	_, err = Import(t.Context(), io.MultiReader(bytes.NewReader(file[:3000]), readerFunc(func([]byte) (int, error) { return 0, broken })),
		Config{Store: s, Key: ourKey})
	if !errors.Is(err, broken) || errors.Is(err, ErrCut) {
		t.Errorf("an import from a broken disk = %v", err)
	}
	wantNothing(t, s)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// Each entry is claimed once, before anything of it is written.
func TestClaims(t *testing.T) {
	t.Parallel()
	s := open(t, newMemory())
	claimed := map[string]int{}
	claim := func(_ context.Context, entry string) error {
		claimed[entry]++
		if keys, _ := s.Whole().Keys(t.Context(), "links"); len(keys) > 0 && entry == "home" {
			t.Error("home is claimed after its link was written")
		}
		return nil
	}
	_, err := Import(t.Context(), bytes.NewReader(sample(t, 2)), Config{Store: s, Key: ourKey, Claim: claim})
	must(t, err)
	if diff := cmp.Diff(map[string]int{"home": 1, store.Bridge: 1}, claimed); diff != "" {
		t.Error("(-want +got)", diff)
	}
}

// A zeroed engine has a blob of that many zeros under every name, and keeps none.
type zeroed struct {
	*memory

	size int64
}

func (z zeroed) OpenBlob(context.Context, string) (io.ReadCloser, int64, error) {
	return io.NopCloser(io.LimitReader(zeros{}, z.size)), z.size, nil
}

func (z zeroed) PutBlob(_ context.Context, _ string, r io.Reader) (int64, string, error) {
	n, err := io.Copy(io.Discard, r)
	return n, "", err
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// However large the payloads are, they go through a little memory.
func TestMemory(t *testing.T) {
	const size, most = 128 << 20, 16 << 20
	from, to := open(t, zeroed{newMemory(), size}), open(t, zeroed{newMemory(), size})
	addJob(t, from, "01A")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	in, out := io.Pipe()
	go func() {
		_, _, err := Write(context.Background(), from, out, "test")
		_ = out.CloseWithError(err)
	}()
	got, err := Import(t.Context(), in, Config{Store: to, Key: ourKey})
	must(t, err)
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; got.Bytes != 2*size || used > most {
		t.Errorf("%d bytes took %d of memory", got.Bytes, used)
	}
}
