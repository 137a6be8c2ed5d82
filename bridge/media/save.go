package media

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"gphotos2mqtt/mqttapi"
)

// Save writes what is read to a new file below a media folder and returns its size in bytes and its path. An existing file is not
// touched: the error is CodeNotAllowed. The file appears under its name when it is complete. Errors of the user's making, and a folder that
// does not answer, are *mqttapi.Error.
func (f *Folders) Save(ctx context.Context, path string, r io.Reader) (int64, string, error) {
	name := filepath.Clean(path)
	if !filepath.IsAbs(name) && len(f.all) > 0 {
		name = filepath.Join(f.all[0].given, path)
	}
	n, full, err := f.save(ctx, name, r)
	if err != nil {
		return 0, "", f.explainSave(path, err)
	}
	return n, full, nil
}

func (f *Folders) save(ctx context.Context, name string, r io.Reader) (int64, string, error) {
	for range maxHops { // links may lead on
		one := f.of(name)
		if one == nil {
			break
		}
		part, err := one.create(ctx, name)
		if crossed, ok := errors.AsType[*crossedError](err); ok {
			name = crossed.to
			continue
		}
		if err != nil {
			return 0, "", err
		}
		n, err := io.Copy(writerFunc(func(p []byte) (int, error) { return len(p), part.write(ctx, p) }), r)
		return n, part.path, part.finish(ctx, err)
	}
	return 0, "", errOutside
}

// A newPart is a file that is being written under a hidden name.
type newPart struct {
	*handle

	root      *os.Root
	rel, part string // below root
}

func (one *folder) create(ctx context.Context, name string) (*newPart, error) {
	return ask(ctx, &one.guard, name, func() (*newPart, error) {
		root, rel, full, err := one.resolve(filepath.Dir(name), filepath.Base(name))
		if err != nil {
			return nil, one.unavailable(err)
		}
		if _, err := root.Lstat(rel); err == nil {
			return nil, errors.Join(fs.ErrExist, root.Close())
		}
		// A stop before the link leaves a hidden file that a person can delete.
		part := filepath.Join(filepath.Dir(rel), partPrefix+rand.Text())
		file, err := root.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return nil, one.unavailable(errors.Join(err, root.Close()))
		}
		return &newPart{&handle{guard: &one.guard, path: full, file: file}, root, rel, part}, nil
	}, (*newPart).drop)
}

func (n *newPart) write(ctx context.Context, p []byte) error {
	own := slices.Clone(p) // a call that hangs keeps it
	return n.call(ctx, func() error {
		_, err := n.file.Write(own)
		return err
	})
}

// finish gives the file its name, or takes it away when it could not be written.
func (n *newPart) finish(ctx context.Context, written error) error {
	err := written
	if err == nil {
		err = n.call(ctx, func() error { return errors.Join(n.file.Sync(), place(n.root, n.part, n.rel)) })
	}
	// What hangs is taken away when the folder answers again.
	_, _ = ask(context.WithoutCancel(ctx), n.guard, n.path+" (end)", func() (none struct{}, _ error) {
		n.drop()
		return none, nil
	}, nil)
	return err
}

func (n *newPart) drop() {
	_ = n.root.Remove(n.part) // it has its name, or is of no use
	_ = n.file.Close()
	_ = n.root.Close()
}

// place gives a file another name, never that of another file. Not every disk has links; there an empty file takes the name first.
func place(root *os.Root, from, to string) error {
	err := root.Link(from, to)
	if err == nil {
		return root.Remove(from)
	}
	if errors.Is(err, fs.ErrExist) {
		return err
	}
	empty, err := root.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err == nil {
		if err = errors.Join(empty.Close(), root.Rename(from, to)); err != nil {
			err = errors.Join(err, root.Remove(to))
		}
	}
	return err
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func (f *Folders) explainSave(path string, err error) error {
	if unavailable, ok := errors.AsType[*UnavailableError](err); ok {
		return unavailable.Refusal()
	}
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
