package files

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"gphotos2mqtt/e2e/e2etest"
)

// A share shows a folder through FUSE, and can be made to answer nothing, as a network
// share does whose server is off.
type share struct {
	dir, behind string // where it is mounted, and the folder that it shows
	hangs       atomic.Int64

	mu     sync.Mutex
	silent chan struct{} // closed when the share answers; nil = it does
	calls  int           // left until it falls silent by itself; -1 = never
}

// mountShare mounts a share, or skips the test where that is not allowed.
func mountShare(t *testing.T) *share {
	t.Helper()
	s := &share{dir: filepath.Join(t.TempDir(), "share"), behind: t.TempDir(), calls: -1}
	e2etest.Must(t, os.Mkdir(s.dir, 0o755))
	root, err := fs.NewLoopbackRoot(s.behind)
	e2etest.Must(t, err)
	raw := fs.NewNodeFS(root, &fs.Options{}) // nothing is kept: each look is a call
	server, err := fuse.NewServer(&hanging{raw, s}, s.dir, &fuse.MountOptions{DirectMountStrict: true, FsName: "share"})
	if errors.Is(err, syscall.EPERM) || errors.Is(err, os.ErrNotExist) {
		t.Skip("no FUSE for this test:", err)
	}
	e2etest.Must(t, err)
	go server.Serve()
	e2etest.Must(t, server.WaitMount())
	closeOnExec(t)
	t.Cleanup(func() {
		s.answer()
		_ = syscall.Unmount(s.dir, syscall.MNT_DETACH)
		server.Wait()
	})
	return s
}

// closeOnExec keeps the share from the programs that the test starts: it would not end while one of them has it open.
func closeOnExec(t *testing.T) {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	e2etest.Must(t, err)
	for _, fd := range open {
		if to, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && to == "/dev/fuse" {
			n, err := strconv.Atoi(fd.Name())
			e2etest.Must(t, err)
			syscall.CloseOnExec(n)
		}
	}
}

// hang lets each call wait, after so many more.
func (s *share) hang(after int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = after
	if after == 0 && s.silent == nil {
		s.silent = make(chan struct{})
	}
}

// answer ends that.
func (s *share) answer() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls = -1; s.silent != nil {
		close(s.silent)
		s.silent = nil
	}
}

// wait is called by each call. As with NFS, who is killed waits no longer.
func (s *share) wait(cancel <-chan struct{}) fuse.Status {
	s.mu.Lock()
	if s.calls > 0 {
		if s.calls--; s.calls == 0 && s.silent == nil {
			s.silent = make(chan struct{})
		}
	}
	silent := s.silent
	s.mu.Unlock()
	if silent != nil {
		s.hangs.Add(1)
		defer s.hangs.Add(-1)
		select {
		case <-silent:
		case <-cancel:
			return fuse.EINTR
		}
	}
	return fuse.OK
}

// hanging is the share below FUSE.
type hanging struct {
	fuse.RawFileSystem

	share *share
}

func (h *hanging) Lookup(cancel <-chan struct{}, header *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	if status := h.share.wait(cancel); status != fuse.OK {
		return status
	}
	return h.RawFileSystem.Lookup(cancel, header, name, out)
}

func (h *hanging) GetAttr(cancel <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	if status := h.share.wait(cancel); status != fuse.OK {
		return status
	}
	return h.RawFileSystem.GetAttr(cancel, in, out)
}

func (h *hanging) Open(cancel <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	if status := h.share.wait(cancel); status != fuse.OK {
		return status
	}
	return h.RawFileSystem.Open(cancel, in, out)
}

func (h *hanging) Read(cancel <-chan struct{}, in *fuse.ReadIn, buf []byte) (fuse.ReadResult, fuse.Status) {
	if status := h.share.wait(cancel); status != fuse.OK {
		return nil, status
	}
	return h.RawFileSystem.Read(cancel, in, buf)
}

func (h *hanging) Rename(cancel <-chan struct{}, in *fuse.RenameIn, from, to string) fuse.Status {
	if status := h.share.wait(cancel); status != fuse.OK {
		return status
	}
	return h.RawFileSystem.Rename(cancel, in, from, to)
}

func (h *hanging) Link(cancel <-chan struct{}, in *fuse.LinkIn, name string, out *fuse.EntryOut) fuse.Status {
	if status := h.share.wait(cancel); status != fuse.OK {
		return status
	}
	return h.RawFileSystem.Link(cancel, in, name, out)
}

func (h *hanging) Unlink(cancel <-chan struct{}, header *fuse.InHeader, name string) fuse.Status {
	if status := h.share.wait(cancel); status != fuse.OK {
		return status
	}
	return h.RawFileSystem.Unlink(cancel, header, name)
}
