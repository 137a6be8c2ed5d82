package media

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gphotos2mqtt/mqttapi"
)

// opened is a file of that content in a media folder, which was last changed so long ago, opened.
func opened(t *testing.T, content []byte, ago time.Duration) (*File, string) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "a.jpg")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Time{}, time.Now().Add(-ago)); err != nil {
		t.Fatal(err)
	}
	m, err := Open(t.Context(), []string{dir})
	if err != nil {
		t.Fatal(err)
	}
	f, err := m.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f, path
}

func TestReadAll(t *testing.T) {
	for _, size := range []int{1, readSize - 1, readSize, readSize + 1, 3*readSize + 7} {
		content := bytes.Repeat([]byte("0123456789abc"), size/13+1)[:size]
		f, _ := opened(t, content, time.Hour)
		got, err := io.ReadAll(f)
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes of %d: %v", len(got), size, err)
		}
		f.SeekTo(int64(size / 2))
		if got, err = io.ReadAll(f); err != nil || !bytes.Equal(got, content[size/2:]) {
			t.Errorf("from the middle: %d bytes of %d: %v", len(got), size, err)
		}
	}
}

// A change while the file is read never goes unseen: the last bytes do not come.
func TestChangeWhileRead(t *testing.T) {
	old := bytes.Repeat([]byte("o"), 2*readSize)
	for name, tc := range map[string]struct {
		change func(path string) error
		want   mqttapi.Code
	}{
		"overwritten": {func(path string) error { return os.WriteFile(path, bytes.Repeat([]byte("n"), len(old)), 0o600) }, mqttapi.CodeChanged},
		"longer":      {func(path string) error { return os.WriteFile(path, append(old, 'n'), 0o600) }, mqttapi.CodeChanged},
		"shorter":     {func(path string) error { return os.Truncate(path, readSize) }, mqttapi.CodeChanged},
		"times put back": {func(path string) error {
			info, err := os.Stat(path)
			return errors.Join(err, os.WriteFile(path, bytes.Repeat([]byte("n"), len(old)), 0o600), os.Chtimes(path, time.Time{}, info.ModTime()))
		}, mqttapi.CodeChanged},
		"removed": {os.Remove, ""}, // the version that was opened is complete
		"replaced": {func(path string) error {
			return errors.Join(os.WriteFile(path+".new", []byte("n"), 0o600), os.Rename(path+".new", path))
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f, path := opened(t, old, time.Hour)
			if _, err := io.ReadFull(f, make([]byte, 1000)); err != nil {
				t.Fatal(err)
			}
			if err := tc.change(path); err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(f)
			if code := codeOf(err); code != tc.want || code == "" && len(got) != len(old)-1000 {
				t.Errorf("%d bytes, %v; want %q", len(got), err, tc.want)
			}
		})
	}
}

func TestRacy(t *testing.T) {
	for name, tc := range map[string]struct {
		ago, still time.Duration
		want       bool
	}{
		"an hour ago":            {time.Hour, 0, false},
		"just now":               {0, 0, true},
		"ahead of us":            {-time.Hour, 0, true},
		"ahead of us, but quiet": {-time.Hour, 5 * time.Second, false},
	} {
		f, _ := opened(t, []byte("x"), tc.ago)
		if tc.ago == 0 {
			f.ModTime = f.opened
		}
		if got := f.Racy(f.opened.Add(-tc.still)) > 0; got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestSame(t *testing.T) {
	now := time.Now()
	one := Seen{Path: "/a", Size: 7, ModTime: now, ChangeTime: now, Inode: 1}
	for name, tc := range map[string]struct {
		other Seen
		want  bool
	}{
		"the same":               {one, true},
		"a disk that came again": {Seen{Path: "/a", Size: 7, ModTime: now, ChangeTime: now, Inode: 2}, true},
		"other rights":           {Seen{Path: "/a", Size: 7, ModTime: now, ChangeTime: now.Add(1), Inode: 1}, true},
		"replaced":               {Seen{Path: "/a", Size: 7, ModTime: now, ChangeTime: now.Add(1), Inode: 2}, false},
		"longer":                 {Seen{Path: "/a", Size: 8, ModTime: now, ChangeTime: now, Inode: 1}, false},
		"later":                  {Seen{Path: "/a", Size: 7, ModTime: now.Add(1), ChangeTime: now, Inode: 1}, false},
	} {
		if got := one.Same(tc.other); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
