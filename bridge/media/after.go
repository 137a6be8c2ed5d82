package media

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gphotos2mqtt/mqttapi"
)

const asidePrefix = ".gphotos2mqtt.after-" // begins the hidden name of a file that is about to be deleted or moved

// An After is what happens to a file that was uploaded, and how far it has come.
type After struct {
	Folder string // to move the file into; "" = it is deleted
	Seen   Seen   // the file when it was uploaded
	Sum    string // SHA-256 in hex, from Skip on; "" = not known
	Skip   int64  // bytes
	Aside  string // the name that it gets before anything else, once that is saved
	Target string // where it is moved to, once that is saved
}

// errStopped: what was to be saved was not, or a test ends the bridge between two steps. Nothing is done any more.
var errStopped = errors.New("stopped")

// MayChange reports whether a file may be deleted or moved, or a new one be put into a folder.
func (f *Folders) MayChange(ctx context.Context, path string) (bool, error) {
	real, err := f.followed(ctx, path)
	if _, passes := errors.AsType[*UnavailableError](err); passes || ctx.Err() != nil {
		return false, err
	} else if err != nil {
		return false, nil //nolint:nilerr // what is not there, or outside, may not
	}
	for _, allowed := range f.after {
		if allowed, err := f.followed(ctx, allowed); err == nil && relative(allowed, real) != "" {
			return true, nil
		}
	}
	return false, nil
}

// followed returns a path without symbolic links.
func (f *Folders) followed(ctx context.Context, path string) (string, error) {
	one := f.of(path)
	if one == nil {
		return "", errOutside
	}
	return ask(ctx, &one.guard, path, func() (string, error) {
		real, err := filepath.EvalSymlinks(path)
		return real, one.unavailable(err)
	}, nil)
}

// Do deletes or moves a file, if it is still the one that was uploaded. It is put aside under another name first, so that a new file under
// the old name is never touched, and looked at there. save makes each intent durable before it is carried out; after a stop at any point the
// same is called again with what was saved last. It returns where the file is now: "" when it is gone. An *mqttapi.Error says why the file
// stays, an *UnavailableError that its folder is away.
func (f *Folders) Do(ctx context.Context, a After, save func(After) error) (path string, err error) {
	dir := filepath.Dir(a.Seen.Path)
	if a.Aside == "" {
		file, err := f.open(ctx, a.Seen.Path)
		if err != nil {
			return "", f.explain(a.Seen.Path, err)
		}
		if err := errors.Join(file.is(a), file.Close()); err != nil {
			return a.Seen.Path, err
		}
		a.Aside = filepath.Join(dir, asidePrefix+rand.Text())
		if err := f.step(save(a)); err != nil {
			return "", err
		}
	}
	if err := f.putAside(ctx, a); err != nil {
		if errors.Is(err, fs.ErrNotExist) { // the last step was made before a stop
			return f.find(ctx, a)
		}
		return "", f.explain(a.Seen.Path, err)
	}
	if err := f.step(nil); err != nil {
		return "", err
	}
	file, err := f.open(ctx, a.Aside)
	if err != nil {
		return "", f.explain(a.Seen.Path, err)
	}
	if err = errors.Join(file.is(a), file.Close()); err == nil {
		if a.Folder == "" {
			return "", f.explainAfter(a, f.removeAside(ctx, a))
		}
		if path, err = f.move(ctx, a, save); err == nil {
			return path, nil
		}
	}
	if _, passes := errors.AsType[*UnavailableError](err); passes || errors.Is(err, errStopped) || ctx.Err() != nil {
		return "", err
	}
	path, back := f.putBack(ctx, a)
	return path, errors.Join(f.explainAfter(a, err), back)
}

// step is between two steps.
func (f *Folders) step(err error) error {
	if err == nil && f.stop != nil {
		err = f.stop()
	}
	if err != nil {
		err = fmt.Errorf("%w: %w", errStopped, err)
	}
	return err
}

// is checks that the open file is the one that was uploaded.
func (f *File) is(a After) error {
	if f.Size == a.Seen.Size && f.ModTime.Equal(a.Seen.ModTime) && (a.Sum != "" || f.Inode == a.Seen.Inode) {
		if a.Sum == "" {
			return nil
		}
		sum, err := f.Sum(a.Skip)
		if err != nil || sum == a.Sum {
			return err
		}
	}
	return because(mqttapi.CodeChanged, "%s is no longer the file that was uploaded, and stays.", a.Seen.Path)
}

// putAside gives the file its other name; fs.ErrNotExist: it is under neither.
func (f *Folders) putAside(ctx context.Context, a After) error {
	dir := filepath.Dir(a.Aside)
	return f.within(ctx, a.Aside, dir, filepath.Base(a.Aside), func(root *os.Root, aside string) error {
		if _, err := root.Lstat(aside); err == nil {
			return nil
		}
		name := filepath.Join(filepath.Dir(aside), filepath.Base(a.Seen.Path))
		info, err := root.Lstat(name)
		if err == nil && (info.Size() != a.Seen.Size || !info.ModTime().Equal(a.Seen.ModTime)) {
			err = fs.ErrNotExist // another one has its name now
		}
		if err == nil {
			err = root.Rename(name, aside)
		}
		return err
	})
}

