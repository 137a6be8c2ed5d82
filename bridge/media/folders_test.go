package media

import (
	"bytes"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gphotos2mqtt/mqttapi"
)

// mediaTree is a media folder with everything in it that must not be read, and a second media folder.
func mediaTree(t *testing.T) (m *Folders, media, other, outside string) {
	t.Helper()
	base := t.TempDir()
	media, other, outside = filepath.Join(base, "media"), filepath.Join(base, "other"), filepath.Join(base, "outside")
	for _, dir := range []string{media, other, outside, filepath.Join(media, "sub")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"media/a.jpg", "media/sub/b.jpg", "other/c.jpg", "outside/secret.jpg"} {
		if err := os.WriteFile(filepath.Join(base, file), []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{
		"inside.jpg": "sub/b.jpg", "absolute.jpg": filepath.Join(media, "a.jpg"), "across.jpg": filepath.Join(other, "c.jpg"),
		"escape.jpg": filepath.Join(outside, "secret.jpg"), "up.jpg": "../outside/secret.jpg", "proc.jpg": "/proc/self/environ",
		"hop.jpg": "across.jpg", "beside": "../other", "sub/back": "../../media", "dir": outside, "dangling.jpg": "nowhere.jpg", "loop.jpg": "loop.jpg",
	} {
		if err := os.Symlink(target, filepath.Join(media, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(media, "pipe.jpg"), 0o600); err != nil {
		t.Fatal(err)
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(media, "socket.jpg")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	m, err = Open(t.Context(), []string{media, other})
	if err != nil {
		t.Fatal(err)
	}
	return m, media, other, outside
}

func TestOpen(t *testing.T) {
	m, media, other, outside := mediaTree(t)
	in := func(name string) string { return filepath.Join(media, name) }
	for path, want := range map[string]mqttapi.Code{
		in("a.jpg"): "", in("sub/b.jpg"): "", filepath.Join(other, "c.jpg"): "",
		"a.jpg": "", "./sub/b.jpg": "", "c.jpg": "", // relative to either folder
		in("inside.jpg"): "", in("absolute.jpg"): "", in("across.jpg"): "",
		in("hop.jpg"): "", in("beside/c.jpg"): "", in("sub/back/beside/c.jpg"): "", in("beside/none.jpg"): mqttapi.CodeNotFound,
		in("sub/../a.jpg"):                   "",
		in("escape.jpg"):                     mqttapi.CodeNotAllowed,
		in("up.jpg"):                         mqttapi.CodeNotAllowed,
		in("proc.jpg"):                       mqttapi.CodeNotAllowed,
		in("dir/secret.jpg"):                 mqttapi.CodeNotAllowed,
		in("../outside/secret.jpg"):          mqttapi.CodeNotAllowed,
		"../outside/secret.jpg":              mqttapi.CodeNotAllowed,
		filepath.Join(outside, "secret.jpg"): mqttapi.CodeNotAllowed,
		filepath.Join(outside, "nothing"):    mqttapi.CodeNotAllowed, // nobody learns that it is not there
		"/proc/self/environ":                 mqttapi.CodeNotAllowed,
		media + "-other/x.jpg":               mqttapi.CodeNotAllowed,
		in("none.jpg"):                       mqttapi.CodeNotFound,
		in("none/none.jpg"):                  mqttapi.CodeNotFound,
		in("a.jpg/x.jpg"):                    mqttapi.CodeNotFound,
		in("dangling.jpg"):                   mqttapi.CodeNotFound,
		in(strings.Repeat("x", 300)):         mqttapi.CodeNotFound,
		in("sub"):                            mqttapi.CodeUnreadable,
		media:                                mqttapi.CodeUnreadable,
		in("pipe.jpg"):                       mqttapi.CodeUnreadable, // and it does not hang
		in("socket.jpg"):                     mqttapi.CodeUnreadable, // and the disk is not away
		in("loop.jpg"):                       mqttapi.CodeUnreadable,
	} {
		f, err := m.Open(t.Context(), path)
		if got := codeOf(err); got != want {
			t.Errorf("%s: code %q, want %q (%v)", path, got, want, err)
		}
		if err == nil {
			if !filepath.IsAbs(f.Path) {
				t.Errorf("%s: opened as %s", path, f.Path)
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
		if exists := m.Exists(t.Context(), path); exists != (want == "" || want == mqttapi.CodeUnreadable) {
			t.Errorf("%s: exists %v", path, exists)
		}
	}
}

func TestNoFolders(t *testing.T) {
	m, err := Open(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/etc/passwd", "passwd"} {
		if _, err := m.Open(t.Context(), path); codeOf(err) != mqttapi.CodeNotAllowed || !strings.Contains(err.Error(), "GPHOTOS_MEDIA_DIRS") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestSave(t *testing.T) {
	m, media, other, outside := mediaTree(t)
	content := []byte("the original bytes")
	n, full, err := m.Save(t.Context(), filepath.Join(media, "sub/new.jpg"), bytes.NewReader(content))
	if err != nil || n != int64(len(content)) {
		t.Fatalf("%d bytes: %v", n, err)
	}
	if got, err := os.ReadFile(full); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%s holds %q: %v", full, got, err)
	}
	if err := os.Symlink(media, filepath.Join(other, "back")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"beside/1.jpg", "beside/back/2.jpg", "beside/back/beside/3.jpg"} { // to other, and back, and again
		if _, full, err := m.Save(t.Context(), filepath.Join(media, path), bytes.NewReader(content)); err != nil || filepath.Base(full) != filepath.Base(path) {
			t.Errorf("%s: saved as %s: %v", path, full, err)
		}
	}
	for path, want := range map[string]mqttapi.Code{
		filepath.Join(media, "a.jpg"):        mqttapi.CodeNotAllowed, // is there already
		filepath.Join(media, "escape.jpg"):   mqttapi.CodeNotAllowed,
		filepath.Join(media, "dangling.jpg"): mqttapi.CodeNotAllowed,
		filepath.Join(media, "dir/new.jpg"):  mqttapi.CodeNotAllowed,
		filepath.Join(outside, "new.jpg"):    mqttapi.CodeNotAllowed,
		"../outside/new.jpg":                 mqttapi.CodeNotAllowed,
		filepath.Join(media, "none/new.jpg"): mqttapi.CodeNotFound,
	} {
		if _, _, err := m.Save(t.Context(), path, bytes.NewReader(content)); codeOf(err) != want {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
	left, err := filepath.Glob(filepath.Join(media, "*", ".gphotos2mqtt-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func codeOf(err error) mqttapi.Code {
	if e, ok := errors.AsType[*mqttapi.Error](err); ok {
		return e.Code
	}
	return ""
}
