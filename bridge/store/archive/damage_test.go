package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/bridge/store"
)

func TestForeign(t *testing.T) {
	t.Parallel()
	var other bytes.Buffer
	w := tar.NewWriter(&other)
	must(t, w.WriteHeader(&tar.Header{Name: "secret.key", Size: 1, Mode: 0o600}))
	_, err := w.Write([]byte("x"))
	must(t, err)
	must(t, w.Close())
	later := bytes.Replace(sample(t, 0), []byte(`"version": 1`), []byte(`"version": 2`), 1)
	for name, c := range map[string]struct {
		file string
		want error
	}{
		"nothing": {"", ErrForeign}, "a photo": {strings.Repeat("\xff\xd8", 5000), ErrForeign},
		"zeros":           {strings.Repeat("\x00", 5000), ErrForeign},
		"another archive": {other.String(), ErrForeign}, "a later version": {string(later), ErrLater},
	} {
		if _, err := check(t.Context(), []byte(c.file), ourKey); !errors.Is(err, c.want) {
			t.Errorf("%s = %v", name, err)
		}
	}
}

// A file that is cut anywhere is told as such, and nothing of it stays.
func TestCut(t *testing.T) {
	t.Parallel()
	file, s := sample(t, 2), open(t, newMemory())
	for at := 0; at < len(file); at += 509 {
		_, err := Import(t.Context(), bytes.NewReader(file[:at]), Config{Store: s, Key: ourKey})
		if !errors.Is(err, ErrCut) && (at >= 512 || !errors.Is(err, ErrForeign)) {
			t.Errorf("cut at %d of %d: %v", at, len(file), err)
		}
	}
	wantNothing(t, s)
	_, err := check(t.Context(), file[:bytes.Index(file, []byte("01J001 01J001"))+100], ourKey)
	if want := "in or after part gphotos2mqtt/payloads/01J001.0"; err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("it does not say %s: %v", want, err)
	}
}

// Not one byte can be changed: all that counts is in a sum, and the rest is what it has to be.
func TestChanged(t *testing.T) {
	t.Parallel()
	file := sample(t, 1)
	for at := range file {
		if at%20 != 0 && len(bytes.Trim(file[at-1:min(at+2, len(file))], "\x00")) == 0 {
			continue // one of many zeros
		}
		file[at] ^= 1 << (at % 8)
		if _, err := check(t.Context(), file, ourKey); err == nil {
			t.Errorf("a change at %d of %d is not noticed: %q", at, len(file), file[max(0, at-60):min(len(file), at+20)])
		}
		file[at] ^= 1 << (at % 8)
	}
	s := open(t, newMemory())
	file[bytes.Index(file, []byte("01J000 01J000"))] = 'X'
	_, err := Import(t.Context(), bytes.NewReader(file), Config{Store: s, Key: ourKey})
	if want := "changed or damaged, in part gphotos2mqtt/payloads/01J000.0"; err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("it does not say %s: %v", want, err)
	}
	wantNothing(t, s)
}

func TestMoreAtTheEnd(t *testing.T) {
	t.Parallel()
	file := sample(t, 1)
	if _, err := check(t.Context(), append(bytes.Clone(file), make([]byte, 10_000)...), ourKey); err != nil {
		t.Errorf("with zeros, as of a tape: %v", err)
	}
	if _, err := check(t.Context(), append(bytes.Clone(file), file...), ourKey); !errors.Is(err, ErrChanged) {
		t.Errorf("with another after it: %v", err)
	}
}

// forged writes an archive with right sums of whatever parts.
func forged(tb testing.TB, parts ...[2]string) []byte {
	tb.Helper()
	var out bytes.Buffer
	w := &writer{all: sha256.New(), now: time.Now()}
	w.tar = tar.NewWriter(io.MultiWriter(&out, w.all))
	must(tb, w.addJSON(aboutName, about{formatName, formatVersion, "test", w.now}))
	for _, p := range parts {
		must(tb, w.add(root+p[0], int64(len(p[1])), strings.NewReader(p[1])))
	}
	must(tb, w.addList(true))
	must(tb, w.tar.Close())
	return out.Bytes()
}

// What an export never has is refused, whoever has made sums of it, and nothing of it is written.
func TestForged(t *testing.T) {
	t.Parallel()
	summary := [2]string{"summary.json", `{"ran": 1}`}
	for name, parts := range map[string][][2]string{
		"no summary":        {{"records/state.home.x.json", "1"}},
		"more than that":    {summary, {"records/state.home.x.json", "1"}},
		"two of a record":   {{"records/state.home.x.json", "1"}, {"records/state.home.x.json", "2"}, summary},
		"two of a payload":  {{"payloads/a", "1"}, {"payloads/a", "1"}, summary},
		"an unknown kind":   {{"records/owner.home.x.json", "1"}, summary},
		"a kind alone":      {{"records/state.json", "1"}, summary},
		"no JSON":           {{"records/state.home.x.json", "{"}, summary},
		"no record's name":  {{"records/state.home.x", "1"}, summary},
		"a bad key":         {{"records/state.home.ä.json", "1"}, summary},
		"a path as payload": {{"payloads/../../x", "1"}, summary},
		"another part":      {{"notes.txt", "1"}, summary},
	} {
		s := open(t, newMemory())
		if _, err := Import(t.Context(), bytes.NewReader(forged(t, parts...)), Config{Store: s, Key: ourKey}); !errors.Is(err, ErrChanged) {
			t.Errorf("%s = %v", name, err)
		}
		wantNothing(t, s)
	}
	must(t, func() error {
		_, err := check(t.Context(), forged(t, summary), ourKey)
		return err
	}())
}

