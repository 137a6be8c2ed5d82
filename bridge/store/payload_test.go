package store

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"gphotos2mqtt/bridge/store/engine"
)

// put stores a payload and returns a file that names it.
func put(t *testing.T, s *Store, name, data string) File {
	t.Helper()
	size, sum, err := s.PutPayload(t.Context(), name, strings.NewReader(data))
	must(t, err)
	return File{Payload: name, Size: size, SHA256: sum}
}

func get(t *testing.T, s *Store, f File) string {
	t.Helper()
	r, err := s.OpenPayload(t.Context(), f, 0)
	must(t, err)
	data, err := io.ReadAll(r)
	must(t, errors.Join(err, r.Close()))
	return string(data)
}

func TestPayloadRoundTrip(t *testing.T) {
	t.Parallel()
	s := opened(t, Config{Dir: t.TempDir()})
	const chunk = 256 << 10
	for _, size := range []int{0, 1, chunk - 1, chunk, chunk + 1, 3*chunk + 7} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			want := make([]byte, size)
			_, _ = rand.Read(want)
			name := fmt.Sprintf("home.01A.%d ü*>", size)
			n, sum, err := s.PutPayload(t.Context(), name, iotest.HalfReader(bytes.NewReader(want)))
			must(t, err)
			f := File{Payload: name, Size: n, SHA256: sum}
			if got := get(t, s, f); got != string(want) || n != int64(size) {
				t.Errorf("%d bytes came back, and not the same", len(got))
			}
			r, err := s.OpenPayload(t.Context(), f, 0)
			must(t, err)
			if err := iotest.TestReader(r, want); err != nil {
				t.Error(err)
			}
			must(t, r.Close())
			for _, offset := range []int{0, size / 2, size} {
				r, err := s.OpenPayload(t.Context(), f, int64(offset))
				must(t, err)
				got, err := io.ReadAll(iotest.OneByteReader(r))
				if !bytes.Equal(got, want[offset:]) || err != nil {
					t.Errorf("%d bytes from %d on, %v", len(got), offset, err)
				}
				must(t, r.Close())
			}
		})
	}
}

func TestPutPayloadReplaces(t *testing.T) {
	t.Parallel()
	s := opened(t, Config{Dir: t.TempDir()})
	put(t, s, "p", strings.Repeat("old", 1<<20))
	f := put(t, s, "p", "new")
	if got := get(t, s, f); got != "new" {
		t.Errorf("payload = %.20q", got)
	}
	if left := left(t, s); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
}

func TestPutPayloadLeavesNothingWhenItsSourceFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := opened(t, Config{Dir: dir})
	for _, broken := range []error{errors.New("camera unplugged"), io.ErrUnexpectedEOF} {
		r := io.MultiReader(strings.NewReader(strings.Repeat("x", 1<<20+1)), iotest.ErrReader(broken))
		_, _, err := s.PutPayload(t.Context(), "p", r)
		if !errors.Is(err, broken) || errors.Is(err, ErrEngine) {
			t.Errorf("error = %v", err)
		}
		if _, err := s.OpenPayload(t.Context(), File{Payload: "p"}, 0); !errors.Is(err, ErrNotFound) {
			t.Errorf("open = %v", err)
		}
		if files, err := os.ReadDir(filepath.Join(dir, "payloads")); len(files) > 0 || err != nil {
			t.Errorf("%v stay behind, %v", files, err)
		}
	}
}

// Nobody gets all bytes of a payload of which one has changed.
func TestDamagedPayloadIsNoticed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := opened(t, Config{Dir: dir})
	const size = 600_000
	path := filepath.Join(dir, "payloads", "p")
	for name, spoil := range map[string]func() error{
		"cut":       func() error { return os.Truncate(path, size-1) },
		"cut all":   func() error { return os.Truncate(path, 0) },
		"longer":    func() error { return os.Truncate(path, size+1) },
		"first bit": func() error { return edit(path, flip(0)) },
		"middle":    func() error { return edit(path, flip(size/2)) },
		"last":      func() error { return edit(path, flip(size-1)) },
	} {
		for _, offset := range []int64{0, size / 3, size - 1, size} {
			f := put(t, s, "p", strings.Repeat("x", size))
			must(t, spoil())
			var n int64
			r, err := s.OpenPayload(t.Context(), f, offset)
			if err == nil {
				n, err = io.Copy(io.Discard, r)
				must(t, r.Close())
			}
			if !errors.Is(err, ErrDamaged) || errors.Is(err, ErrEngine) || offset < size && n >= size-offset {
				t.Errorf("%s: %d bytes from %d on, error = %v", name, n, offset, err)
			}
		}
	}
}

func TestSweepPayloads(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := opened(t, Config{Dir: dir})
	keep := put(t, s, "keep", "keep")
	put(t, s, "drop", "drop")
	must(t, os.WriteFile(filepath.Join(dir, "payloads", "unfinished.new"), nil, 0o600)) // what a crash leaves
	lost := filepath.Join(dir, "payloads", "lost+found", "drop")
	must(t, errors.Join(os.Mkdir(filepath.Dir(lost), 0o700), os.WriteFile(lost, nil, 0o600)))
	n, err := s.SweepPayloads(t.Context(), func(name string) bool { return name != "drop" })
	if n != 2 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
	if got := get(t, s, keep); got != "keep" {
		t.Errorf("kept payload = %q", got)
	}
	if left := left(t, s); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
	if _, err := os.Stat(lost); err != nil {
		t.Error(err)
	}
}

func TestPayloadNames(t *testing.T) {
	t.Parallel()
	s := opened(t, Config{Dir: t.TempDir()})
	for _, name := range []string{"", ".", "..", "../records.db", "a/b", "a.new", "a\x00", "lost+found", strings.Repeat("x", 201)} {
		_, _, err := s.PutPayload(t.Context(), name, strings.NewReader("x"))
		if !errors.Is(err, engine.ErrBadName) || errors.Is(err, ErrEngine) {
			t.Errorf("%q = %v", name, err)
		}
	}
}
