package bridge

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"gphotos2mqtt/mqttapi"
)

// Save writes what is read to a new file below a media folder and returns its
// size in bytes and its path. An existing file is not touched: the error is
// not_allowed. The file appears under its name when it is complete. Errors of
// the user's making are *mqttapi.Error.
func (m *MediaDirs) Save(path string, r io.Reader) (int64, string, error) {
	d, rel, full, err := m.place(path)
	if err != nil {
		return 0, "", err
	}
	// A stop before the link leaves a hidden file that a person can delete.
	part := filepath.Join(filepath.Dir(rel), ".gphotos2mqtt-"+rand.Text())
	n, err := writeNew(d.root, part, r)
	if err == nil {
		err = d.root.Link(part, rel)
	}
	err = errors.Join(err, ignoreMissing(d.root.Remove(part)))
	switch {
	case errors.Is(err, fs.ErrExist):
		return 0, "", mqttapi.Errorf(mqttapi.CodeNotAllowed, "%s exists already and is not overwritten.", shown(path))
	case err != nil:
		return 0, "", m.explainSave(path, err)
	}
	return n, full, nil
}

// place finds the media folder of a path that need not exist, its folder must.
func (m *MediaDirs) place(path string) (d mediaDir, rel, full string, err error) {
	if !filepath.IsAbs(path) && len(m.dirs) > 0 {
		path = filepath.Join(m.dirs[0].given, path)
	}
	path = filepath.Clean(path)
	if !m.below(path) {
		return d, "", "", m.outside(path)
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return d, "", "", m.explainSave(path, err)
	}
	full = filepath.Join(dir, filepath.Base(path))
	for _, d := range m.dirs {
		if rel, ok := relative(d.real, full); ok && rel != "." {
			return d, rel, full, nil
		}
	}
	return d, "", "", m.outside(path)
}

func (m *MediaDirs) explainSave(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return mqttapi.Errorf(mqttapi.CodeNotFound, "There is no folder for %s.", shown(path))
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return mqttapi.Errorf(mqttapi.CodeNotAllowed, "The folder of %s is not writable for the bridge.", shown(path))
	}
	return fmt.Errorf("save file: %w", err)
}

func writeNew(root *os.Root, name string, r io.Reader) (int64, error) {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(f, r)
	if err == nil {
		err = f.Sync()
	}
	return n, errors.Join(err, f.Close())
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
