package e2e_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"gphotos2mqtt/e2e/e2etest"
)

// A container has what Dockerfile makes, but for its first stage: the program is compiled here. No engine is needed, only buildah.
type container struct {
	tb     testing.TB
	dir    string
	root   string // of its files
	config struct {
		User         string
		Env          []string
		Entrypoint   []string
		Labels       map[string]string
		Volumes      map[string]any
		ExposedPorts map[string]any
		Healthcheck  struct{ Test []string }
	}
}

func buildImage(t *testing.T, target string) *container {
	t.Helper()
	if _, err := exec.LookPath("buildah"); err != nil || os.Geteuid() != 0 || runtime.GOOS != "linux" {
		t.Skip("it takes buildah, and root on Linux")
	}
	i := &container{tb: t, dir: t.TempDir()}
	e2etest.Must(t, os.MkdirAll(filepath.Join(i.dir, "stage/out"), 0o755))
	program := filepath.Join(i.dir, "stage/out/gphotos2mqtt")
	i.run("env", "CGO_ENABLED=0", "go", "build", "-C", "..", "-trimpath", "-ldflags=-s -w", "-o", program, "./cmd/gphotos2mqtt")
	i.run("../packaging/image-root.sh", program, filepath.Dir(program))
	i.buildah("build", "--isolation", "chroot", "--format", "docker", "--target", target, "--build-context", "build="+i.dir+"/stage",
		"--build-arg", "VERSION=v1.2.3", "--file", "../Dockerfile", "--tag", "local", i.dir+"/stage")
	id := i.buildah("from", "local")
	i.root = i.buildah("mount", id)
	t.Cleanup(func() { i.buildah("umount", id); i.buildah("rm", id) })
	var inspected struct {
		Docker struct{ Config json.RawMessage }
	}
	e2etest.Must(t, json.Unmarshal([]byte(i.buildah("inspect", "--type", "image", "local")), &inspected))
	e2etest.Must(t, json.Unmarshal(inspected.Docker.Config, &i.config))
	return i
}

func (i *container) buildah(args ...string) string {
	i.tb.Helper()
	return i.run("buildah", append([]string{"--storage-driver", "vfs", "--root", i.dir + "/store", "--runroot", i.dir + "/run"}, args...)...)
}

func (i *container) run(name string, args ...string) string {
	i.tb.Helper()
	command := exec.Command(name, args...)
	var errors strings.Builder
	command.Stderr = &errors
	out, err := command.Output()
	if err != nil {
		i.tb.Fatalf("%s %s: %v\n%s", name, args, err, &errors)
	}
	return strings.TrimSpace(string(out))
}

// start is a program that runs the image's as a container would: its root is read-only, and it sees data and media as what is mounted there.
func (i *container) start(user int, data, media string) string {
	i.tb.Helper()
	e2etest.Must(i.tb, os.MkdirAll(i.root+"/media", 0o755)) // as an engine does for what it mounts
	for _, dir := range []string{data, media} {
		e2etest.Must(i.tb, os.MkdirAll(dir, 0o755))
		e2etest.Must(i.tb, os.Chown(dir, user, user))
	}
	path := filepath.Join(i.dir, fmt.Sprintf("as-%d", user))
	script := fmt.Sprintf(`#!/bin/sh
exec unshare --mount --propagation private sh -ec '
	mount --bind %[1]s %[1]s; mount -o remount,bind,ro %[1]s
	mount -t tmpfs -o mode=1777 tmpfs %[1]s/tmp
	mount --bind %[2]s %[1]s/data; mount --bind %[3]s %[1]s/media
	exec chroot --userspec=%[4]d:%[4]d --groups= %[1]s %[5]s "$@"' sh "$@"
`, i.root, data, media, user, strings.Join(i.config.Entrypoint, " "))
	e2etest.Must(i.tb, os.WriteFile(path, []byte(script), 0o700))
	return path
}

// TestImage runs what is in the image as its user and as another, on a root that cannot be written: the demo, an upload, and the health
// check.
func TestImage(t *testing.T) {
	needsMore(t)
	i := buildImage(t, "gphotos2mqtt")
	c := i.config
	if c.User != "65532:65532" || !slices.Contains(c.Env, "GPHOTOS_DATA_DIR=/data") || c.Volumes["/data"] == nil || c.ExposedPorts["8099/tcp"] == nil ||
		c.Labels["org.opencontainers.image.version"] != "v1.2.3" || !slices.Equal(c.Healthcheck.Test, []string{"CMD", "/gphotos2mqtt", "health"}) {
		t.Errorf("%+v", c)
	}
	for path, want := range map[string]struct {
		mode  os.FileMode
		owner uint32
	}{"/tmp": {os.ModeDir | os.ModeSticky | 0o777, 0}, "/data": {os.ModeDir | 0o755, 65532}} {
		info, err := os.Stat(i.root + path)
		e2etest.Must(t, err)
		if owner := info.Sys().(*syscall.Stat_t).Uid; info.Mode() != want.mode || owner != want.owner {
			t.Errorf("%s: %s of %d", path, info.Mode(), owner)
		}
	}
	for _, user := range []int{65532, 4711} {
		t.Run(strconv.Itoa(user), func(t *testing.T) {
			dir := t.TempDir()
			e2etest.Must(t, os.Chmod(dir, 0o755))
			data, media := filepath.Join(dir, "data"), filepath.Join(dir, "media")
			program := i.start(user, data, media)
			demo := e2etest.Start(t, e2etest.Command{Name: "demo", Path: program, Args: []string{"demo"}, Dir: dir, Env: append(
				c.Env, "GPHOTOS_MQTT_LISTEN=127.0.0.1:"+e2etest.Port(t))})
			demo.Expect(`gphotos/demo/upload/result +done `)
			demo.Stop(0)
			if left, err := os.ReadDir(data); err != nil || len(left) > 0 {
				t.Errorf("the demo has left %v in /data (%v)", left, err)
			}
			e := e2etest.New(t, e2etest.Config{Bridge: program, Settings: []string{"TMPDIR=/tmp", "GPHOTOS_DATA_DIR=/data", "GPHOTOS_MEDIA_DIRS=/media"}})
			e.Link()
			e2etest.Must(t, os.WriteFile(filepath.Join(media, "door.jpg"), e2etest.Photo(1, 20<<10), 0o644))
			e.Publish("gphotos/home/upload", []byte("/media/door.jpg"))
			e.Until("the upload", func() bool {
				return slices.ContainsFunc(e.Results(), func(r e2etest.Result) bool { return r.Status == "done" })
			})
			var state struct{ Link struct{ Status string } }
			e.Until("the state", func() bool { return e.Last("gphotos/home/state", &state) && state.Link.Status == "linked" })
			e.Run("health").Exited(0)
			e.Run("check").Exited(0)
			e.Bridge.Stop(0)
			e.Run("health").Exited(1)
		})
	}
}

// TestAppImage looks at what Supervisor reads in the image of the Home Assistant app.
func TestAppImage(t *testing.T) {
	needsMore(t)
	c := buildImage(t, "app").config
	if c.User != "" || !slices.Equal(c.Entrypoint, []string{"/gphotos2mqtt", "app"}) || c.Labels["io.hass.type"] != "app" ||
		c.Labels["io.hass.version"] != "v1.2.3" || c.Labels["io.hass.arch"] != "amd64|aarch64" {
		t.Errorf("%+v", c)
	}
}
