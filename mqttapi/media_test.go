package mqttapi

import (
	"strings"
	"testing"
)

func TestMediaType(t *testing.T) {
	for name, s := range samples() {
		mime, ok := MediaType([]byte(s.head))
		if mime != s.mime || !ok {
			t.Errorf("%s: got %s %v, want %s", name, mime, ok, s.mime)
		}
		if endings[mime] == "" {
			t.Errorf("%s: %s has no ending", name, mime)
		}
	}
	for name, head := range others() {
		if mime, ok := MediaType([]byte(head)); ok {
			t.Errorf("%s is taken for %s", name, mime)
		} else if strings.Contains(mime, ";") {
			t.Errorf("%s: %q has parameters", name, mime)
		}
	}
	if _, ok := MediaType(nil); ok {
		t.Error("nothing is taken for something")
	}
}

// TestMediaTypeLooksAtHead proves that no more than HeadSize bytes decide, so that the same file gives the same answer
// from memory and from disk.
func TestMediaTypeLooksAtHead(t *testing.T) {
	late := strings.Repeat("\x01", HeadSize) + "\x12\xc6\x01\x00\x04\x00\x00\x00"
	if mime, _ := MediaType([]byte("II*\x00" + late)); mime != "image/tiff" {
		t.Errorf("got %s", mime)
	}
}

func TestFormats(t *testing.T) {
	for name, ending := range endings {
		if !strings.HasPrefix(ending, ".") {
			t.Errorf("%s has no ending", name)
		}
	}
	for other, name := range otherNames {
		if endings[name] == "" || endings[other] != "" {
			t.Errorf("%s is no other name for %s", other, name)
		}
	}
	if got := endings["application/pdf"]; got != "" {
		t.Errorf("got %q", got)
	}
}
