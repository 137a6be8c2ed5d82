package media

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const partPrefix = ".gphotos2mqtt-" // begins the hidden name of a file that Save is writing

// MakeFolder makes a folder below a media folder, with those above it that are missing. Errors are those of Save.
func (f *Folders) MakeFolder(path string) error {
	name := filepath.Clean(path)
	for _, one := range f.all {
		for _, known := range []string{one.given, one.real} {
			if rel := relative(known, name); rel != "" {
				if err := one.root.MkdirAll(rel, 0o755); err != nil {
					return f.explainSave(path, err)
				}
				return nil
			}
		}
	}
	return f.outside(path)
}

// Remove removes a file that was saved, if its content still has that SHA-256, in hex, and the folder with its last file. It reports false,
// and leaves the file, when it has another content. One that is gone is no error.
func (f *Folders) Remove(path, sum string) (removed bool, err error) {
	root, rel, _, err := f.resolve(path, filepath.Dir(path), filepath.Base(path))
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	} else if err != nil {
		return false, f.explainSave(path, err)
	}
	is, err := sumOf(root, rel)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return false, f.explainSave(path, err)
	case is != sum:
		return false, nil
	default:
		if err := root.Remove(rel); err != nil {
			return false, f.explainSave(path, err)
		}
	}
	_ = root.Remove(filepath.Dir(rel)) // which fails as long as anything is in it
	return true, nil
}

// sumOf is empty for what is not a regular file.
func sumOf(root *os.Root, rel string) (string, error) {
	if info, err := root.Lstat(rel); err != nil || !info.Mode().IsRegular() {
		return "", err
	}
	file, err := root.Open(rel)
	if err != nil {
		return "", err
	}
	defer file.Close() //nolint:errcheck // only read from
	sum := sha256.New()
	_, err = io.Copy(sum, file)
	return hex.EncodeToString(sum.Sum(nil)), err
}

// Sweep removes what Save was writing into a folder when the process was stopped, before a time.
func (f *Folders) Sweep(path string, before time.Time) {
	root, rel, _, err := f.resolve(path, path, "")
	if err != nil {
		return
	}
	entries, err := fs.ReadDir(root.FS(), rel)
	if err != nil {
		return
	}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && strings.HasPrefix(e.Name(), partPrefix) && info.Mode().IsRegular() && info.ModTime().Before(before) {
			_ = root.Remove(filepath.Join(rel, e.Name())) // it is of no use to anybody
		}
	}
}
