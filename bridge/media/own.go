package media

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gphotos2mqtt/mqttapi"
)

const partPrefix = ".gphotos2mqtt-" // begins the hidden name of a file that Save is writing

// within asks for work in the folder of a path, open as it is now; rel is the path's place in it, whose folder's links are resolved.
func (f *Folders) within(ctx context.Context, path, dir, file string, work func(root *os.Root, rel string) error) error {
	one := f.of(path)
	if one == nil {
		return errOutside
	}
	_, err := ask(ctx, &one.guard, path, func() (none struct{}, err error) {
		root, rel, _, err := one.resolve(dir, file)
		if err != nil {
			return none, one.unavailable(err)
		}
		return none, one.unavailable(errors.Join(work(root, rel), root.Close()))
	}, nil)
	if _, crossed := errors.AsType[*crossedError](err); crossed {
		return errOutside
	}
	return err
}

// MakeFolder makes a folder below a media folder, with those above it that are missing. Errors are those of Save.
func (f *Folders) MakeFolder(ctx context.Context, path string) error {
	name := filepath.Clean(path)
	one := f.of(name)
	if one == nil {
		return f.outside(path)
	}
	_, err := ask(ctx, &one.guard, name, func() (none struct{}, err error) {
		root, real, err := one.root()
		if err != nil {
			return none, err
		}
		rel := relative(one.given, name)
		if rel == "" {
			rel = relative(real, name)
		}
		return none, one.unavailable(errors.Join(root.MkdirAll(rel, 0o755), root.Close()))
	}, nil)
	if err != nil {
		return f.explainSave(path, err)
	}
	return nil
}

// Remove removes a file that was saved, if its content still has that SHA-256, in hex, and the folder with its last file. It reports false,
// and leaves the file, when it has another content. One that is gone is no error.
func (f *Folders) Remove(ctx context.Context, path, sum string) (removed bool, err error) {
	file, err := f.Open(ctx, path)
	if refused, ok := errors.AsType[*mqttapi.Error](err); ok && refused.Code == mqttapi.CodeNotFound {
		return true, nil
	} else if ok && refused.Code == mqttapi.CodeUnreadable {
		return false, nil
	} else if err != nil {
		return false, f.explainSave(path, err)
	}
	is, err := file.Sum(0)
	err = errors.Join(err, file.Close())
	if err != nil || is != sum || filepath.Base(file.Path) != filepath.Base(path) { // also a link in its place
		return false, err
	}
	err = f.within(ctx, path, filepath.Dir(path), filepath.Base(path), func(root *os.Root, rel string) error {
		if err := root.Remove(rel); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		_ = root.Remove(filepath.Dir(rel)) // which fails as long as anything is in it
		return nil
	})
	if err != nil {
		return false, f.explainSave(path, err)
	}
	return true, nil
}

// Sweep removes what Save was writing into a folder when the process was stopped, before a time.
func (f *Folders) Sweep(ctx context.Context, path string, before time.Time) {
	_ = f.within(ctx, path, path, "", func(root *os.Root, rel string) error {
		entries, err := fs.ReadDir(root.FS(), rel)
		for _, e := range entries {
			info, err := e.Info()
			if err == nil && strings.HasPrefix(e.Name(), partPrefix) && info.Mode().IsRegular() && info.ModTime().Before(before) {
				_ = root.Remove(filepath.Join(rel, e.Name())) // it is of no use to anybody
			}
		}
		return err
	})
}
