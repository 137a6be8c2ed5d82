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
		if Ending(mime) == "" {
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

func TestSizeLimit(t *testing.T) {
	for mime, want := range map[string]int64{"image/jpeg": 209715200, "image/x-adobe-dng": 209715200, "video/mp4": 21474836480} {
		if got := SizeLimit(mime); got != want {
			t.Errorf("%s: got %d, want %d", mime, got, want)
		}
	}
}

func TestFormats(t *testing.T) {
	for name, f := range formats {
		if !strings.HasPrefix(f.ending, ".") {
			t.Errorf("%s has no ending", name)
		}
		if f.mime != "" && formats[f.mime].ending != f.ending {
			t.Errorf("%s and %s have different endings", name, f.mime)
		}
	}
	if got := Ending("application/pdf"); got != "" {
		t.Errorf("got %q", got)
	}
}
