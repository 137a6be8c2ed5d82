// Package media opens and writes files in the folders that the user allows (GPHOTOS_MEDIA_DIRS), and nowhere else.
//
// Each folder is an os.Root, so that neither "..", nor a symbolic link, nor a folder that is swapped while it is looked at leads outside.
package media

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
)

// Folders are the media folders. All methods may be called from several goroutines, and none waits longer than seconds for a disk.
type Folders struct {
	all   []*folder
	after []string     // where files may be deleted or moved
	stop  func() error // between two steps of After; tests alone set it, to stop there

	watchers wake.Members[func()]
}

// A folder is opened for each use: what is mounted there or linked to now is what counts.
type folder struct {
	guard

	given string                 // as the user wrote it, absolute and clean
	real  atomic.Pointer[string] // where it was when it was last used, with symbolic links resolved
	of    func(path string) *folder
}

// Open names the folders and looks for each; one that is not there or does not answer is a problem for Problems, not an error.
func Open(ctx context.Context, paths []string) (*Folders, error) {
	f := &Folders{}
	for _, path := range paths {
		given, err := filepath.Abs(path)
		if err != nil {
			return nil, fmt.Errorf("media folder %s: %w", path, err)
		}
		one := &folder{given: given, of: f.of, guard: guard{folder: given, notify: f.notify, hung: map[string]int{}, since: time.Now()}}
		one.real.Store(&given)
		f.all = append(f.all, one)
	}
	var looks sync.WaitGroup
	for _, one := range f.all {
		looks.Go(func() { one.look(ctx) })
	}
	looks.Wait()
	return f, nil
}

// Allow lets files below these folders be deleted, and moved between them; setting GPHOTOS_MEDIA_AFTER. It is called before all else.
func (f *Folders) Allow(paths []string) { f.after = paths }

// Allowed reports whether a folder is by its name one that files may be moved into.
func (f *Folders) Allowed(path string) bool {
	return slices.ContainsFunc(f.after, func(dir string) bool { return relative(dir, path) != "" }) && f.of(path) != nil
}

// Abs makes a path absolute, below the first folder if it is not.
func (f *Folders) Abs(path string) string { return append(f.names(path), path)[0] }

// Watch has changed called, which must not wait, whenever a folder does better or worse, until who watches leaves.
func (f *Folders) Watch(changed func()) (leave func()) { return f.watchers.Join(changed) }

func (f *Folders) notify() {
	for _, changed := range f.watchers.All() {
		changed()
	}
}

// A State is how a folder does.
type State struct {
	Problem string    // a sentence; "" = none is known
	Since   time.Time // of the problem, or of its end
}

// States returns how each folder does, by its path, as it showed when it was last used.
func (f *Folders) States() map[string]State {
	states := map[string]State{}
	for _, one := range f.all {
		one.mu.Lock()
		states[one.given] = State{one.problem, one.since}
		one.mu.Unlock()
	}
	return states
}

// Problem joins what is wrong with the folders; "" = nothing is known.
func (f *Folders) Problem() string {
	var all []string
	for _, one := range f.all {
		one.mu.Lock()
		if one.problem != "" {
			all = append(all, one.problem)
		}
		one.mu.Unlock()
	}
	return strings.Join(all, " ")
}

// LookAgain looks for the folders that had a problem.
func (f *Folders) LookAgain(ctx context.Context) {
	for _, one := range f.all {
		if state := f.States()[one.given]; state.Problem != "" {
			one.look(ctx)
		}
	}
}

func (one *folder) look(ctx context.Context) {
	_, _ = ask(ctx, &one.guard, one.given, func() (none struct{}, err error) { // the guard notes what is wrong
		root, _, err := one.root()
		if err == nil {
			err = root.Close()
		}
		return none, err
	}, nil)
}

// root opens the folder as it is now and returns its path without symbolic links.
func (one *folder) root() (*os.Root, string, error) {
	real, err := filepath.EvalSymlinks(one.given)
	var root *os.Root
	if err == nil {
		root, err = os.OpenRoot(real)
	}
	if err != nil {
		return nil, "", &UnavailableError{Folder: one.given, Err: err}
	}
	one.real.Store(&real)
	return root, real, nil
}

// Exists reports whether the text names something below a media folder, also what is not to be read, such as a folder. What an absolute
// path names below a folder that does not answer counts as there.
func (f *Folders) Exists(ctx context.Context, path string) bool {
	if silent, _ := f.Silent(path); silent {
		return filepath.IsAbs(path)
	}
	file, err := f.Open(ctx, path)
	if err == nil {
		return file.Close() == nil
	}
	_, unavailable := errors.AsType[*UnavailableError](err)
	refused, ok := errors.AsType[*mqttapi.Error](err)
	return unavailable && filepath.IsAbs(path) || ok && refused.Code == mqttapi.CodeUnreadable
}

