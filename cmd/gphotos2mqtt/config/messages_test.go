package config

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write what is there now into testdata and README.md")

// Each file of testdata/config is one environment, with what a person is told
// about it. DIR in a value stands for a folder of the test.
func TestConfigMessages(t *testing.T) {
	files, err := filepath.Glob("testdata/config/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			checkMessages(t, file)
		})
	}
}

func checkMessages(t *testing.T, path string) {
	t.Helper()
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var environ []string
	want := make(map[string]string)
	for _, file := range archive.Files {
		switch file.Name {
		case "env":
			for line := range strings.Lines(string(file.Data)) {
				name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
				environ = append(environ, name+"="+strings.ReplaceAll(value, "DIR", dir))
			}
		case "errors", "warnings":
			want[file.Name] = string(file.Data)
		default:
			writeFile(t, filepath.Join(dir, file.Name), file.Data)
		}
	}

	_, warnings, err := Read(environ)
	got := map[string]string{"errors": "", "warnings": strings.Join(append(warnings, ""), "\n")}
	if err != nil {
		got["errors"] = err.Error() + "\n"
	}
	for name, text := range got {
		got[name] = strings.ReplaceAll(text, dir, "DIR")
	}
	if *update {
		for i, file := range archive.Files {
			if text, ok := got[file.Name]; ok {
				archive.Files[i].Data = []byte(text)
			}
		}
		writeFile(t, path, txtar.Format(archive))
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want +got)", diff)
	}
}

func writeFile(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestMessagesHideSecrets(t *testing.T) {
	environ := with(minimal(), "SECRET_KEY=s3cret", "MQTT_PASSWORD=s3cret", "MQTT_URL=mqtt://bridge:s3cret@broker",
		"ENTRIES=home", "ENTRY_HOME_CLIENT_SECRET=s3cret")
	_, warnings, err := Read(environ)
	if err == nil {
		t.Fatal("no error")
	}
	if text := err.Error() + strings.Join(warnings, ""); strings.Contains(text, "s3cret") {
		t.Errorf("a secret is in %s", text)
	}
}
