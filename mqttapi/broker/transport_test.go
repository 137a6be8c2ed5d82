package broker

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// newTestTransport is a transport and the other end of its connection, which has no buffer:
// a write takes as long as nobody reads.
func newTestTransport(t *testing.T, limit time.Duration) (*transport, net.Conn) {
	t.Helper()
	near, far := net.Pipe()
	w := newTransport(near, limit, &intake{}, func() bool { return true })
	t.Cleanup(func() {
		w.Close()
		far.Close()
		w.running.Wait()
	})
	return w, far
}

func TestTransportDoesNotHoldUpWriters(t *testing.T) {
	t.Parallel()
	w, far := newTestTransport(t, patience)
	packet := []byte("one")
	for range 10 {
		if n, err := w.Write(packet); n != 3 || err != nil {
			t.Fatal(n, err)
		}
	}
	copy(packet, "two") // the caller may use its bytes again
	if _, err := w.Write(packet); err != nil {
		t.Fatal(err)
	}
	w.Close()
	got, err := io.ReadAll(far) // what was written before Close still leaves
	if want := append(bytes.Repeat([]byte("one"), 10), "two"...); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := w.Write(packet); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Write after Close: %v", err)
	}
}

// Who reads learns of a write that took too long.
func TestTransportGivesUpOnSilence(t *testing.T) {
	t.Parallel()
	w, _ := newTestTransport(t, 20*time.Millisecond)
	if _, err := w.Write([]byte("ping")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Read: %v, want the write's timeout", err)
	}
	receiveFrom(t, "the end", w.gone)
	if _, err := w.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Write: %v", err)
	}
}

// A peer that has stopped reading delays the end only so long.
func TestTransportCloseIsBounded(t *testing.T) {
	t.Parallel()
	w, _ := newTestTransport(t, time.Hour)
	for range 256 {
		if _, err := w.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	begin := time.Now()
	w.Close()
	if _, err := w.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Read: %v", err)
	}
	if took := time.Since(begin); took > 2*flushLimit {
		t.Errorf("closed after %v", took)
	}
}

func TestTransportFirstReasonCounts(t *testing.T) {
	t.Parallel()
	w, far := newTestTransport(t, patience)
	reason := errors.New("first")
	w.fail(reason)
	w.fail(io.EOF)
	far.Close()
	if _, err := w.Read(make([]byte, 1)); !errors.Is(err, reason) {
		t.Errorf("Read: %v", err)
	}
	if err := w.cause(); !errors.Is(err, reason) {
		t.Errorf("cause: %v", err)
	}
}
