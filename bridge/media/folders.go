// Package media opens and writes files in the folders that the user allows (GPHOTOS_MEDIA_DIRS), and nowhere else.
//
// Each folder is an os.Root, so that neither "..", nor a symbolic link, nor a folder that is swapped while it is looked at leads outside.
package media

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"gphotos2mqtt/mqttapi"
)

// Folders are the media folders. All methods may be called from several goroutines.
type Folders struct{ all []folder }

type folder struct {
	given string // as the user wrote it, absolute and clean
	real  string // with symbolic links resolved
	root  *os.Root
}

// Open opens each folder; one that is missing is an error that names it.
func Open(paths []string) (*Folders, error) {
	f := &Folders{}
	for _, path := range paths {
		var one folder
		var err error
		if one.given, err = filepath.Abs(path); err == nil {
			one.real, err = filepath.EvalSymlinks(one.given)
		}
		if err == nil {
			one.root, err = os.OpenRoot(one.real)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("media folder %s: %w", path, err), f.Close())
		}
		f.all = append(f.all, one)
	}
	return f, nil
}

// Close closes the folders.
func (f *Folders) Close() (err error) {
	for _, one := range f.all {
		err = errors.Join(err, one.root.Close())
	}
	return err
}

// Exists reports whether the text names something below a media folder, also what is not to be read, such as a folder.
func (f *Folders) Exists(path string) bool {
	file, _, err := f.Open(path)
	refused, ok := errors.AsType[*mqttapi.Error](err)
	return err == nil && file.Close() == nil || ok && refused.Code == mqttapi.CodeUnreadable
}

// Open opens a regular file below a media folder for reading and returns its real absolute path. The path is absolute, or relative to a
// media folder. Errors are *mqttapi.Error: CodeNotAllowed (the same whether or not something is there, so that nobody learns what lies
// outside), CodeNotFound, CodeUnreadable.
func (f *Folders) Open(path string) (*os.File, string, error) {
	names := []string{path}
	if !filepath.IsAbs(path) {
		names = nil
		for _, one := range f.all {
			names = append(names, filepath.Join(one.given, path))
		}
	}
	refused := f.outside(path)
	for n, name := range names {
		name = filepath.Clean(name)
		file, full, err := f.open(name)
		if err != nil {
			if other := f.spelled(name); other != "" {
				file, full, err = f.open(other)
			}
		}
		if err == nil {
			return file, full, nil
		}
		if n == 0 || refused.Code == mqttapi.CodeNotFound {
			refused = f.Explain(path, err)
		}
	}
	return nil, "", refused
}

func (f *Folders) open(name string) (*os.File, string, error) {
	root, rel, full, err := f.resolve(name, name, "")
	if err != nil {
		return nil, "", err
	}
	file, err := root.OpenFile(rel, os.O_RDONLY|syscall.O_NONBLOCK, 0) // opening a pipe waits for a writer otherwise
	if err != nil {
		return nil, "", err
	}
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, "", errors.Join(err, errIrregular, file.Close())
	}
	return file, full, nil
}

// Save writes what is read to a new file below a media folder and returns its size in bytes and its path. An existing file is not
// touched: the error is CodeNotAllowed. The file appears under its name when it is complete. Errors of the user's making are
// *mqttapi.Error.
func (f *Folders) Save(path string, r io.Reader) (int64, string, error) {
	name := filepath.Clean(path)
	if !filepath.IsAbs(name) && len(f.all) > 0 {
		name = filepath.Join(f.all[0].given, path)
	}
	root, rel, full, err := f.resolve(name, filepath.Dir(name), filepath.Base(name))
	if err != nil {
		return 0, "", f.explainSave(path, err)
	}
	// A stop before the link leaves a hidden file that a person can delete.
	part := filepath.Join(filepath.Dir(rel), partPrefix+rand.Text())
	var n int64
	file, err := root.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err == nil {
		n, err = io.Copy(file, r)
		err = errors.Join(err, file.Sync(), file.Close())
	}
	if err == nil {
		err = root.Link(part, rel)
	}
	if removed := root.Remove(part); !errors.Is(removed, fs.ErrNotExist) {
		err = errors.Join(err, removed)
	}
	if err != nil {
		return 0, "", f.explainSave(path, err)
	}
	return n, full, nil
}

// resolve finds the media folder of a path, or of a new file in it. Links are resolved first; the root trusts nothing of that.
func (f *Folders) resolve(name, path, file string) (root *os.Root, rel, full string, err error) {
	below := func(one folder) bool { return relative(one.given, name) != "" || relative(one.real, name) != "" }
	if !slices.ContainsFunc(f.all, below) {
		return nil, "", "", errOutside
	}
	if full, err = filepath.EvalSymlinks(path); err != nil {
		return nil, "", "", err
	}
	full = filepath.Join(full, file)
	for _, one := range f.all {
		if rel = relative(one.real, full); rel != "" {
			return one.root, rel, full, nil
		}
	}
	return nil, "", "", errOutside
}

// relative returns name as seen from dir, "" if it is not below dir.
func relative(dir, name string) string {
	if rel, err := filepath.Rel(dir, name); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return ""
}

var (
	errIrregular = errors.New("not a regular file")
	errOutside   = errors.New("outside the media folders")
)

// Explain says what the file system's error about a path means for who named it.
func (f *Folders) Explain(path string, err error) *mqttapi.Error {
	pathErr, ok := errors.AsType[*fs.PathError](err)
	escapes := ok && strings.Contains(pathErr.Err.Error(), "escapes") // a root refused what leads outside
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return because(mqttapi.CodeNotFound, "There is no file %s.", path)
	case errors.Is(err, syscall.ENAMETOOLONG):
		return because(mqttapi.CodeNotFound, "There is no file %s: the name is too long.", path)
	case errors.Is(err, errIrregular):
		return because(mqttapi.CodeUnreadable, "%s is not a regular file: folders, pipes and devices are not uploaded.", path)
	case errors.Is(err, fs.ErrPermission):
		return because(mqttapi.CodeUnreadable, "%s may not be read by the bridge: check its permissions.", path)
	case errors.Is(err, errOutside), escapes:
		return f.outside(path)
	}
	return because(mqttapi.CodeUnreadable, "%s cannot be read.", path)
}

func (f *Folders) explainSave(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrExist):
		return because(mqttapi.CodeNotAllowed, "%s exists already and is not overwritten.", path)
	case errors.Is(err, fs.ErrNotExist):
		return because(mqttapi.CodeNotFound, "There is no folder for %s.", path)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return because(mqttapi.CodeNotAllowed, "The folder of %s is not writable for the bridge.", path)
	case errors.Is(err, errOutside):
		return f.outside(path)
	}
	return fmt.Errorf("save file: %w", err)
}

func (f *Folders) outside(path string) *mqttapi.Error {
	if len(f.all) == 0 {
		return because(mqttapi.CodeNotAllowed, "No media folder is configured: set GPHOTOS_MEDIA_DIRS to the folder that holds %s.", path)
	}
	return because(mqttapi.CodeNotAllowed, "%s is outside the media folders; only files below them (GPHOTOS_MEDIA_DIRS) are read.", path)
}

func because(code mqttapi.Code, format, path string) *mqttapi.Error {
	return mqttapi.Errorf(code, format, Shorten(path))
}

// Shorten cuts a path or name that came from outside to what a message can bear.
func Shorten(path string) string {
	if len(path) > 120 {
		return path[:120] + "…"
	}
	return path
}
