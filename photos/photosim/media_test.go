package photosim

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/jpeg"
	"slices"
	"strings"
	"testing"
	"time"
)

// withEXIF puts an Exif segment behind the start of a JPEG.
func withEXIF(jpegFile []byte, taken, zone string) []byte {
	le := binary.LittleEndian
	var heap []byte
	const ifd0At, entries0 = 8, 4
	subAt := ifd0At + 2 + entries0*12 + 4
	entries1 := 5
	heapAt := subAt + 2 + entries1*12 + 4
	entry := func(tag, kind uint16, count uint32, value []byte) []byte {
		out := le.AppendUint32(le.AppendUint16(le.AppendUint16(nil, tag), kind), count)
		if len(value) <= 4 {
			return append(out, append(value, make([]byte, 4-len(value))...)...)
		}
		out = le.AppendUint32(out, uint32(heapAt+len(heap)))
		heap = append(heap, value...)
		return out
	}
	str := func(tag uint16, s string) []byte {
		return entry(tag, typeASCII, uint32(len(s)+1), append([]byte(s), 0))
	}
	ratio := func(tag uint16, a, b uint32) []byte {
		return entry(tag, typeRational, 1, le.AppendUint32(le.AppendUint32(nil, a), b))
	}
	tiff := append([]byte("II*\x00"), le.AppendUint32(nil, ifd0At)...)
	tiff = le.AppendUint16(tiff, entries0)
	tiff = append(tiff, str(tagMake, "Simco")...)
	tiff = append(tiff, str(tagModel, "One")...)
	tiff = append(tiff, entry(tagOrientation, typeShort, 1, []byte{1, 0})...)
	tiff = append(tiff, entry(tagExifIFD, typeLong, 1, le.AppendUint32(nil, uint32(subAt)))...)
	tiff = append(tiff, 0, 0, 0, 0)
	tiff = le.AppendUint16(tiff, uint16(entries1))
	tiff = append(tiff, ratio(tagExposure, 8, 1000)...)
	tiff = append(tiff, ratio(tagFNumber, 18, 10)...)
	tiff = append(tiff, entry(tagISO, typeShort, 1, []byte{50, 0})...)
	tiff = append(tiff, str(tagTaken, taken)...)
	tiff = append(tiff, str(tagOffset, zone)...)
	tiff = append(tiff, 0, 0, 0, 0)
	tiff = append(tiff, heap...)
	body := append([]byte("Exif\x00\x00"), tiff...)
	segment := append([]byte{0xFF, 0xE1}, binary.BigEndian.AppendUint16(nil, uint16(len(body)+2))...)
	return slices.Concat(jpegFile[:2], segment, body, jpegFile[2:])
}

