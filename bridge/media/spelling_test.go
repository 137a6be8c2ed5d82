package media

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/text/unicode/norm"

	"gphotos2mqtt/mqttapi"
)

// TestUnicodeForms proves that a path finds its file in whichever form its letters are written, in each of its parts and in the setting.
func TestUnicodeForms(t *testing.T) {
	nfc, nfd := norm.NFC.String, norm.NFD.String
	base := t.TempDir()
	media := filepath.Join(base, nfd("Gärten"))
	for _, dir := range []string{nfc("Tür"), nfd("Höfe")} {
		if err := os.MkdirAll(filepath.Join(media, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	files := []string{nfc("Tür/é.jpg"), nfc("Tür/") + nfd("ñ.jpg"), nfd("Höfe/") + nfc("ö.jpg"), nfd("Höfe/가.jpg"), nfc("beide ü.jpg"), nfd("beide ü.jpg")}
	for _, file := range append(files, "../"+nfc("draußen é.jpg")) {
		if err := os.WriteFile(filepath.Join(media, file), []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../"+nfc("draußen é.jpg"), filepath.Join(media, nfc("Link é.jpg"))); err != nil {
		t.Fatal(err)
	}
	m, err := Open(t.Context(), []string{media})
	if err != nil {
		t.Fatal(err)
	}
	read := func(path string) (string, mqttapi.Code) {
		file, err := m.Open(t.Context(), path)
		if err != nil {
			return "", codeOf(err)
		}
		defer file.Close()
		content, err := os.ReadFile(file.Path)
		if err != nil {
			t.Error(err)
		}
		return string(content), ""
	}
	for _, want := range files {
		for form, path := range map[string]string{
			"as it is": want, "composed": nfc(want), "decomposed": nfd(want), "with its folder": filepath.Join(media, want),
			"with its folder composed": nfc(filepath.Join(media, want)),
		} {
			got, code := read(path)
			if got != want && (norm.NFC.String(got) != nfc("beide ü.jpg") || form == "as it is" || form == "with its folder") {
				t.Errorf("%s: %+q finds %+q, want %+q (%s)", form, path, got, want, code)
			}
		}
	}
	for path, want := range map[string]mqttapi.Code{
		nfd("Tür/kein é.jpg"): mqttapi.CodeNotFound, nfd("Link é.jpg"): mqttapi.CodeNotAllowed, nfd("../draußen é.jpg"): mqttapi.CodeNotAllowed,
		nfd("Tür"): mqttapi.CodeUnreadable,
	} {
		if _, got := read(path); got != want {
			t.Errorf("%+q: got %q, want %q", path, got, want)
		}
	}
}
