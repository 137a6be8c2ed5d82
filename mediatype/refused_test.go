package mediatype

import (
	"strings"
	"testing"

	"github.com/gabriel-vasile/mimetype"
)

// strangers are the first bytes of files that Google Photos does not take, by what they are called, as docs/mqtt-api.md lists them.
func strangers(tb testing.TB) []struct{ words, head string } {
	tb.Helper()
	targa := file(tb, "still.tga")
	return []struct{ words, head string }{
		{"an SVG drawing", `<svg xmlns="http://www.w3.org/2000/svg"/>`},
		{"an SVG drawing", "<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\"/>"},
		{"a JPEG XL image", file(tb, "still.jxl")},
		{"a JPEG XL image", "\x00\x00\x00\x0cJXL \r\n\x87\n\x00\x00\x00\x14ftypjxl "},
		{"a JPEG 2000 image", file(tb, "still.jp2")},
		{"a JPEG 2000 image", "\xff\x4f\xff\x51\x00\x2f\x00\x00"},
		{"a JPEG XR image", "II\xbc\x01\x20\x00\x00\x00"},
		{"a Targa image", targa},
		{"a Targa image", "\x00\x00\x0a" + targa[3:]},
		{"a Targa image", "\x00\x00\x03" + targa[3:16] + "\x08\x00"},
		{"a Targa image", "\x00\x01\x01\x00\x00\x00\x01\x18" + targa[8:16] + "\x08\x00"},
		{"a Targa image", "\x05" + targa[1:]},
		{"a mouse cursor", "\x00\x00\x02\x00\x01\x00\x20\x20\x00\x00\x00\x00\x00\x00"},
		{"an Apple icon", "icns\x00\x00\x10\x00"},
		{"a PBM, PGM or PPM image", "P5\n4 4\n255\n\x00\x01\x02\x03"},
		{"a PBM, PGM or PPM image", "P6\n4 4\n255\n\x00\x01\x02\x03"},
		{"a PCX image", "\x0a\x05\x01\x08\x00\x00\x00\x00"},
		{"a QOI image", "qoif\x00\x00\x00\x20"},
		{"a DDS texture", "DDS \x7c\x00\x00\x00"},
		{"an OpenEXR image", "\x76\x2f\x31\x01\x02\x00\x00\x00"},
		{"a Radiance HDR image", "#?RADIANCE\n"},
		{"a Photoshop image", "8BPS\x00\x01\x00\x00\x00\x00\x00\x00\x00\x03"},
		{"a GIMP image", "gimp xcf v011\x00"},
		{"a DjVu document", "AT&TFORM\x00\x00\x10\x00DJVM"},
		{"a PDF document", "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"},
		{"a PostScript or EPS file", "%!PS-Adobe-3.0 EPSF-3.0\n"},
		{"a PostScript or EPS file", "\xc5\xd0\xd3\xc6\x1e\x00\x00\x00"},
		{"a WebM video", file(tb, "clip.webm")},
		{"a Flash video", file(tb, "clip.flv")},
		{"an Ogg video", "OggS\x00\x02" + strings.Repeat("\x00", 22) + "\x80theora\x03\x02\x01"},
		{"a DV video", "\x1f\x07\x00\x3f\x78\x78\x78\x0c"},
		{"an MXF video", "\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01\x02\x04\x00"},
		{"an H.264 or H.265 video without a container", "\x00\x00\x00\x01\x67\x64\x00\x0a"},
		{"an H.264 or H.265 video without a container", "\x00\x00\x00\x01\x40\x01\x0c\x01"},
		{"a piece of a streamed MP4 video", "\x00\x00\x00\x18stypmsdh\x00\x00\x00\x00msdhmsix"},
		{"a piece of a streamed MP4 video", "\x00\x00\x00\x10moof\x00\x00\x00\x10mfhd"},
		{"a stream of JPEG images", "--frame\r\nContent-Type: image/jpeg\r\nX-Pad: " + strings.Repeat("x", 500) + "\r\n\r\n" + string(photo())},
		{"an MP3 sound file", "ID3\x04\x00\x00\x00\x00\x10\x00TIT2\x00\x00"},
		{"a WAV sound file", "RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00"},
		{"an M4A sound file", brand("M4A ", "M4A ", "mp42")},
		{"an M4A sound file", brand("M4B ")},
		{"a WMA sound file", "\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c\x40\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01\x02" +
			"\x40\x9e\x69\xf8\x4d\x5b\xcf\x11\xa8\xfd\x00\x80\x5f\x5c\x44\x2b" + strings.Repeat("\x00", 18)},
		{"a sound file (audio/flac)", "fLaC\x00\x00\x00\x22"},
		{"a sound file (audio/ogg)", "OggS\x00\x02" + strings.Repeat("\x00", 22) + "\x01vorbis\x00\x00\x00"},
		{"a ZIP archive", "PK\x03\x04\x14\x00\x00\x00\x08\x00" + strings.Repeat("\x00", 20) + "a"},
		{"a gzip file", "\x1f\x8b\x08\x00\x00\x00\x00\x00"},
		{"a RAR archive", "Rar!\x1a\x07\x01\x00"},
		{"a 7z archive", "7z\xbc\xaf\x27\x1c\x00\x04"},
		{"an Office document", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("\x00", 512)},
		{"an HTML page", "<!DOCTYPE html><html><body>401 Unauthorized</body></html>"},
		{"an HTML page", "\r\n<html><head><title>Error</title></head>"},
		{"an XML text", `<?xml version="1.0" encoding="UTF-8"?><ResponseStatus><statusCode>4</statusCode></ResponseStatus>`},
		{"a JSON text", `{"error": "camera is busy"}`},
		{"a text file", "A text file named .jpg is no picture.\n"},
		{"a text file", "not found"},
		{"a program", "\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x3e\x00"},
		{"nothing but zeros", strings.Repeat("\x00", 4096)},
		{"a file of an unknown format", "\x01\x02\x03\x04\x05\x06\x07\x08\x99\x98"},
		{"a file of an unknown format", "\x00\x00\x01\x00\x00\x00\x9f\x0a\x00\x00\x9e\x0a\x00\x00"}, // a font of a Mac
	}
}

