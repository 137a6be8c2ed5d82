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
	for _, script := range scripts {
		if out, err := exec.CommandContext(t.Context(), "sh", "-n", script).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", script, err, out)
		}
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