// putBack gives a file that stays its name again, or, when a new one has it, one with a number.
func (f *Folders) putBack(ctx context.Context, a After) (path string, err error) {
	err = fs.ErrExist
	for n := 0; n < maxNumber && errors.Is(err, fs.ErrExist); n++ {
		path = numbered(a.Seen.Path, n)
		err = f.within(ctx, a.Aside, filepath.Dir(a.Aside), filepath.Base(a.Aside), func(root *os.Root, aside string) error {
			return place(root, aside, filepath.Join(filepath.Dir(aside), filepath.Base(path)))
		})
	}
	return path, err
}

const maxNumber = 1000 // of files of one name in a folder

// numbered is the name "a (2).jpg" for 2, and the path itself for 0.
func numbered(path string, n int) string {
	if n == 0 {
		return path
	}
	ending := filepath.Ext(path)
	return fmt.Sprintf("%s (%d)%s", strings.TrimSuffix(path, ending), n, ending)
}

// move moves the file that is aside to its folder, under a name that no other file has.
func (f *Folders) move(ctx context.Context, a After, save func(After) error) (string, error) {
	if err := f.MakeFolder(ctx, a.Folder); err != nil {
		return "", err
	}
	if may, err := f.MayChange(ctx, a.Folder); err != nil || !may {
		return "", errors.Join(err, f.NotAllowed(a.Folder))
	}
	first := filepath.Join(a.Folder, filepath.Base(a.Seen.Path))
	for n := range maxNumber {
		if target := numbered(first, n); a.Target == "" || n > 0 {
			a.Target = target
			if err := f.step(save(a)); err != nil {
				return "", err
			}
		}
		err := f.moveTo(ctx, a)
		if err == nil {
			return a.Target, f.step(nil)
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", err
		}
	}
	return "", fs.ErrExist
}

// moveTo moves within a disk, or copies, looks at the copy, and removes the file. fs.ErrExist: another file has the name.
func (f *Folders) moveTo(ctx context.Context, a After) error {
	err := errors.ErrUnsupported // from one media folder into another
	if from := f.of(a.Aside); from == f.of(a.Target) {
		err = f.within(ctx, a.Aside, filepath.Dir(a.Aside), filepath.Base(a.Aside), func(root *os.Root, aside string) error {
			to := relative(from.given, a.Target)
			if to == "" {
				to = relative(*from.real.Load(), a.Target)
			}
			if same(root, aside, to) { // a stop was between its new name and the end of the old one
				return root.Remove(aside)
			}
			return place(root, aside, to)
		})
	}
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	file, err := f.open(ctx, a.Aside)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // only read from
	sum, err := file.Sum(0)
	if err != nil {
		return err
	}
	there, err := f.open(ctx, a.Target)
	if err != nil { // it is not there, else a stop was before the end of the old one
		file.SeekTo(0)
		if _, _, err := f.save(ctx, a.Target, file); err != nil {
			return err
		}
		if there, err = f.open(ctx, a.Target); err != nil {
			return err
		}
	}
	copied, err := there.Sum(0)
	if err = errors.Join(err, there.Close(), f.step(nil)); err != nil {
		return err
	}
	if copied != sum {
		return fs.ErrExist
	}
	return f.removeAside(ctx, a)
}

func (f *Folders) removeAside(ctx context.Context, a After) error {
	return f.within(ctx, a.Aside, filepath.Dir(a.Aside), filepath.Base(a.Aside), func(root *os.Root, aside string) error {
		return root.Remove(aside)
	})
}

func same(root *os.Root, a, b string) bool {
	one, err := root.Lstat(a)
	other, err2 := root.Lstat(b)
	return err == nil && err2 == nil && os.SameFile(one, other)
}

// find says where a file is that was put aside and is not there any more.
func (f *Folders) find(ctx context.Context, a After) (string, error) {
	if a.Folder == "" {
		return "", nil
	}
	if a.Target != "" {
		if file, err := f.open(ctx, a.Target); err == nil {
			if file.Size == a.Seen.Size {
				return a.Target, file.Close()
			}
			_ = file.Close() // only read from
		}
	}
	return "", because(mqttapi.CodeNotFound, "%s was taken away by somebody else.", a.Seen.Path)
}

// NotAllowed is the error for a file that may not be deleted or moved.
func (f *Folders) NotAllowed(path string) *mqttapi.Error {
	return because(mqttapi.CodeNotAllowed, `"after" is not allowed for %s: name its folder in GPHOTOS_MEDIA_AFTER.`, path)
}

// explainAfter says why a file stays; nil for nil.
func (f *Folders) explainAfter(a After, err error) error {
	if _, passes := errors.AsType[*UnavailableError](err); err == nil || passes {
		return err
	}
	if refused, ok := errors.AsType[*mqttapi.Error](err); ok {
		return refused
	}
	if errors.Is(err, fs.ErrExist) {
		return because(mqttapi.CodeNotAllowed, "The folder has too many files of the name of %s.", a.Seen.Path)
	}
	return because(mqttapi.CodeNotAllowed, "%s may not be deleted or moved by the bridge: check the rights of its folder.", a.Seen.Path)
}