func TestRefused(t *testing.T) {
	for _, s := range strangers(t) {
		got := Of([]byte(s.head))
		if got.Taken || got.Ending != "" || got.Words != s.words || strings.Contains(got.MIME, ";") {
			t.Errorf("%.20q: got %+v, want %s", s.head, got, s.words)
		}
		if want := s.words + ", which Google Photos does not take: " + got.Hint + "."; got.Refusal() != want || got.Hint == "" {
			t.Errorf("%.20q: got %q, want %q", s.head, got.Refusal(), want)
		}
	}
}

// TestNotMistaken proves that no text that may be a path, JSON or base64 is taken for content, and that a picture inside of something else
// does not make it one.
func TestNotMistaken(t *testing.T) {
	for name, head := range map[string]string{
		"nothing": "", "many gs": strings.Repeat("G", 2000), "a name": "IIROnman.jpg", "base64": "IIROaaaaaaaa" + strings.Repeat("G", 2000),
		"a name with a box": "Roadmdata.jpg", "umlauts": "Übemdat.jpg", "a line break": "\nabcmoovies/a.jpg", "a pattern": "\tabmdat\n", "base64 with a box": "AAAAmoovAAAAmdatAAAAfree",
		"Sigma's": "FOVb/front.jpg", "qoi": "qoif.jpg", "bitmap": "BMW.jpg",
		"song with a cover":    "MAC \x96\x0f\x00\x00" + strings.Repeat("\x01", 365) + string(photo()),
		"song with ID3":        "ID3\x04\x00\x00\x00\x00\x10\x00APIC" + string(photo()),
		"no segment behind it": "\x01\x02\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00no marker",
		"long text before":     strings.Repeat("a line\n", 100) + string(photo()),
		"Targa of no size":     "\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x18\x00",
		"ftyp without brand":   "\x00\x00\x00\x08ftyp",
		"TIFF of version 7":    "II\x07\x00\x08\x00\x00\x00",
	} {
		if got := Of([]byte(head)); got.Taken {
			t.Errorf("%s is taken for %+v", name, got)
		}
	}
}

// TestLibrary proves that each image, video and sound of the library is either taken under our own name or refused in words, so that none
// is refused under another name of a format that Google takes. The names are those of supported_mimes.md of v1.4.16.
func TestLibrary(t *testing.T) {
	takenAs := map[string]string{
		"image/apng": "image/png", "video/matroska": "video/x-matroska", "image/heic-sequence": "image/heic", "image/heif-sequence": "image/heif",
		"application/vnd.ms-asf": "video/x-ms-asf",
	}
	for name := range strings.FieldsSeq(libraryNames) {
		found := mimetype.Lookup(name)
		if found == nil {
			t.Errorf("the library has no %s any more", name)
			continue
		}
		mime, _, _ := strings.Cut(found.String(), ";")
		if as, ok := takenAs[mime]; ok {
			mime = as
		}
		if formats[mime].ending == "" && refused(mime).Words == "a file of the type "+mime {
			t.Errorf("%s (%s) is neither taken nor has words", name, mime)
		}
	}
}

const libraryNames = `audio/3gpp audio/3gpp2 audio/aac audio/aiff audio/amr audio/amr-nb audio/ape audio/basic audio/flac audio/mid audio/midi audio/mp3
	audio/mp4 audio/mpeg audio/mpegurl audio/musepack audio/ogg audio/qcelp audio/sp-midi audio/vnd.wave audio/wav audio/wave
	audio/webm audio/x-aiff audio/x-m4a audio/x-mid audio/x-midi audio/x-mp4a audio/x-mpeg audio/x-unknown audio/x-wav image/apng
	image/avif image/bmp image/bpg image/fits image/gif image/heic image/heic-sequence image/heif image/heif-sequence image/jp2
	image/jpeg image/jpm image/jpx image/jxl image/jxr image/jxs image/png image/svg+xml image/tiff image/vnd.adobe.photoshop
	image/vnd.djvu image/vnd.dwg image/vnd.dxf image/vnd.mozilla.apng image/vnd.ms-photo image/vnd.radiance image/webp image/x-bmp
	image/x-dwg image/x-gimp-gbr image/x-gimp-pat image/x-icns image/x-icon image/x-ms-bmp image/x-portable-arbitrarymap
	image/x-portable-bitmap image/x-portable-graymap image/x-portable-pixmap image/x-psd image/x-xcf image/x-xpixmap video/3g2
	video/3gp video/3gpp video/3gpp2 video/asf video/avi video/jpm video/matroska video/mj2 video/mp4 video/mpeg video/msvideo
	video/ogg video/quicktime video/vnd.dvb.file video/webm video/x-flv video/x-m4v video/x-matroska video/x-ms-asf video/x-ms-wmv
	video/x-msvideo`
