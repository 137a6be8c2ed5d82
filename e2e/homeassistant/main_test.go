// Package homeassistant_test runs the bridge beside a real Home Assistant, and drives
// that as its users do: over its REST and websocket APIs, with the files of
// examples/home-assistant, and with a browser.
//
// Everything runs in namespaces of its own, in which there are no other networks and
// folders: the usual ports are free, /media is empty, and names lead where a test wants
// them to. So the examples are loaded as they stand, and Home Assistant asks nobody
// outside for anything.
package homeassistant_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gphotos2mqtt/e2e/e2etest"
)

var update = flag.Bool("update", false, "take the pictures of docs/images anew")

// What the process tells itself when it begins anew in its namespaces.
const (
	debianVariable  = "HOMEASSISTANT_TEST_DEBIAN"  // the folder that setup.sh has made
	missingVariable = "HOMEASSISTANT_TEST_MISSING" // why there is none
)

func TestMain(m *testing.M) {
	flag.Parse()
	if e2etest.Acceptance() {
		if err := enter(); err != nil {
			fmt.Fprintln(os.Stderr, "e2e/homeassistant:", err)
			os.Exit(1)
		}
	}
	os.Exit(e2etest.M{M: m, Race: true, Acceptance: true, Needs: []string{"chromium", "mosquitto"}}.Run())
}

// enter begins the process anew in namespaces of its own, or tells why the tests are
// skipped; the second time it furnishes them.
func enter() error {
	if debian := os.Getenv(debianVariable); debian != "" {
		return furnish(debian)
	}
	debian, missing, err := setUp()
	if err != nil || missing != "" {
		return errors.Join(err, os.Setenv(missingVariable, missing))
	}
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		return err
	}
	env := append(os.Environ(), debianVariable+"="+debian)
	return syscall.Exec(unshare, append([]string{"unshare", "--mount", "--net"}, os.Args...), env)
}

// setUp runs setup.sh and returns the folder, or what it misses.
func setUp() (debian, missing string, err error) {
	var told bytes.Buffer
	script := exec.Command("./setup.sh")
	script.Stderr = io.MultiWriter(os.Stderr, &told)
	out, err := script.Output()
	if code := new(exec.ExitError); errors.As(err, &code) && code.ExitCode() == 3 {
		lines := strings.Split(strings.TrimSpace(told.String()), "\n")
		return "", lines[len(lines)-1], nil
	}
	return strings.TrimSpace(string(out)), "", err
}

// furnish lays out the namespaces: loopback, and what Home Assistant's Debian and this
// process both see.
func furnish(debian string) error {
	if err := os.MkdirAll("/media", 0o755); err != nil {
		return err
	}
	for _, line := range []string{"link set lo up", "link set lo multicast on", "route add 224.0.0.0/4 dev lo"} {
		if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %s: %w: %s", line, err, out)
		}
	}
	for _, mount := range []struct {
		what, where string
		kind        string
		flags       uintptr
	}{
		{"tmpfs", "/media", "tmpfs", 0},
		{"/media", filepath.Join(debian, "media"), "", syscall.MS_BIND},
		{"tmpfs", filepath.Join(debian, "config"), "tmpfs", 0},
		{"tmpfs", filepath.Join(debian, "tmp"), "tmpfs", 0},
		{"/dev", filepath.Join(debian, "dev"), "", syscall.MS_BIND | syscall.MS_REC},
		{"/proc", filepath.Join(debian, "proc"), "", syscall.MS_BIND | syscall.MS_REC},
	} {
		if err := syscall.Mount(mount.what, mount.where, mount.kind, mount.flags, ""); err != nil {
			return fmt.Errorf("mount %s: %w", mount.where, err)
		}
	}
	return nil
}

// house is the folder of Home Assistant's Debian; without one the test is skipped.
func house(t *testing.T) string {
	t.Helper()
	if missing := os.Getenv(missingVariable); missing != "" {
		t.Skip(missing)
	}
	return os.Getenv(debianVariable)
}

// names makes names lead to loopback, here and in Home Assistant's Debian.
func names(t *testing.T, names ...string) {
	t.Helper()
	text := "127.0.0.1 localhost\n"
	for _, name := range names {
		text += "127.0.0.1 " + name + "\n"
	}
	path := filepath.Join(t.TempDir(), "hosts")
	e2etest.Must(t, os.WriteFile(path, []byte(text), 0o644))
	for _, hosts := range []string{"/etc/hosts", filepath.Join(house(t), "etc/hosts")} {
		e2etest.Must(t, syscall.Mount(path, hosts, "", syscall.MS_BIND, ""))
		t.Cleanup(func() { e2etest.Must(t, syscall.Unmount(hosts, 0)) })
	}
}
