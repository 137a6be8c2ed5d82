package mediatype

import (
	"encoding/binary"
	"strings"
)

// The tags that tell raw formats from each other: TIFF 6.0, TIFF/EP (ISO 12234-2), DNG 1.7.
const (
	tagSubfileType = 254
	tagCompression = 259
	tagPhotometric = 262
	tagMake        = 271
	tagModel       = 272
	tagDNGVersion  = 50706
)

// rawType tells TIFF and the raw formats that are made of it apart by the first directory: its maker, and that it holds a preview whose
// picture is elsewhere, or the values of a sensor. A TIFF of the same camera stays a TIFF.
// Source: https://github.com/exiftool/exiftool/blob/master/lib/Image/ExifTool/Exif.pm
func rawType(head []byte) string {
	order := byteOrder(head)
	if order == nil || len(head) < 8 {
		return ""
	}
	switch order.Uint16(head[2:]) {
	case 42:
	case 43:
		return "image/tiff" // BigTIFF
	case 0x55:
		if strings.HasPrefix(directory(head, order).text(tagMake), "LEICA") {
			return "image/x-leica-rwl"
		}
		return when(order == binary.LittleEndian, "image/x-panasonic-rw2")
	default:
		return ""
	}
	if mark := string(head[8:min(len(head), 12)]); mark == "IIII" || mark == "MMMM" {
		return "image/x-phaseone-iiq"
	}
	d := directory(head, order)
	if len(d.entries[tagDNGVersion]) > 0 {
		return "image/x-adobe-dng"
	}
	compression, photometric := d.short(tagCompression), d.short(tagPhotometric)
	preview := d.short(tagSubfileType)&1 == 1 && len(d.entries[tagSubIFDs]) > 0
	const sensor, private, packBits, deflate = 32803, 32767, 32773, 32946 // private: the numbers of makers begin here
	if !preview && photometric != sensor && (compression < private || compression == packBits || compression == deflate) {
		return "image/tiff"
	}
	maker := d.text(tagMake)
	for _, m := range makers {
		if strings.HasPrefix(strings.ToUpper(maker), m.prefix) && strings.Contains(strings.ToUpper(d.text(tagModel)), m.model) {
			return m.mime
		}
	}
	return "image/tiff"
}

var makers = []struct{ prefix, model, mime string }{
	{"NIKON", "COOLPIX", "image/x-nikon-nrw"},
	{"NIKON", "", "image/x-nikon-nef"},
	{"SONY", "", "image/x-sony-arw"},
	{"PENTAX", "", "image/x-pentax-pef"},
	{"ASAHI", "", "image/x-pentax-pef"},
	{"RICOH", "", "image/x-pentax-pef"},
	{"SAMSUNG", "", "image/x-samsung-srw"},
	{"HASSELBLAD", "", "image/x-hasselblad"},
	{"IMACON", "", "image/x-hasselblad"},
	{"SEIKO EPSON", "", "image/x-epson-erf"},
	{"EASTMAN KODAK", "", "image/x-kodak-dcr"},
	{"KODAK", "", "image/x-kodak-dcr"},
	{"MAMIYA", "", "image/x-mamiya-mef"},
	{"LEAF", "", "image/x-leaf-mos"},
	{"PHASE ONE", "", "image/x-phaseone-iiq"},
}

// A firstDirectory is what of a TIFF's first directory is within the head.
type firstDirectory struct {
	head    []byte
	order   binary.ByteOrder
	entries map[int][]byte // by tag; those that are looked at
}

func directory(head []byte, order binary.ByteOrder) firstDirectory {
	d := firstDirectory{head, order, map[int][]byte{}}
	at := int64(order.Uint32(head[4:]))
	if at+2 > int64(len(head)) {
		return d
	}
	entries := head[at+2:]
	for range order.Uint16(head[at:]) {
		if len(entries) < 12 {
			break
		}
		switch tag := int(order.Uint16(entries)); tag {
		case tagSubfileType, tagCompression, tagPhotometric, tagMake, tagModel, tagSubIFDs, tagDNGVersion:
			d.entries[tag] = entries[:12]
		}
		entries = entries[12:]
	}
	return d
}

func (d firstDirectory) short(tag int) int {
	e := d.entries[tag]
	switch {
	case e == nil:
		return 0
	case d.order.Uint16(e[2:]) == 3:
		return int(d.order.Uint16(e[8:]))
	}
	return int(d.order.Uint32(e[8:]))
}

func (d firstDirectory) text(tag int) string {
	e := d.entries[tag]
	if e == nil {
		return ""
	}
	n, at := int64(d.order.Uint32(e[4:])), int64(d.order.Uint32(e[8:]))
	if n <= 4 || at+n > int64(len(d.head)) {
		return ""
	}
	return strings.TrimRight(string(d.head[at:at+n]), "\x00 ")
}
