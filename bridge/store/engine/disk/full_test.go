package disk

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"

	"gphotos2mqtt/bridge/store/engine"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func quiet() *logrus.Entry {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return logrus.NewEntry(log)
}

func opened(t *testing.T, folder string) *Disk {
	t.Helper()
	d, err := Open(folder, quiet())
	must(t, err)
	return d
}

func change(t *testing.T, d *Disk, key, value string) {
	t.Helper()
	_, err := d.Change(t.Context(), engine.Change{Key: key, Value: []byte(value), Revision: engine.Any})
	must(t, err)
}

func wantBlob(t *testing.T, d *Disk, name, want string) {
	t.Helper()
	r, _, err := d.OpenBlob(t.Context(), name)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	got, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil || string(got) != want {
		t.Errorf("%s: %d bytes, %v", name, len(got), err)
	}
}

// fill makes a full disk of the file that is written to, until it is called once more.
func fill(t *testing.T, d *Disk) (undo func()) {
	t.Helper()
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no /dev/full here")
	}
	s := d.journal.segments[len(d.journal.segments)-1]
	file := s.file
	s.file = full
	return func() {
		s.file = file
		must(t, full.Close())
	}
}

// A turn of others finds the disk full, and then there is room again: the record that was written with a blob is not there without it.
func TestBlobOutlivesFullDisk(t *testing.T) {
	t.Parallel()
	d := opened(t, t.TempDir())
	change(t, d, "job.0", "x")
	_, _, err := d.PutBlob(t.Context(), "blob", strings.NewReader("bytes"))
	must(t, err)
	undo := fill(t, d)
	if _, err := d.Change(t.Context(), engine.Change{Key: "job.0", Value: []byte("y"), Revision: 1}); !errors.Is(err, engine.ErrFull) {
		t.Errorf("a turn on a full disk: %v", err)
	}
	undo()
	change(t, d, "job.1", "blob")
	wantBlob(t, d, "blob", "bytes")
	must(t, d.Close())
	d = opened(t, d.folder)
	wantBlob(t, d, "blob", "bytes")
	must(t, d.Close())
}

// A full disk in the middle of a turn with changes ends the Disk; the next start has what was acknowledged, and goes on.
func TestFullDiskEndsTurn(t *testing.T) {
	t.Parallel()
	d := opened(t, t.TempDir())
	change(t, d, "job.0", "x")
	undo := fill(t, d)
	if _, err := d.Change(t.Context(), engine.Change{Key: "job.1", Value: []byte("y")}); !errors.Is(err, engine.ErrFull) {
		t.Errorf("a turn on a full disk: %v", err)
	}
	undo()
	if _, err := d.Get(t.Context(), "job.0"); !errors.Is(err, engine.ErrEngine) {
		t.Errorf("after it: %v", err)
	}
	_ = d.Close()
	d = opened(t, d.folder)
	r, err := d.Get(t.Context(), "job.0")
	if err != nil || !bytes.Equal(r.Value, []byte("x")) {
		t.Errorf("%s, %v", r.Value, err)
	}
	change(t, d, "job.1", "y")
	must(t, d.Close())
}
