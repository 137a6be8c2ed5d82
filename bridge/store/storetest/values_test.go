package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"gphotos2mqtt/bridge/store"
)

// testMerge: what several add to a record at the same time is all there.
func testMerge(t *testing.T, open Opener) {
	t.Helper()
	dir := t.TempDir()
	s := opened(t, open, dir)
	together(t, 4, 40, func(i int) error {
		var sums map[string]int
		return s.MergeState(t.Context(), store.Bridge, "sums", &sums, func() {
			if sums == nil {
				sums = map[string]int{}
			}
			sums[strconv.Itoa(i)]++
		})
	})
	var sums map[string]int
	found, err := s.LoadState(t.Context(), store.Bridge, "sums", &sums)
	if !found || err != nil || len(sums) != 40 || slices.Max(slices.Collect(maps.Values(sums))) > 1 {
		t.Errorf("merged = %v, %v", sums, err)
	}
	must(t, s.DeleteState(t.Context(), store.Bridge, "sums"))
	must(t, s.DeleteState(t.Context(), store.Bridge, "sums"))
	if found, err := s.LoadState(t.Context(), store.Bridge, "sums", &sums); found || err != nil {
		t.Errorf("there after it was removed: %v", err)
	}
	must(t, s.MergeState(t.Context(), store.Bridge, "sums", &sums, func() { sums = map[string]int{"again": 1} }))
}

// testValues: a record is what was last saved, short or long, read once or twice, by this run or the next.
func testValues(t *testing.T, open Opener) {
	t.Helper()
	dir := t.TempDir()
	want := map[string]string{"short": "1", "empty": "", "long": strings.Repeat("pictures ", 1000), "listing": hex.EncodeToString(random(300_000))}
	s, err := open(t.Context(), dir)
	must(t, err)
	check := func(s *store.Store) {
		t.Helper()
		for name, value := range want {
			for range 2 {
				var got string
				found, err := s.LoadState(t.Context(), "home", name, &got)
				if !found || err != nil || got != value {
					t.Errorf("%s has %d bytes, want %d, %v, %v", name, len(got), len(value), found, err)
				}
			}
		}
	}
	for name, value := range want {
		must(t, s.SaveState(t.Context(), "home", name, value))
	}
	check(s)
	must(t, s.SaveState(t.Context(), "home", "gone", strings.Repeat("x", 5000)))
	must(t, s.DeleteState(t.Context(), "home", "gone"))
	must(t, s.DeleteState(t.Context(), "home", "never there"[:5]))
	want["long"] = strings.Repeat("other pictures ", 1000)
	must(t, s.SaveState(t.Context(), "home", "long", want["long"]))
	must(t, s.Links().Save(t.Context(), "home", []byte("sealed")))
	must(t, s.Close())
	s = opened(t, open, dir)
	check(s)
	var got string
	if found, err := s.LoadState(t.Context(), "home", "gone", &got); found || err != nil {
		t.Errorf("what was removed is back: %v", err)
	}
	if token, err := s.Links().Load(t.Context(), "home"); string(token) != "sealed" || err != nil {
		t.Errorf("link = %q, %v", token, err)
	}
}

// testPayloads puts payloads of all sizes, reads them from the middle, and removes them.
func testPayloads(t *testing.T, open Opener) {
	t.Helper()
	s := opened(t, open, t.TempDir())
	for _, size := range []int{0, 1, 27_000, 512 << 10, 512<<10 + 1, 3 << 20} {
		data := random(size)
		_, _, err := s.PutPayload(t.Context(), "p", bytes.NewReader(random(7))) // it is replaced
		must(t, err)
		n, sum, err := s.PutPayload(t.Context(), "p", iotest.HalfReader(bytes.NewReader(data)))
		want := sha256.Sum256(data)
		if n != int64(size) || sum != hex.EncodeToString(want[:]) || err != nil {
			t.Fatalf("put %d bytes = %d, %s, %v", size, n, sum, err)
		}
		f := store.File{Payload: "p", Size: n, SHA256: sum}
		for _, offset := range []int{0, size / 2} {
			r, err := s.OpenPayload(t.Context(), f, int64(offset))
			must(t, err)
			got, err := io.ReadAll(r)
			if !bytes.Equal(got, data[offset:]) || err != nil || r.Close() != nil {
				t.Errorf("%d bytes from %d on: %d bytes, %v", size, offset, len(got), err)
			}
		}
		must(t, s.RemovePayload(t.Context(), "p"))
		must(t, s.RemovePayload(t.Context(), "p"))
		if _, err := s.OpenPayload(t.Context(), f, 0); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("open after removal = %v", err)
		}
	}
	failure := errors.New("the camera is gone")
	broken := io.MultiReader(bytes.NewReader(random(1<<20)), iotest.ErrReader(failure))
	if _, _, err := s.PutPayload(t.Context(), "p", broken); !errors.Is(err, failure) || errors.Is(err, store.ErrEngine) {
		t.Errorf("put of what cannot be read = %v", err)
	}
	n, sum, err := s.PutPayload(t.Context(), "p", bytes.NewReader(random(2<<20)))
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	r, err := s.OpenPayload(ctx, store.File{Payload: "p", Size: n, SHA256: sum}, 0)
	must(t, err)
	cancel()
	if _, err := io.ReadAll(r); errors.Is(err, store.ErrDamaged) {
		t.Errorf("a read that was given up = %v", err)
	}
	must(t, r.Close())
	if _, err := r.Read(make([]byte, 1)); errors.Is(err, store.ErrDamaged) {
		t.Errorf("a read after the end = %v", err)
	}
}

func random(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return b
}