func TestKinds(t *testing.T) {
	ts := func(at, every int) string {
		b := make([]byte, at+3*every)
		for i := range 3 {
			b[at+i*every] = 0x47
		}
		return string(b)
	}
	tests := []struct {
		head, mime string
		video      bool
	}{
		{"\xFF\xD8\xFF\xE0", "image/jpeg", false},
		{"\x89PNG\r\n\x1A\n", "image/png", false},
		{"GIF89a", "image/gif", false},
		{"BM\x46\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00", "image/bmp", false},
		{"\x00\x00\x01\x00\x01\x00", "image/x-icon", false},
		{"II*\x00\x08\x00\x00\x00", "image/tiff", false},
		{"MM\x00*\x00\x00\x00\x08", "image/tiff", false},
		{"II*\x00\x10\x00\x00\x00CR\x02\x00", "image/x-canon-cr2", false},
		{"IIRO\x08\x00\x00\x00", "image/x-olympus-orf", false},
		{"IIRS\x08\x00\x00\x00", "image/x-olympus-orf", false},
		{"MMOR\x00\x00\x00\x08", "image/x-olympus-orf", false},
		{"IIU\x00\x18\x00\x00\x00", "image/x-panasonic-rw2", false},
		{"\x00\x00\x00\x18ftypcrx \x00\x00\x00\x01crx isom", "image/x-canon-cr3", false},
		{"FUJIFILMCCD-RAW 0201", "image/x-fuji-raf", false},
		{"RIFF\x10\x00\x00\x00WEBPVP8 ", "image/webp", false},
		{"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", "image/heic", false},
		{"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1heic", "image/heif", false},
		{"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1avif", "image/avif", false},
		{"\x00\x00\x00\x5Cftypmif1\x00\x00\x00\x00" + strings.Repeat("miaf", 18) + "avif", "image/avif", false},
		{"\x00\x00\x00\x14ftypmif1\x00\x00\x00\x00mif1\x00\x00\x00\x08avif", "image/heif", false},
		{"\x00\x00\x00\x1Cftypmiaf\x00\x00\x00\x00mif1MA1Bavif", "image/avif", false},
		{"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00", "image/avif", false},
		{"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00", "video/mp4", true},
		{"\x00\x00\x00\x18ftypM4V \x00\x00\x00\x00", "video/mp4", true},
		{"\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00", "video/quicktime", true},
		{"\x00\x00\x00\x08wide\x00\x00\x00\x00", "video/quicktime", true},
		{"\x00\x00\x07\xD0moov\x00\x00\x00\x6cmvhd", "video/quicktime", true},
		{"\x00\x00\x00\x01mdat\x00\x00\x00\x01", "video/quicktime", true},
		{"\x00\x00\x00\x08free\x00\x00\x00\x10mdat", "video/quicktime", true},
		{"\x00\x00\x00\x08skip\x00\x00\x00\x10mdat", "video/quicktime", true},
		{"\x00\x00\x00\x14pnot\x00\x00\x00\x00", "video/quicktime", true},
		{"\x00\x00\x00\x14ftypisom\x00\x00\x02\x00isom", "video/mp4", true},
		{"\x00\x00\x00\x14ftypMSNV\x01\x29\x00\x46MSNV", "video/mp4", true},
		{"\x00\x00\x00\x14ftyp3ge9\x00\x00\x00\x00", "video/3gpp", true},
		{"\x00\x00\x00\x18ftyp3gp5\x00\x00\x00\x00", "video/3gpp", true},
		{"\x00\x00\x00\x18ftyp3g2a\x00\x00\x00\x00", "video/3gpp2", true},
		{"RIFF\x10\x00\x00\x00AVI LIST", "video/x-msvideo", true},
		{"\x1A\x45\xDF\xA3\x01\x00\x00\x00\x00\x00\x00\x0B\x42\x82\x88matroska", "video/x-matroska", true},
		{"\x30\x26\xB2\x75\x8E\x66\xCF\x11\xA6\xD9", "video/x-ms-asf", true},
		{"\x00\x00\x01\xBA\x44", "video/mpeg", true},
		{ts(0, 188), "video/mp2t", true},
		{ts(4, 192), "video/mp2t", true},
		{ts(0, 204), "video/mp2t", true},
		{"\x1A\x45\xDF\xA3\xA3\x42\x86\x81\x01\x42\xF7\x81\x01\x42\xF2\x81\x04\x42\xF3\x81\x08\x42\x82\x88matroska\x42\x87\x81\x04", "video/x-matroska", true},

		{"", "", false},
		{"just text", "", false},
		{"%PDF-1.7", "", false},
		{"<svg xmlns=", "", false},
		{"\x1A\x45\xDF\xA3\x01\x00\x00\x00\x00\x00\x00\x07\x42\x82\x84webm", "", false},
		{"\x1A\x45\xDF\xA3\x87\x42\x82\x84webm\x18\x53\x80\x67libmatroska", "", false},
		{"BMW drives past the door", "", false},
		{"\x00\x00\x01\x00\x00\x00", "", false},
		{"\x00\x00\x00\x18ftypM4P \x00\x00\x00\x00", "", false},
		{"\x00\x00\x00\x18ftypM4A \x00\x00\x00\x00", "", false},
		{"RIFF\x10\x00\x00\x00WAVEfmt ", "", false},
		{"ID3\x04", "", false},
	}
	for _, tt := range tests {
		k, ok := kindOf([]byte(tt.head))
		if ok != (tt.mime != "") || k.mime != tt.mime && ok || k.video != tt.video && ok {
			t.Errorf("%q: %+v %v, want %q", tt.head[:min(len(tt.head), 24)], k, ok, tt.mime)
		}
	}
}

// TestUnreadablePhotos uploads a photo that is damaged and one that only the standard library cannot read.
func TestUnreadablePhotos(t *testing.T) {
	m := newSim(t, Config{})
	deep := photo(1)
	sof := bytes.Index(deep, []byte{0xFF, 0xC0})
	deep[sof+4] = 12 // bits a sample
	if _, out := m.create("", m.upload(deep), m.upload(photo(2)[:20])); out.codes()[0] != 0 || out.codes()[1] != 3 {
		t.Errorf("codes %v", out.codes())
	}
}

func TestReadEXIF(t *testing.T) {
	good := withEXIF(photo(1), "2024:02:29 23:59:58", "-03:30")
	e := readEXIF(good)
	if want := time.Date(2024, 3, 1, 3, 29, 58, 0, time.UTC); !e.taken.Equal(want) {
		t.Errorf("taken %v, want %v", e.taken, want)
	}
	if e.exposure != 8*time.Millisecond || e.aperture != 1.8 || e.iso != 50 {
		t.Errorf("exif %+v", e)
	}
	for n := range len(good) { // a file that ends anywhere
		readEXIF(good[:n])
	}
	for _, bad := range []string{"", "0000:00:00 00:00:00", "2024:13:01 00:00:00", strings.Repeat("9", 300)} {
		if e := readEXIF(withEXIF(photo(1), bad, "")); !e.taken.IsZero() {
			t.Errorf("%q is read as %v", bad, e.taken)
		}
	}
	if _, err := jpeg.Decode(bytes.NewReader(good)); err != nil {
		t.Errorf("the test file is no JPEG: %v", err)
	}
}

func TestScaled(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 400, 300))
	tests := []struct {
		want          suffix
		width, height int
	}{
		{suffix{width: 200}, 200, 150},
		{suffix{height: 100}, 133, 100},
		{suffix{width: 200, height: 100}, 133, 100},
		{suffix{width: 100, height: 200}, 100, 75},
		{suffix{width: 4000, height: 4000}, 400, 300},
		{suffix{width: 1, height: 1}, 1, 1},
		{suffix{width: 256, height: 256, crop: true}, 256, 256},
		{suffix{width: 500, height: 10, crop: true}, 500, 10},
	}
	for _, tt := range tests {
		if b := scaled(img, tt.want).Bounds(); b.Dx() != tt.width || b.Dy() != tt.height {
			t.Errorf("%+v: %v, want %dx%d", tt.want, b, tt.width, tt.height)
		}
	}
}
