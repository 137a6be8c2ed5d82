package bridge

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"gphotos2mqtt/mqttapi"
)

// MediaDirs are the only folders that files are read from. Each is an os.Root,
// so that neither "..", nor a symbolic link, nor a folder that is swapped while
// it is looked at leads outside.
type MediaDirs struct {
	dirs []mediaDir
}

type mediaDir struct {
	given string // as the user wrote it, absolute and clean
	real  string // with symbolic links resolved
	root  *os.Root
}

// OpenMediaDirs opens each folder; one that is missing is an error that names it.
func OpenMediaDirs(paths []string) (*MediaDirs, error) {
	m := &MediaDirs{}
	for _, p := range paths {
		d, err := openMediaDir(p)
		if err != nil {
			return nil, errors.Join(err, m.Close())
		}
		m.dirs = append(m.dirs, d)
	}
	return m, nil
}

// Close closes the folders.
func (m *MediaDirs) Close() error {
	var errs []error
	for _, d := range m.dirs {
		errs = append(errs, d.root.Close())
	}
	return errors.Join(errs...)
}

// Exists reports whether the text names an existing file below a media folder.
func (m *MediaDirs) Exists(path string) bool {
	f, _, err := m.Open(path)
	if err != nil {
		return false
	}
	return f.Close() == nil
}

// Open opens a regular file below a media folder for reading and returns its
// real absolute path. The path is absolute, or relative to a media folder. Errors are *mqttapi.Error: not_allowed (the same whether or not
// something is there, so that nobody learns what lies outside), not_found,
// unreadable.
func (m *MediaDirs) Open(path string) (*os.File, string, error) {
	if filepath.IsAbs(path) {
		return m.openAbsolute(path, filepath.Clean(path))
	}
	var first error
	for _, d := range m.dirs {
		f, full, err := m.openAbsolute(path, filepath.Join(d.given, path))
		if err == nil {
			return f, full, nil
		}
		if first == nil || mqttapi.CodeOf(first) == mqttapi.CodeNotFound {
			first = err
		}
	}
	if first == nil {
		return nil, "", m.outside(path)
	}
	return nil, "", first
}

// openAbsolute resolves links first, so that a link from one media folder into
// another works, and then opens through the root, which trusts nothing that
// was resolved.
func (m *MediaDirs) openAbsolute(asked, name string) (*os.File, string, error) {
	if !m.below(name) {
		return nil, "", m.outside(asked)
	}
	full, err := filepath.EvalSymlinks(name)
	if err != nil {
		return nil, "", m.explain(asked, err)
	}
	for _, d := range m.dirs {
		rel, ok := relative(d.real, full)
		if !ok {
			continue
		}
		f, err := openRegular(d.root, rel)
		if err != nil {
			return nil, "", m.explain(asked, err)
		}
		return f, full, nil
	}
	return nil, "", m.outside(asked)
}

func (m *MediaDirs) below(name string) bool {
	for _, d := range m.dirs {
		if _, ok := relative(d.given, name); ok {
			return true
		}
		if _, ok := relative(d.real, name); ok {
			return true
		}
	}
	return false
}

func (m *MediaDirs) outside(path string) error {
	if len(m.dirs) == 0 {
		return mqttapi.Errorf(mqttapi.CodeNotAllowed, "No media folder is configured: set GPHOTOS_MEDIA_DIRS to the folder that holds %s.", shown(path))
	}
	return mqttapi.Errorf(mqttapi.CodeNotAllowed, "%s is outside the media folders; only files below them (GPHOTOS_MEDIA_DIRS) are read.", shown(path))
}

func (m *MediaDirs) explain(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return mqttapi.Errorf(mqttapi.CodeNotFound, "There is no file %s.", shown(path))
	case errors.Is(err, syscall.ENAMETOOLONG):
		return mqttapi.Errorf(mqttapi.CodeNotFound, "There is no file %s: the name is too long.", shown(path))
	case errors.Is(err, errIrregular):
		return mqttapi.Errorf(mqttapi.CodeUnreadable, "%s is not a regular file: folders, pipes and devices are not uploaded.", shown(path))
	case errors.Is(err, fs.ErrPermission):
		return mqttapi.Errorf(mqttapi.CodeUnreadable, "%s may not be read by the bridge: check its permissions.", shown(path))
	}
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) && strings.Contains(pathErr.Err.Error(), "escapes") {
		return m.outside(path)
	}
	return mqttapi.Errorf(mqttapi.CodeUnreadable, "%s cannot be read.", shown(path))
}

var errIrregular = errors.New("not a regular file")

func openMediaDir(path string) (mediaDir, error) {
	given, err := filepath.Abs(path)
	if err != nil {
		return mediaDir{}, fmt.Errorf("media folder %s: %w", path, err)
	}
	full, err := filepath.EvalSymlinks(given)
	if err != nil {
		return mediaDir{}, fmt.Errorf("media folder %s: %w", path, err)
	}
	root, err := os.OpenRoot(full)
	if err != nil {
		return mediaDir{}, fmt.Errorf("media folder %s: %w", path, err)
	}
	return mediaDir{given: given, real: full, root: root}, nil
}

// openRegular opens without blocking, because opening a pipe waits for a writer.
func openRegular(root *os.Root, rel string) (*os.File, error) {
	f, err := root.OpenFile(rel, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errIrregular
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// relative returns name as seen from dir, if it is below dir.
func relative(dir, name string) (string, bool) {
	rel, err := filepath.Rel(dir, name)
	if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
		return "", false
	}
	return rel, true
}

// shown cuts a path that came from outside to what a message can bear.
func shown(path string) string {
	if len(path) > 120 {
		return path[:120] + "…"
	}
	return path
}
