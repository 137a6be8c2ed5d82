package photosim

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	_ "image/gif" // decoders for the sizes of photos and for scaling
	"image/jpeg"
	"image/png"
	"math/bits"
	"slices"
	"strings"
)

// kind is what a file is by its first bytes.
type kind struct {
	mime  string
	video bool
	// decodable photos are read with the standard library: they have a real size, and a damaged one is refused.
	decodable bool
	// boxes are what files of the families of MP4 and QuickTime are made of; they say more about themselves.
	boxes bool
}

// kindOf recognises the formats that Google Photos takes, https://developers.google.com/photos/library/guides/upload-media
// #file-types-sizes; false for anything else.
func kindOf(head []byte) (kind, bool) {
	for _, m := range magics {
		if len(head) >= m.at+len(m.magic) && string(head[m.at:m.at+len(m.magic)]) == m.magic {
			return m.kind, true
		}
	}
	switch {
	case len(head) >= 12 && string(head[4:8]) == "ftyp":
		return isoKind(head)
	case len(head) >= 12 && string(head[:4]) == "RIFF":
		return riffKind(string(head[8:12]))
	case bytes.HasPrefix(head, []byte("\x1A\x45\xDF\xA3")):
		// Matroska and WebM share the container; Google lists MKV only.
		return kind{mime: "video/x-matroska", video: true}, bytes.Contains(ebmlHeader(head), []byte("matroska"))
	case bitmap(head):
		return kind{mime: "image/bmp"}, true
	case len(head) >= 6 && string(head[:4]) == "\x00\x00\x01\x00" && head[4] > 0:
		return kind{mime: "image/x-icon"}, true
	}
	for _, at := range []struct{ first, every int }{{0, 188}, {4, 192}, {0, 204}} {
		if transportStream(head, at.first, at.every) {
			return kind{mime: "video/mp2t", video: true}, true
		}
	}
	return kind{}, false
}

var magics = []struct {
	at    int
	magic string
	kind  kind
}{
	{0, "\xFF\xD8\xFF", kind{mime: "image/jpeg", decodable: true}},
	{0, "\x89PNG\r\n\x1A\n", kind{mime: "image/png", decodable: true}},
	{0, "GIF87a", kind{mime: "image/gif", decodable: true}},
	{0, "GIF89a", kind{mime: "image/gif", decodable: true}},
	{0, "II*\x00\x10\x00\x00\x00CR", kind{mime: "image/x-canon-cr2"}},
	{0, "II*\x00", kind{mime: "image/tiff"}}, // also DNG, NEF, ARW and other raw formats
	{0, "MM\x00*", kind{mime: "image/tiff"}},
	{0, "IIRO", kind{mime: "image/x-olympus-orf"}},
	{0, "IIRS", kind{mime: "image/x-olympus-orf"}},
	{0, "MMOR", kind{mime: "image/x-olympus-orf"}},
	{0, "IIU\x00", kind{mime: "image/x-panasonic-rw2"}},
	{0, "FUJIFILMCCD-RAW", kind{mime: "image/x-fuji-raf"}},
	{4, "moov", kind{mime: "video/quicktime", video: true, boxes: true}},
	{4, "mdat", kind{mime: "video/quicktime", video: true, boxes: true}},
	{4, "wide", kind{mime: "video/quicktime", video: true, boxes: true}},
	{4, "free", kind{mime: "video/quicktime", video: true, boxes: true}},
	{4, "skip", kind{mime: "video/quicktime", video: true, boxes: true}},
	{4, "pnot", kind{mime: "video/quicktime", video: true, boxes: true}},
	{0, "\x00\x00\x01\xBA", kind{mime: "video/mpeg", video: true}},
	{0, "\x00\x00\x01\xB3", kind{mime: "video/mpeg", video: true}},
	{0, "\x30\x26\xB2\x75\x8E\x66\xCF\x11", kind{mime: "video/x-ms-asf", video: true}},
}