// Silent reports whether the folder of a path did not answer lately, and whether it cannot even be asked at present.
func (f *Folders) Silent(path string) (silent, full bool) {
	if one := f.of(path); one != nil {
		return one.silent()
	}
	return false, false
}

// Folder returns the folder of a path as the user wrote it, "" for a path outside of all.
func (f *Folders) Folder(path string) string {
	if one := f.of(path); one != nil {
		return one.given
	}
	return ""
}

// of returns the folder that a path lies below by its name, the innermost of several; a relative path counts as of the first.
func (f *Folders) of(path string) (found *folder) {
	if !filepath.IsAbs(path) && len(f.all) > 0 {
		return f.all[0]
	}
	for _, one := range f.all {
		if one.holds(path) && (found == nil || len(one.given) > len(found.given)) {
			found = one
		}
	}
	return found
}

// names are what a path may mean: an absolute path itself, a relative one a file below each folder.
func (f *Folders) names(path string) []string {
	if filepath.IsAbs(path) {
		return []string{filepath.Clean(path)}
	}
	var names []string
	for _, one := range f.all {
		names = append(names, filepath.Join(one.given, path))
	}
	return names
}

// Open opens a regular file below a media folder for reading. The path is absolute, or relative to a media folder. Errors are
// *UnavailableError, ctx's, and *mqttapi.Error: CodeNotAllowed (the same whether or not something is there, so that nobody learns what lies
// outside), CodeNotFound, CodeUnreadable.
func (f *Folders) Open(ctx context.Context, path string) (*File, error) {
	var refused error = f.outside(path)
	found := mqttapi.CodeNotAllowed
	for n, name := range f.names(path) {
		file, err := f.open(ctx, name)
		if err == nil {
			return file, nil
		}
		if n == 0 || found == mqttapi.CodeNotFound { // the first answer that is more than that
			refused = f.explain(path, err)
			if e, ok := errors.AsType[*mqttapi.Error](refused); ok {
				found = e.Code
			} else {
				found = ""
			}
		}
	}
	return nil, refused
}

// open opens a file by its absolute, clean name. A symbolic link may lead from one folder into another.
func (f *Folders) open(ctx context.Context, name string) (*File, error) {
	for range maxHops { // a link may lead on, or be changed just now
		one := f.of(name)
		if one == nil {
			return nil, errOutside
		}
		file, err := one.open(ctx, name)
		crossed, ok := errors.AsType[*crossedError](err)
		if !ok {
			return file, err
		}
		if f.of(crossed.to) != nil {
			name = crossed.to
		}
	}
	return nil, errOutside
}

func (one *folder) open(ctx context.Context, name string) (*File, error) {
	file, err := ask(ctx, &one.guard, name, func() (*File, error) {
		file, err := one.openNow(name)
		if err != nil {
			if other := one.spelled(name); other != "" {
				file, err = one.openNow(other)
			}
		}
		return file, one.unavailable(err)
	}, func(f *File) { _ = f.handle.file.Close() })
	if file != nil {
		file.ctx = ctx
	}
	return file, err
}

func (one *folder) openNow(name string) (*File, error) {
	root, rel, full, err := one.resolve(name, "")
	if err != nil {
		return nil, err
	}
	defer root.Close()                                                 //nolint:errcheck // only read from
	file, err := root.OpenFile(rel, os.O_RDONLY|syscall.O_NONBLOCK, 0) // opening a pipe waits for a writer otherwise
	if err != nil {
		if is, _ := root.Lstat(rel); is != nil && !is.Mode().IsRegular() { // a socket's error is that of a disk that is away
			err = errIrregular
		}
		return nil, err
	}
	f, err := newFile(&handle{guard: &one.guard, path: full, file: file})
	if err != nil {
		err = errors.Join(err, file.Close())
	}
	return f, err
}

// A crossedError says that a symbolic link leads out of its folder, maybe into another.
type crossedError struct{ to string }

func (e *crossedError) Error() string { return "leads to " + e.to }

// resolve opens the folder and finds a path, or a new file in it. Links are resolved first; the root trusts nothing of that.
func (one *folder) resolve(path, file string) (root *os.Root, rel, full string, err error) {
	if root, full, err = one.root(); err != nil {
		return nil, "", "", err
	}
	real := full
	if other := one.leads(real, path); other != "" {
		err = &crossedError{filepath.Join(other, file)}
	} else if full, err = filepath.EvalSymlinks(path); err == nil {
		full = filepath.Join(full, file)
		if rel = relative(real, full); rel == "" {
			err = &crossedError{full}
		}
	}
	if err != nil {
		return nil, "", "", errors.Join(err, root.Close())
	}
	return root, rel, full, nil
}

// relative returns name as seen from dir, "" if it is not below dir.
func relative(dir, name string) string {
	if rel, err := filepath.Rel(dir, name); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return ""
}
