package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestVersion builds as a release is built where there is no git.
func TestVersion(t *testing.T) {
	if testing.Short() {
		t.Skip("links a program")
	}
	program := filepath.Join(t.TempDir(), "gphotos2mqtt")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", program, "-ldflags",
		"-X main.release=v1.2.3 -X main.commit=0123456789abcdef -X main.date=2026-11-26T10:00:00Z", ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, word := range []string{"version", "--version"} {
		out, err := exec.CommandContext(t.Context(), program, word).Output()
		if got, want := strings.TrimSpace(string(out)), "gphotos2mqtt v1.2.3 (0123456, 2026-11-26)"; err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", word, got, err, want)
		}
	}
}