// isoKind tells the ISO media files apart by their brands.
func isoKind(head []byte) (kind, bool) {
	brand := string(head[8:12])
	switch {
	case brand == "avif" || brand == "avis":
		return kind{mime: "image/avif"}, true
	case strings.HasPrefix(brand, "hei") || strings.HasPrefix(brand, "hev"):
		return kind{mime: "image/heic"}, true
	case slices.Contains([]string{"mif1", "mif2", "msf1", "miaf", "MiHB", "MiHE", "MiHA"}, brand): // what it is, the others say
		others := head[min(len(head), 16):min(len(head), max(16, int(binary.BigEndian.Uint32(head))))]
		for other := range slices.Chunk(others, 4) {
			if string(other) == "avif" || string(other) == "avis" {
				return kind{mime: "image/avif"}, true
			}
		}
		return kind{mime: "image/heif"}, true
	case brand == "crx ":
		return kind{mime: "image/x-canon-cr3"}, true
	case brand == "qt  ":
		return kind{mime: "video/quicktime", video: true, boxes: true}, true
	case strings.HasPrefix(brand, "3g2"):
		return kind{mime: "video/3gpp2", video: true, boxes: true}, true
	case strings.HasPrefix(brand, "3g"): // 3gp and the releases after 7
		return kind{mime: "video/3gpp", video: true, boxes: true}, true
	case strings.HasPrefix(brand, "M4A") || strings.HasPrefix(brand, "M4B") || strings.HasPrefix(brand, "M4P"):
		return kind{}, false // audio
	}
	return kind{mime: "video/mp4", video: true, boxes: true}, true
}

func riffKind(form string) (kind, bool) {
	switch form {
	case "WEBP":
		return kind{mime: "image/webp"}, true
	case "AVI ":
		return kind{mime: "video/x-msvideo", video: true}, true
	}
	return kind{}, false
}

// ebmlHeader is the first element of a Matroska file, RFC 8794: an id, a length that says by its leading zeros how long it is
// itself, and that many bytes.
func ebmlHeader(head []byte) []byte {
	if len(head) < 5 || head[4] == 0 {
		return nil
	}
	wide := bits.LeadingZeros8(head[4]) + 1
	size := int64(head[4]) & (0xFF >> wide)
	for _, b := range head[5:min(len(head), 4+wide)] {
		size = size<<8 | int64(b)
	}
	from := min(len(head), 4+wide)
	return head[from : from+int(min(max(size, 0), int64(len(head)-from)))]
}

// bitmap wants more than the two letters that a BMP begins with: the length of its second header,
// https://learn.microsoft.com/en-us/windows/win32/gdi/bitmap-header-types
func bitmap(head []byte) bool {
	return len(head) >= 18 && string(head[:2]) == "BM" && slices.Contains([]uint32{12, 16, 40, 52, 56, 64, 108, 124}, binary.LittleEndian.Uint32(head[14:]))
}

// transportStream looks for the sync byte of three packets in a row.
func transportStream(head []byte, at, every int) bool {
	for i := range 3 {
		if n := at + i*every; n >= len(head) || head[n] != 0x47 {
			return false
		}
	}
	return true
}

// facts are what an item shows of its file. False when the file is no photo or video Google could show.
func (p *payload) facts() (mediaFacts, bool) {
	k, ok := kindOf(p.head)
	if !ok {
		return mediaFacts{}, false
	}
	f := mediaFacts{kind: k}
	if !k.decodable && !k.boxes {
		return f, true
	}
	r, err := p.open()
	if err != nil {
		return mediaFacts{}, false
	}
	defer closeQuietly(r)
	if k.boxes {
		f.film = readFilm(r)
		f.width, f.height = f.film.width, f.film.height
		return f, true
	}
	c, _, err := image.DecodeConfig(r)
	if unsupported(err) {
		return f, true
	}
	if err != nil {
		return mediaFacts{}, false
	}
	f.width, f.height = int64(c.Width), int64(c.Height)
	if k.mime == "image/jpeg" {
		f.exif = readEXIF(p.head)
		if f.exif.turned {
			f.width, f.height = f.height, f.width
		}
	}
	return f, true
}

// unsupported tells a photo that the standard library cannot read from one that is damaged.
func unsupported(err error) bool {
	_, inJPEG := errors.AsType[jpeg.UnsupportedError](err)
	_, inPNG := errors.AsType[png.UnsupportedError](err)
	return inJPEG || inPNG
}

type mediaFacts struct {
	kind
	width, height int64
	exif          exif
	film          film
}
