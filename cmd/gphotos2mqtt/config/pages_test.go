package config

import (
	"os"
	"strings"
	"testing"

	"gphotos2mqtt/mqttapi"
)

// docs/google.md repeats what the program says at the start, and where a browser
// finds the linking pages.
func TestGuideToGoogle(t *testing.T) {
	text, err := os.ReadFile("../../../docs/google.md")
	if err != nil {
		t.Fatal(err)
	}
	guide := strings.Join(strings.Fields(string(text)), " ")
	if sentence := mqttapi.CodeAccessNotConfigured.Sentence(); !strings.Contains(guide, sentence) {
		t.Errorf("the guide does not say: %s", sentence)
	}
	for _, wrong := range []string{"http://192.168.1.10:8099", "http://photos.example.org"} {
		_, _, err := Read(with(minimal(), "PUBLIC_URL="+wrong))
		if err == nil {
			t.Fatalf("%s is taken", wrong)
		}
		before, sentence, _ := strings.Cut(err.Error(), ": ")
		if before != `GPHOTOS_PUBLIC_URL="`+wrong+`"` || !strings.Contains(guide, sentence) {
			t.Errorf("the guide does not say: %s", err)
		}
	}
}

func TestLinkURL(t *testing.T) {
	for _, tt := range []struct{ want, settings string }{
		{"http://localhost:8099", ""},
		{"http://localhost:9000", "HTTP_LISTEN=[::1]:9000"},
		{"", "HTTP_LISTEN=0.0.0.0:8099"},
		{"", "HTTP_LISTEN=:8099"},
		{"http://192.168.1.10:80", "HTTP_LISTEN=192.168.1.10:80"},
		{"http://bridge.lan:80", "HTTP_LISTEN=bridge.lan:80"},
		{"https://photos.example.org", "HTTP_LISTEN=0.0.0.0:8099 PUBLIC_URL=https://photos.example.org"},
		{"http://pi.lan", "HTTP_LISTEN=0.0.0.0:8099 LINK_URL=http://pi.lan/"},
	} {
		if got := read(t, with(minimal(), strings.Fields(tt.settings)...)).LinkURL; got != tt.want {
			t.Errorf("%s: %q, want %q", tt.settings, got, tt.want)
		}
	}
}
