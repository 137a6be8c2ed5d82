// Package packaging_test holds together the files that a release is made of.
package packaging_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestNames shows that whoever is named as the owner, anywhere, is the one of names.env.
func TestNames(t *testing.T) {
	names := map[string]string{}
	for line := range strings.Lines(read(t, "names.env")) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			names[name] = value
		}
	}
	allowed := []string{"github.com/" + names["OWNER"], names["REGISTRY"]}
	mention := regexp.MustCompile(`\b((?:github\.com|[a-z0-9-]+\.(?:io|com))/[A-Za-z0-9-]+)/gphotos2mqtt\b`)
	n := 0
	for _, file := range tracked(t) {
		for _, m := range mention.FindAllStringSubmatch(read(t, filepath.Join("..", file)), -1) {
			n++
			if m[1] != allowed[0] && m[1] != allowed[1] {
				t.Errorf("%s names %s, names.env has %q", file, m[0], allowed)
			}
		}
	}
	if n == 0 {
		t.Error("nobody is named anywhere")
	}
}

// TestScripts runs what packages run through a shell's eyes; systems differ in what /bin/sh is.
func TestScripts(t *testing.T) {
	scripts, err := filepath.Glob("*.sh")
	if err != nil || len(scripts) == 0 {
		t.Fatal(scripts, err)
	}
	scripts = append(scripts, "gphotos2mqttctl")
	for _, script := range scripts {
		if out, err := exec.CommandContext(t.Context(), "sh", "-n", script).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", script, err, out)
		}
	}
}

// TestControl runs gphotos2mqttctl with a settings file as people write it, and a program in the place of gphotos2mqtt that tells all.
func TestControl(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("gphotos2mqtt", "#!/bin/sh\necho \"$@\"; env | grep ^GPHOTOS_ | sort\n", 0o700)
	write("gphotos2mqtt.env", "# GPHOTOS_TOPIC=no\nGPHOTOS_CLIENT_ID=id\nGPHOTOS_ENTRY_HOME_ALBUM=Front door, $HOME\nGPHOTOS_MQTT_USER=\"bridge\"\n"+
		"GPHOTOS_MQTT_PASSWORD_FILE=/run/credentials/gphotos2mqtt.service/mqtt-password\n", 0o600)
	write("ctl", strings.ReplaceAll(read(t, "gphotos2mqttctl"), "/etc/gphotos2mqtt", dir), 0o700)
	command := exec.CommandContext(t.Context(), filepath.Join(dir, "ctl"), "link", "home")
	command.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
	out, err := command.CombinedOutput()
	want := "link home\nGPHOTOS_CLIENT_ID=id\nGPHOTOS_CLIENT_SECRET_FILE=DIR/client-secret\nGPHOTOS_DATA_DIR=/var/lib/gphotos2mqtt\n" +
		"GPHOTOS_ENTRY_HOME_ALBUM=Front door, $HOME\nGPHOTOS_MQTT_PASSWORD_FILE=DIR/mqtt-password\nGPHOTOS_MQTT_USER=bridge\n"
	if got := strings.ReplaceAll(string(out), dir, "DIR"); err != nil || got != want {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
	// What root has imported, the service can read; and how it went is told.
	write("gphotos2mqtt", "#!/bin/sh\ncat; exit 3\n", 0o700)
	write("chown", "#!/bin/sh\necho chown \"$@\"\n", 0o700)
	command = exec.CommandContext(t.Context(), filepath.Join(dir, "ctl"), "import", "-")
	command.Env, command.Stdin = []string{"PATH=" + dir + ":" + os.Getenv("PATH")}, strings.NewReader("the file\n")
	out, _ = command.CombinedOutput()
	if want := "the file\nchown -R gphotos2mqtt: /var/lib/gphotos2mqtt\n"; string(out) != want || command.ProcessState.ExitCode() != 3 {
		t.Errorf("import: %v\n%s\nwant\n%s", command.ProcessState, out, want)
	}
}

func tracked(t *testing.T) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "git", "-C", "..", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Skip("not a git checkout:", err)
	}
	var files []string
	for name := range strings.SplitSeq(strings.Trim(string(out), "\x00"), "\x00") {
		if info, err := os.Stat(filepath.Join("..", name)); err == nil && info.Size() < 1<<20 {
			files = append(files, name)
		}
	}
	return files
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
