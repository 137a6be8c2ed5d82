package mqttapi

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares files with the archive testdata/<name>.txtar, whose comment stays as it is.
func golden(t *testing.T, name string, got []txtar.File) {
	t.Helper()
	path := filepath.Join("testdata", name+".txtar")
	archive := &txtar.Archive{}
	if old, err := txtar.ParseFile(path); err == nil {
		archive.Comment = old.Comment
	}
	archive.Files = got
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(txtar.Format(archive))); diff != "" {
		t.Errorf("%s differs (-want +got), run with -update when that is meant:\n%s", path, diff)
	}
}

// pretty writes JSON for people.
func pretty(t *testing.T, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "  "); err != nil {
		t.Fatalf("no JSON: %v\n%s", err, text)
	}
	b.WriteByte('\n')
	return b.Bytes()
}

// refusedWith returns the code and sentence of an error that must be an *Error fit to be shown.
func refusedWith(t *testing.T, err error) (Code, string) {
	t.Helper()
	e, ok := err.(*Error) //nolint:errorlint // the parsers promise *Error itself
	if !ok {
		t.Fatalf("error is %T (%v), want *Error", err, err)
	}
	if _, known := sentences[e.Code]; !known {
		t.Errorf("code %q is not in the contract", e.Code)
	}
	if !strings.HasSuffix(e.Message, ".") || len(e.Message) > 700 || strings.ContainsAny(e.Message, "\n\r\x00") {
		t.Errorf("no sentence of one line: %q", e.Message)
	}
	return e.Code, e.Message
}