// A payload whose job has ended while the archive was written is in the file, and not in the store.
func TestOrphan(t *testing.T) {
	t.Parallel()
	s := open(t, newMemory())
	file := forged(t, [2]string{"payloads/gone", "1"}, [2]string{"payloads/mine", "2"},
		[2]string{"records/jobs.home.01A.json", `{"files":[{"payload":"mine"}]}`},
		[2]string{"payloads/last", "1"}, [2]string{"summary.json", "{}"})
	_, err := Import(t.Context(), bytes.NewReader(file), Config{Store: s, Key: ourKey})
	must(t, err)
	if left := payloadNames(t, s); !slices.Equal(left, []string{"mine"}) {
		t.Errorf("payloads: %s", left)
	}
}

// ending ends a job as soon as that many bytes of the archive are written.
type ending struct {
	bytes.Buffer

	after int
	end   func()
}

func (e *ending) Write(p []byte) (int, error) {
	if e.Len() >= e.after && e.end != nil {
		e.end()
		e.end = nil
	}
	return e.Buffer.Write(p)
}

// A job that ends while the archive is written, at any point, is in it with all of its payloads or not at all.
func TestEndsMeanwhile(t *testing.T) {
	t.Parallel()
	whole, without := 0, 0
	for after := 0; after < 8000; after += 512 {
		s := open(t, newMemory())
		j := addJob(t, s, "01A")
		out := &ending{after: after, end: func() { must(t, s.RemoveJob(context.Background(), j)) }}
		_, damaged, err := Write(t.Context(), s, out, "test")
		must(t, err)
		to := open(t, newMemory())
		_, err = Import(t.Context(), &out.Buffer, Config{Store: to, Key: ourKey})
		must(t, err)
		switch n := len(all(t, to)); {
		case damaged != nil:
			t.Errorf("after %d: %v", after, damaged)
		case n == 0:
			without++
		case n == 1 && len(payloadsOf(t, to)) == 2:
			whole++
		default:
			t.Errorf("after %d: %v", after, all(t, to))
		}
		if left := payloadNames(t, to); len(left) != 2*len(all(t, to)) {
			t.Errorf("after %d: payloads %v", after, left)
		}
	}
	if whole == 0 || without == 0 {
		t.Errorf("%d times whole, %d times without", whole, without)
	}
}

// An export that is ended stops in the middle of a payload.
func TestExportEnded(t *testing.T) {
	t.Parallel()
	s := open(t, zeroed{newMemory(), 1 << 50})
	addJob(t, s, "01A")
	ctx, cancel := context.WithCancel(t.Context())
	out := &ending{after: 1 << 20, end: cancel}
	if _, _, err := Write(ctx, s, out, "test"); !errors.Is(err, context.Canceled) {
		t.Errorf("an export that was ended = %v", err)
	}
}

// What is damaged in the store is said, and does not keep the rest from being exported.
func TestDamagedStore(t *testing.T) {
	t.Parallel()
	s := open(t, newMemory())
	addJob(t, s, "01A")
	must(t, s.RemovePayload(t.Context(), "01A.1"))
	_, _, err := s.PutPayload(t.Context(), "01A.0", strings.NewReader("other bytes"))
	must(t, err)
	to := open(t, newMemory())
	_, err = Import(t.Context(), bytes.NewReader(export(t, s)), Config{Store: to, Key: ourKey})
	must(t, err)
	jobs, err := to.Jobs(t.Context(), "home")
	must(t, err)
	for i, want := range []error{store.ErrDamaged, store.ErrNotFound} {
		r, err := to.OpenPayload(t.Context(), jobs[0].Files[i], 0)
		if !errors.Is(err, want) {
			t.Errorf("payload %d = %v, %v", i, r, err)
		}
	}
}

// FuzzImport reads what a stranger wrote; nothing of what is refused may stay.
func FuzzImport(f *testing.F) {
	f.Add(sample(f, 1))
	f.Add(forged(f, [2]string{"summary.json", "{}"}))
	f.Fuzz(func(t *testing.T, file []byte) { tryImport(t, file) })
}

// FuzzParts is by someone who makes the sums right.
func FuzzParts(f *testing.F) {
	f.Add("payloads/a", "1", "records/jobs.home.01A.json", `{"files":[{"payload":"a"}],"secrets":"AQ=="}`)
	f.Add("records/links.home.json", `"AQIDBAUGBw=="`, "records/state.bridge.import.json", "true")
	f.Fuzz(func(t *testing.T, name, content, name2, content2 string) {
		canBe := func(name string) bool {
			return len(name) < 200 && !strings.ContainsRune(name, 0) && !strings.HasSuffix(name, "/")
		}
		if canBe(name) && canBe(name2) {
			tryImport(t, forged(t, [2]string{name, content}, [2]string{name2, content2}, [2]string{"summary.json", "{}"}))
		}
	})
}

func tryImport(t *testing.T, file []byte) {
	t.Helper()
	s := open(t, newMemory())
	if _, err := Import(t.Context(), bytes.NewReader(file), Config{Store: s, Key: ourKey, AnyKey: true}); err != nil {
		wantNothing(t, s)
		return
	}
	if _, err := check(t.Context(), export(t, s), otherKey); err != nil && !errors.Is(err, secret.ErrOtherKey) {
		t.Error(fmt.Errorf("what was imported cannot be exported: %w", err))
	}
}
