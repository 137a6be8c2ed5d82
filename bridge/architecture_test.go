package bridge

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// ARCHITECTURE.md and CONTRIBUTING.md send people to files that are there.
func TestArchitectureNamesFiles(t *testing.T) {
	path := regexp.MustCompile(`(?:bridge|mqttapi|photos|auth|cmd|e2e)/[A-Za-z0-9_./]*\.(?:go|tmpl)`)
	for _, page := range []string{"ARCHITECTURE.md", "CONTRIBUTING.md"} {
		text, err := os.ReadFile(filepath.Join("..", page))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range path.FindAllString(string(text), -1) {
			if _, err := os.Stat(filepath.Join("..", name)); err != nil {
				t.Errorf("%s names %s, which is not there", page, name)
			}
		}
	}
}
