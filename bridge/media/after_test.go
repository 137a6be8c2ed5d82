package media

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"gphotos2mqtt/mqttapi"
)

// afterTree is two media folders, of which files may be changed in in/ and done/ of the first, and all of the second.
func afterTree(t *testing.T) (m *Folders, dir, other string) {
	t.Helper()
	dir, other = t.TempDir(), t.TempDir()
	for _, name := range []string{"in", "keep"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	m, err := Open(t.Context(), []string{dir, other})
	if err != nil {
		t.Fatal(err)
	}
	m.Allow([]string{filepath.Join(dir, "in"), filepath.Join(dir, "done"), other})
	return m, dir, other
}

// uploaded writes a file and says what is known of it once it is uploaded.
func uploaded(t *testing.T, m *Folders, path, content string) After {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := m.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := f.Sum(0)
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return After{Seen: f.Seen, Sum: sum}
}

// names are the files below a folder.
func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func keepNothing(After) error { return nil }

// A stop between any two steps, and again between any two of the rest, ends with the file gone, or moved, once.
func TestStopAtEachStep(t *testing.T) {
	for _, folder := range []string{"", "done", "other"} {
		for first := range 8 {
			for second := range 8 {
				m, dir, other := afterTree(t)
				a := uploaded(t, m, filepath.Join(dir, "in/a.jpg"), "photo")
				want := ""
				switch folder {
				case "done":
					a.Folder = filepath.Join(dir, "done")
				case "other":
					a.Folder = other
				}
				if a.Folder != "" {
					want = filepath.Join(a.Folder, "a.jpg")
				}
				saved := a
				save := func(now After) error {
					saved = now
					return nil
				}
				for _, steps := range []int{first, second} {
					left := steps
					m.stop = func() error {
						if left--; left < 0 {
							return errors.New("killed")
						}
						return nil
					}
					if _, err := m.Do(t.Context(), saved, save); err != nil && !errors.Is(err, errStopped) {
						t.Fatalf("%s %d %d: %v", folder, first, second, err)
					}
				}
				m.stop = nil
				got, err := m.Do(t.Context(), saved, save)
				if err != nil || got != want {
					t.Errorf("%q, stopped after %d and %d steps: at %q, %v", folder, first, second, got, err)
				}
				if left := append(names(t, dir), names(t, other)...); want == "" && len(left) > 0 || want != "" && (len(left) != 1 || left[0] != want) {
					t.Errorf("%q, stopped after %d and %d steps: %v", folder, first, second, left)
				}
			}
		}
	}
}

// Only the very file that was uploaded is touched; others' files are never overwritten.
func TestAnotherFileStays(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(path string) error
		want   mqttapi.Code
	}{
		"overwritten": {func(path string) error { return os.WriteFile(path, []byte("other"), 0o600) }, mqttapi.CodeChanged},
		"same size and time": {func(path string) error {
			info, err := os.Stat(path)
			return errors.Join(err, os.WriteFile(path, []byte("ohoto"), 0o600), os.Chtimes(path, info.ModTime(), info.ModTime()))
		}, mqttapi.CodeChanged},
		"gone": {os.Remove, mqttapi.CodeNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			m, dir, _ := afterTree(t)
			a := uploaded(t, m, filepath.Join(dir, "in/a.jpg"), "photo")
			if err := tc.change(a.Seen.Path); err != nil {
				t.Fatal(err)
			}
			before := names(t, dir)
			if _, err := m.Do(t.Context(), a, keepNothing); codeOf(err) != tc.want {
				t.Errorf("error %v", err)
			}
			if after := names(t, dir); len(after) != len(before) {
				t.Errorf("%v, before %v", after, before)
			}
		})
	}
}

// A new file that comes under the old name while the old one is aside stays, and so does each that has the name in the folder.
func TestNamesThatAreTaken(t *testing.T) {
	m, dir, _ := afterTree(t)
	a := uploaded(t, m, filepath.Join(dir, "in/a.jpg"), "photo")
	a.Folder = filepath.Join(dir, "done")
	if err := os.MkdirAll(a.Folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(a.Folder, "a.jpg"), []byte("older"), 0o600); err != nil {
		t.Fatal(err)
	}
	steps := 0
	m.stop = func() error {
		if steps++; steps == 2 { // it is aside
			return os.WriteFile(a.Seen.Path, []byte("newer"), 0o600)
		}
		return nil
	}
	got, err := m.Do(t.Context(), a, keepNothing)
	if err != nil || got != filepath.Join(a.Folder, "a (1).jpg") {
		t.Errorf("at %q: %v", got, err)
	}
	for path, want := range map[string]string{a.Seen.Path: "newer", filepath.Join(a.Folder, "a.jpg"): "older", got: "photo"} {
		if content, err := os.ReadFile(path); err != nil || string(content) != want {
			t.Errorf("%s holds %q: %v", path, content, err)
		}
	}
}

func TestMayChange(t *testing.T) {
	m, dir, other := afterTree(t)
	if err := os.Symlink(filepath.Join(dir, "keep"), filepath.Join(dir, "in/way")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"in/a.jpg", "keep/b.jpg", "c.jpg"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]bool{
		filepath.Join(dir, "in/a.jpg"): true, other: true,
		filepath.Join(dir, "keep/b.jpg"): false, filepath.Join(dir, "in/way/b.jpg"): false, filepath.Join(dir, "c.jpg"): false,
	} {
		if got, err := m.MayChange(t.Context(), path); err != nil || got != want {
			t.Errorf("%s: %v, %v", path, got, err)
		}
	}
}
