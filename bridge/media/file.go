package media

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"time"

	"gphotos2mqtt/mqttapi"
)

// Seen is a file as it was at one time, and by what a change of it shows.
type Seen struct {
	Path       string // absolute, without symbolic links
	Size       int64  // bytes
	ModTime    time.Time
	ChangeTime time.Time // of the content, the name or the rights
	Inode      uint64
}

// Same reports whether another look at the path found the same file with the same content. A disk that was away may number its files
// anew, and a name or right may change: one of the two counts.
func (s Seen) Same(now Seen) bool {
	return s.Size == now.Size && s.ModTime.Equal(now.ModTime) && (s.Inode == now.Inode || s.ChangeTime.Equal(now.ChangeTime))
}

const readSize = 256 << 10 // bytes of one read, and what an open file takes of memory

// A File is a regular file below a media folder, open for reading. Its methods wait for the folder only for seconds: an error is an
// *UnavailableError, a CodeChanged or CodeUnreadable as *mqttapi.Error, or the context's. They are for one goroutine, but for Close.
type File struct {
	Seen // when it was opened

	ctx    context.Context //nolint:containedctx // io.Reader takes none; the file is open for one upload
	handle *handle
	names  uint64 // how many the file has
	opened time.Time
	at     int64  // where Read goes on
	start  int64  // of buf in the file
	buf    []byte // what was read last
}

// newFile reads the beginning of a file too, so that most photos need no other call.
func newFile(h *handle) (*File, error) {
	now, names, err := look(h.path, h.file)
	if err != nil {
		return nil, err
	}
	f := &File{Seen: now, handle: h, names: names, opened: time.Now()}
	f.buf = make([]byte, min(readSize, f.Size))
	n, err := h.file.ReadAt(f.buf, 0)
	f.buf = f.buf[:n]
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return f, err
}

// Close lets go of the file; it may be called at any time.
func (f *File) Close() error { return f.handle.Close() }

// SeekTo lets Read go on at an offset.
func (f *File) SeekTo(offset int64) { f.at = offset }

// Read reads on. The last bytes come only when the file has not changed since it was opened.
func (f *File) Read(p []byte) (int, error) {
	if f.at >= f.Size {
		return 0, io.EOF
	}
	n, err := f.ReadAt(p[:min(int64(len(p)), f.Size-f.at)], f.at)
	if n > 0 {
		err = nil
	} else if errors.Is(err, io.EOF) {
		err = f.changed()
	}
	if f.at += int64(n); f.at == f.Size && err == nil {
		err = f.Unchanged()
	}
	if err != nil {
		n = 0
	}
	return n, err
}

// ReadAt reads from an offset on.
func (f *File) ReadAt(p []byte, offset int64) (n int, err error) {
	for n < len(p) && err == nil {
		from := offset + int64(n) - f.start
		if from < 0 || from >= int64(len(f.buf)) {
			if err = f.load(offset + int64(n)); err != nil {
				break
			}
			from = 0
		}
		n += copy(p[n:], f.buf[from:])
	}
	return n, err
}

func (f *File) load(offset int64) error {
	buf := f.buf[:cap(f.buf)]
	if len(buf) == 0 {
		buf = make([]byte, readSize)
	}
	f.buf = nil // a call that hangs keeps it
	got := 0
	err := f.call(func() (err error) {
		got, err = f.handle.file.ReadAt(buf, offset)
		return err
	})
	if err != nil && (!errors.Is(err, io.EOF) || got == 0) {
		return err
	}
	f.start, f.buf = offset, buf[:got]
	return nil
}

// Unchanged looks at the file again.
func (f *File) Unchanged() error {
	var now Seen
	var names uint64
	err := f.call(func() (err error) {
		now, names, err = look(f.Path, f.handle.file)
		return err
	})
	if err != nil {
		return err
	}
	renamed := names != f.names // that changes the time of change, and not the content
	if now.Size != f.Size || !now.ModTime.Equal(f.ModTime) || !now.ChangeTime.Equal(f.ChangeTime) && !renamed {
		return f.changed()
	}
	return nil
}

// clockTick is how far apart two changes are at most that get the same time; coarseTick that of disks that keep whole seconds.
// Source: https://docs.kernel.org/filesystems/multigrain-ts.html, CONFIG_HZ=100, and FAT's two seconds.
const (
	clockTick  = 10 * time.Millisecond
	coarseTick = 2 * time.Second
)

// Racy returns how much later the file should have been opened: it was changed so shortly before that a change while it was read may not
// show in its times. still is since when it was seen to be as it is, for a disk whose clock is ahead of ours.
func (f *File) Racy(still time.Time) time.Duration {
	tick := clockTick
	if f.ModTime.Nanosecond() == 0 {
		tick = coarseTick
	}
	quiet := f.opened.Sub(still)
	if !f.ModTime.After(f.opened) {
		quiet = max(quiet, f.opened.Sub(f.ModTime))
	}
	return max(tick-quiet, 0)
}

// Sum reads the file once more, from an offset on, and returns its SHA-256 in hex.
func (f *File) Sum(offset int64) (string, error) {
	f.at, f.buf = offset, f.buf[:0] // from the disk, not from what was read
	sum := sha256.New()
	_, err := io.Copy(sum, f)
	return hex.EncodeToString(sum.Sum(nil)), err
}

func (f *File) call(work func() error) error {
	err := f.handle.call(f.ctx, work)
	if errors.Is(err, os.ErrClosed) || err == nil || errors.Is(err, io.EOF) || f.ctx.Err() != nil {
		return err
	}
	if _, away := errors.AsType[*UnavailableError](err); away {
		return err
	}
	return because(mqttapi.CodeUnreadable, "%s cannot be read to its end.", f.Path)
}

func (f *File) changed() error {
	return because(mqttapi.CodeChanged, "%s changed while it was read; send it again when it is complete.", f.Path)
}
