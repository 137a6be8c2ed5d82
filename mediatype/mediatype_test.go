package mediatype

import (
	"strings"
	"testing"
)

func TestOf(t *testing.T) {
	for name, s := range samples() {
		if got := Of([]byte(s.head)); got.MIME != s.mime || !got.Taken || got.Ending == "" {
			t.Errorf("%s: got %+v, want %s", name, got, s.mime)
		}
	}
	for name, head := range others() {
		if got := Of([]byte(head)); got.Taken || strings.Contains(got.MIME, ";") {
			t.Errorf("%s is taken for %+v", name, got)
		}
	}
	if Of(nil).Taken {
		t.Error("nothing is taken for something")
	}
}

// TestOfLooksAtHead proves that no more than HeadSize bytes decide, so that the same file gives the same answer
// from memory and from disk.
func TestOfLooksAtHead(t *testing.T) {
	late := strings.Repeat("\x01", HeadSize) + "\x12\xc6\x01\x00\x04\x00\x00\x00"
	if got := Of([]byte("II*\x00" + late)); got.MIME != "image/tiff" {
		t.Errorf("got %+v", got)
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
