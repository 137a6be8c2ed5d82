package media

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"

	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
)

const (
	answerLimit = 2 * time.Second        // for one call: a disk that spins up or a busy server answers later, and is waited for elsewhere
	turnLimit   = 500 * time.Millisecond // to wait for others' calls
	maxCalls    = 4                      // of one folder at a time, also of those that hang: each takes a thread of the system
)

// UnavailableError says that a media folder is not there or does not answer. It passes: whatever was wanted of it can be tried again.
type UnavailableError struct {
	Folder string
	Silent bool  // it does not answer, or not soon enough
	Err    error // the file system's, if it answered
}

// Error says what a person can do.
func (e *UnavailableError) Error() string {
	if e.Silent {
		return fmt.Sprintf("The media folder %s does not answer: check the share or the disk.", Shorten(e.Folder))
	}
	return fmt.Sprintf("The media folder %s is not there or cannot be read: mount it, or correct GPHOTOS_MEDIA_DIRS.", Shorten(e.Folder))
}

func (e *UnavailableError) Unwrap() error { return e.Err }

// Faulty reports whether the folder is there and its disk or its share fails: that may never pass.
func (e *UnavailableError) Faulty() bool { return errors.Is(e.Err, syscall.EIO) }

// Refusal is the error for a user whose command does not wait.
func (e *UnavailableError) Refusal() *mqttapi.Error {
	return &mqttapi.Error{Code: mqttapi.CodeUnreadable, Message: e.Error()}
}

// A guard keeps the calls to a folder that does not answer from holding up anybody. A system call that waits for a hard NFS mount or a
// dead disk cannot be ended: its goroutine is left behind, and at most maxCalls of one folder are.
type guard struct {
	folder string
	notify func() // the folder does better or worse
	freed  wake.Broadcast

	mu      sync.Mutex     // guards all below
	calls   int            // that run, also those left behind
	hung    map[string]int // those left behind, by what they are about
	left    int            // how many those are
	problem string         // "" = it does well, as far as is known
	since   time.Time      // of the problem, or of its end
}

// ask runs work about a path, which may wait for the folder's disk, and returns what it returns; without an answer in time, or a turn, it
// is an *UnavailableError, and drop gets what work returns after all.
func ask[T any](ctx context.Context, g *guard, path string, work func() (T, error), drop func(T)) (got T, err error) {
	if err := g.enter(ctx, path); err != nil {
		return got, err
	}
	return run(ctx, g, path, work, drop)
}

// run is ask without waiting for a turn, which the caller has.
func run[T any](ctx context.Context, g *guard, path string, work func() (T, error), drop func(T)) (got T, err error) {
	type answer struct {
		got T
		err error
	}
	answers := make(chan answer) // nobody reads it once the call is left behind
	left := make(chan struct{})
	// The one goroutine of the bridge that may outlive the function that started it: it ends with its system call, or with the process.
	go func() {
		var a answer
		a.got, a.err = work()
		select {
		case answers <- a:
			g.leave()
		case <-left:
			g.comeBack(path)
			if a.err == nil && drop != nil {
				drop(a.got)
			}
		}
	}()
	timer := time.NewTimer(answerLimit)
	defer timer.Stop()
	select {
	case a := <-answers:
		if unavailable, ok := errors.AsType[*UnavailableError](a.err); ok {
			g.note(unavailable.Error())
		} else {
			g.note("")
		}
		return a.got, a.err
	case <-timer.C:
		err = &UnavailableError{Folder: g.folder, Silent: true}
		g.note(err.Error())
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	g.mu.Lock()
	g.hung[path]++
	g.left++
	g.mu.Unlock()
	close(left)
	return got, err
}

// enter waits for a turn, not long: when all calls hang, or one about this path does, not at all.
func (g *guard) enter(ctx context.Context, path string) error {
	end := time.Now().Add(turnLimit)
	turn, err := wake.Until(ctx, &g.freed, func() (turn, over bool, wait time.Duration) {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.calls < maxCalls && g.hung[path] == 0 {
			g.calls++
			return true, true, 0
		}
		wait = time.Until(end)
		return false, g.left == maxCalls || g.hung[path] > 0 || wait <= 0, wait
	})
	if err == nil && !turn {
		err = &UnavailableError{Folder: g.folder, Silent: true}
	}
	return err
}

func (g *guard) leave() {
	g.mu.Lock()
	g.calls--
	g.mu.Unlock()
	g.freed.Wake()
}

// comeBack ends a call that was left behind: what waits for the folder is tried again.
func (g *guard) comeBack(path string) {
	g.mu.Lock()
	if g.left--; g.hung[path] == 1 {
		delete(g.hung, path)
	} else {
		g.hung[path]--
	}
	g.mu.Unlock()
	g.leave()
	g.notify()
}

// note says how the folder does. One that does not answer does well again with its next answer.
func (g *guard) note(problem string) {
	g.mu.Lock()
	changed := g.problem != problem
	if changed {
		g.problem, g.since = problem, time.Now()
	}
	g.mu.Unlock()
	if changed {
		g.notify()
	}
}

// silent reports whether the folder did not answer lately; full, whether so many calls hang that none can be made.
func (g *guard) silent() (silent, full bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.left > 0 && g.problem != "", g.left == maxCalls
}

// unavailable makes an *UnavailableError of what a file system says when it is away, and leaves every other error as it is.
func (g *guard) unavailable(err error) error {
	for _, away := range []error{
		syscall.ENOTCONN, syscall.ESTALE, syscall.ENODEV, syscall.ENXIO, syscall.EHOSTDOWN, syscall.EHOSTUNREACH, syscall.ENETUNREACH,
		syscall.ETIMEDOUT, syscall.ECONNABORTED, syscall.ECONNRESET, syscall.ECONNREFUSED, syscall.EIO,
	} {
		if errors.Is(err, away) {
			return &UnavailableError{Folder: g.folder, Err: err}
		}
	}
	return err
}

// A handle is an open file of a folder. It is closed when nobody needs it any more, which may be long after Close when a call hangs.
type handle struct {
	*guard

	path string
	file *os.File

	mu     sync.Mutex // guards all below
	busy   int        // calls with the file
	closed bool
}

// call asks for work with the file.
func (h *handle) call(ctx context.Context, work func() error) error {
	_, err := ask(ctx, h.guard, h.path, func() (none struct{}, err error) {
		h.mu.Lock()
		closed := h.closed
		if !closed {
			h.busy++
		}
		h.mu.Unlock()
		if closed {
			return none, fs.ErrClosed
		}
		defer h.free()
		return none, h.unavailable(work())
	}, nil)
	return err
}

func (h *handle) free() {
	h.mu.Lock()
	h.busy--
	last := h.closed && h.busy == 0
	h.mu.Unlock()
	if last {
		_ = h.file.Close() // only read from, or already of no use
	}
}

// Close lets go of the file and never waits long.
func (h *handle) Close() error {
	h.mu.Lock()
	now := !h.closed && h.busy == 0
	h.closed = true
	h.mu.Unlock()
	if !now {
		return nil
	}
	h.guard.mu.Lock()
	h.calls++ // a file is closed also while no call can be made
	h.guard.mu.Unlock()
	_, err := run(context.Background(), h.guard, h.path, func() (none struct{}, err error) { return none, h.file.Close() }, nil)
	return err
}
