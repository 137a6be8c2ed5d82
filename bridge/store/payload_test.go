package store

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func put(t *testing.T, s *Store, name, data string) {
	t.Helper()
	must(t, s.PutPayload(t.Context(), name, strings.NewReader(data)))
}

func get(t *testing.T, s *Store, name string) string {
	t.Helper()
	r, err := s.OpenPayload(t.Context(), name)
	must(t, err)
	data, err := io.ReadAll(r)
	must(t, errors.Join(err, r.Close()))
	return string(data)
}

func TestPayloadRoundTrip(t *testing.T) {
	t.Parallel()
	s := opened(t, Config{Dir: t.TempDir()})
	for _, size := range []int{0, 1, chunkSize - 1, chunkSize, chunkSize + 1, 3*chunkSize + 7} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			want := make([]byte, size)
			_, _ = rand.Read(want)
			name := fmt.Sprintf("home.01A.%d ü/*>", size) // any text is a name
			must(t, s.PutPayload(t.Context(), name, iotest.HalfReader(bytes.NewReader(want))))
			if got := get(t, s, name); got != string(want) {
				t.Errorf("%d bytes came back, and not the same", len(got))
			}
			r, err := s.OpenPayload(t.Context(), name)
			must(t, err)
			if err := iotest.TestReader(r, want); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPutPayloadReplaces(t *testing.T) {
	t.Parallel()
	s := opened(t, Config{Dir: t.TempDir()})
	put(t, s, "p", strings.Repeat("old", chunkSize))
	put(t, s, "p", "new")
	if got := get(t, s, "p"); got != "new" {
		t.Errorf("payload = %.20q", got)
	}
	if n := payloadRecords(t, s); n != 2 {
		t.Errorf("%d records for one small payload", n)
	}
}

func TestPutPayloadLeavesNothingWhenItsSourceFails(t *testing.T) {
	t.Parallel()
	s := opened(t, Config{Dir: t.TempDir()})
	broken := errors.New("camera unplugged")
	r := io.MultiReader(strings.NewReader(strings.Repeat("x", 2*chunkSize)), iotest.ErrReader(broken))
	err := s.PutPayload(t.Context(), "p", r)
	if !errors.Is(err, broken) || errors.Is(err, ErrEngine) {
		t.Errorf("error = %v", err)
	}
	if _, err := s.OpenPayload(t.Context(), "p"); !errors.Is(err, ErrNotFound) {
		t.Errorf("open = %v", err)
	}
	if n := payloadRecords(t, s); n != 0 {
		t.Errorf("%d records stay behind", n)
	}
}

func TestDamagedPayloadIsNoticed(t *testing.T) {
	t.Parallel()
	s := opened(t, Config{Dir: t.TempDir()})
	for name, spoil := range map[string]func(name string) error{
		"cut": func(string) error { return nil },
		"changed": func(name string) error {
			_, err := s.js.Publish(t.Context(), chunkSubject(name), []byte("other"))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			put(t, s, name, strings.Repeat("x", 2*chunkSize))
			last, err := s.payloads.stream.GetLastMsgForSubject(t.Context(), chunkSubject(name))
			must(t, err)
			must(t, s.payloads.stream.DeleteMsg(t.Context(), last.Sequence))
			must(t, spoil(name))
			r, err := s.OpenPayload(t.Context(), name)
			must(t, err)
			_, err = io.Copy(io.Discard, r)
			if !errors.Is(err, ErrDamaged) || errors.Is(err, ErrEngine) {
				t.Errorf("error = %v", err)
			}
		})
	}
}

func TestSweepPayloads(t *testing.T) {
	t.Parallel()
	s := opened(t, Config{Dir: t.TempDir()})
	for _, name := range []string{"keep", "drop"} {
		put(t, s, name, name)
	}
	_, err := s.js.Publish(t.Context(), chunkSubject("unfinished"), []byte("chunk")) // what a crash leaves
	must(t, err)
	n, err := s.SweepPayloads(t.Context(), func(name string) bool { return name == "keep" })
	if n != 2 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
	if got := get(t, s, "keep"); got != "keep" {
		t.Errorf("kept payload = %q", got)
	}
	if n := payloadRecords(t, s); n != 2 {
		t.Errorf("%d records for one small payload", n)
	}
}

func payloadRecords(t *testing.T, s *Store) uint64 {
	t.Helper()
	count, err := s.census(t.Context())
	must(t, err)
	return count["OBJ_payloads"].Records
}
