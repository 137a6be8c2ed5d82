package secret

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadKey(t *testing.T) {
	var want Key
	for i := range want {
		want[i] = byte(255 - i)
	}
	for _, text := range []string{
		hex.EncodeToString(want[:]), strings.ToUpper(hex.EncodeToString(want[:])),
		base64.StdEncoding.EncodeToString(want[:]) + "\n", " " + base64.RawStdEncoding.EncodeToString(want[:]),
		base64.URLEncoding.EncodeToString(want[:]), base64.RawURLEncoding.EncodeToString(want[:]),
	} {
		if got, err := ReadKey(text); err != nil || got != want {
			t.Errorf("ReadKey(%q) = %v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "hunter2", hex.EncodeToString(want[:31]), base64.StdEncoding.EncodeToString(make([]byte, 33)),
		strings.Repeat("0", 64), base64.StdEncoding.EncodeToString(want[:]) + "x",
	} {
		_, err := ReadKey(text)
		if err == nil || !strings.Contains(err.Error(), "openssl rand -base64 32") {
			t.Errorf("ReadKey(%q): %v", text, err)
		}
		if err != nil && text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("the error repeats %q", text)
		}
	}
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret.key")
	made, err := KeyFile(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	read, err := KeyFile(path)
	if err != nil || read != made || read == (Key{}) {
		t.Errorf("read %v, made %v: %v", read, made, err)
	}
	if other, _ := KeyFile(path + "2"); other == made {
		t.Error("two keys are alike")
	}
	for content, want := range map[string]string{"": "is empty", "\n": "is empty", "hello": "32 random bytes"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := KeyFile(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a file with %q: %v", content, err)
		}
	}
	if _, err := KeyFile(filepath.Join(path, "no", "where")); err == nil {
		t.Error("made a key below a file")
	}
}

func TestNothingPrintsASecret(t *testing.T) {
	key := Key{1, 2, 3, 4}
	secret := Text("hunter2-hunter2")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t"} {
		got := fmt.Sprintf(verb, struct {
			S Text
			P *Text
		}{secret, &secret})
		if strings.Contains(got, "hunter2") || strings.Contains(got, hex.EncodeToString([]byte("hunter2"))) {
			t.Errorf("%s prints %s", verb, got)
		}
		if got := fmt.Sprintf(verb, key); got != key.String() {
			t.Errorf("%s prints the key as %s", verb, got)
		}
	}
	if text, _ := secret.MarshalText(); string(text) != secret.String() || Text("").String() != "" {
		t.Errorf("marshals as %s", text)
	}
}
