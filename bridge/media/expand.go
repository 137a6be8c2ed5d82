package media

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gphotos2mqtt/mqttapi"
)

// countUpTo is how many files a pattern or folder is looked through for, so that a mistake does not read a whole disk.
const countUpTo = 20_000

// IsPattern reports whether a path may stand for several files. Source of the forms: https://pkg.go.dev/path/filepath#Match
func IsPattern(path string) bool { return strings.ContainsAny(path, "*?[") }

// Expand returns the files that a pattern stands for, and with below those of each folder that it names and of all below it, in the order
// of their paths; a path without a pattern stands for itself. Hidden and temporary files, and folders that NAS systems keep for themselves,
// are left out; a link to a folder is not followed. Errors are those of Open; CodeNotFound: there is no such file.
func (f *Folders) Expand(ctx context.Context, path string, below bool) (files []string, err error) {
	refused := error(f.outside(path))
	if IsPattern(path) {
		if _, err := filepath.Match(path, ""); err != nil {
			return nil, because(mqttapi.CodeBadPayload, "The pattern %s is broken: a [ needs its ], or write \\[ for the letter.", path)
		}
	}
	for _, name := range f.names(path) {
		one := f.of(name)
		if one == nil {
			continue
		}
		dir := one.given
		rel := relative(dir, name)
		if rel == "" {
			dir = *one.real.Load()
			rel = relative(dir, name)
		}
		found, err := one.expand(ctx, dir, strings.Split(rel, string(filepath.Separator)), below)
		if files = append(files, found...); err != nil {
			refused = f.explain(path, err)
		} else if len(found) == 0 {
			refused = because(mqttapi.CodeNotFound, "There is no file for %s.", path)
		}
	}
	if len(files) > 0 {
		return files, nil
	}
	return nil, refused
}

// expand goes on in dir with the parts of a path.
func (one *folder) expand(ctx context.Context, dir string, parts []string, below bool) (files []string, err error) {
	if len(parts) == 0 {
		return one.walk(ctx, dir, below)
	}
	if part := parts[0]; part == "." || !IsPattern(part) {
		return one.expand(ctx, filepath.Join(dir, part), parts[1:], below)
	}
	entries, err := one.list(ctx, dir)
	for _, e := range entries {
		if match, _ := filepath.Match(parts[0], e.Name()); !match || leftOut(e.Name()) && !strings.HasPrefix(parts[0], ".") {
			continue
		}
		switch path := filepath.Join(dir, e.Name()); {
		case e.IsDir() && (len(parts) > 1 || below):
			found, err := one.expand(ctx, path, parts[1:], below)
			if files = append(files, found...); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return files, err
			}
		case !e.IsDir() && len(parts) == 1:
			files = append(files, path)
		}
		if len(files) >= countUpTo {
			break
		}
	}
	return files, err
}

// walk returns a file itself, and the files below a folder.
func (one *folder) walk(ctx context.Context, path string, below bool) (files []string, err error) {
	entries, err := one.list(ctx, path)
	if errors.Is(err, errIrregular) {
		return []string{path}, nil
	}
	if err == nil && !below {
		err = errIrregular
	}
	for _, e := range entries {
		if err != nil || len(files) >= countUpTo {
			break
		}
		if leftOut(e.Name()) {
			continue
		}
		if !e.IsDir() {
			files = append(files, filepath.Join(path, e.Name()))
			continue
		}
		found, err := one.walk(ctx, filepath.Join(path, e.Name()), true)
		if files = append(files, found...); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return files, err
		}
	}
	return files, err
}

// list reads one folder, in the order of names, without pipes, devices, and links to folders. errIrregular: it is a file.
func (one *folder) list(ctx context.Context, dir string) ([]fs.DirEntry, error) {
	return ask(ctx, &one.guard, dir, func() ([]fs.DirEntry, error) {
		root, rel, _, err := one.resolve(dir, "")
		if _, crossed := errors.AsType[*crossedError](err); crossed {
			err = errOutside
		}
		if err != nil {
			return nil, one.unavailable(err)
		}
		defer root.Close() //nolint:errcheck // only read from
		info, err := root.Stat(rel)
		if err == nil && !info.IsDir() {
			err = errIrregular
		}
		if err != nil {
			return nil, one.unavailable(err)
		}
		entries, err := fs.ReadDir(root.FS(), filepath.ToSlash(rel))
		return slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return !useful(root, rel, e) }), one.unavailable(err)
	}, nil)
}

func useful(root *os.Root, dir string, e fs.DirEntry) bool {
	if e.Type()&fs.ModeSymlink != 0 {
		info, err := root.Stat(filepath.Join(dir, e.Name()))
		return err != nil || info.Mode().IsRegular() // what cannot be followed is told when it is opened
	}
	return e.IsDir() || e.Type().IsRegular()
}

// unfinishedEndings are those of files that programs give another name when they are complete.
var unfinishedEndings = []string{".tmp", ".temp", ".part", ".partial", ".crdownload", ".download", ".filepart", ".swp", "~"}

// systemNames are files and folders that NAS systems and desktops keep for themselves.
var systemNames = []string{
	"thumbs.db", "desktop.ini", "@eadir", "#recycle", "#snapshot", "@recycle", "@recently-snapshot", "$recycle.bin", "lost+found",
	"system volume information",
}

// leftOut reports whether a file or folder of that name is hidden, temporary, or the system's.
func leftOut(name string) bool {
	lower := strings.ToLower(name)
	return strings.HasPrefix(name, ".") || slices.Contains(systemNames, lower) ||
		slices.ContainsFunc(unfinishedEndings, func(ending string) bool { return strings.HasSuffix(lower, ending) })
}
