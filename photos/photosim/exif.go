package photosim

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"
	"time"
)

// exif is what a JPEG says about its capture. Absent values are zero.
type exif struct {
	taken       time.Time // without an offset in the file, its clock is taken as UTC
	make, model string
	focalLength float64
	aperture    float64
	iso         int
	exposure    time.Duration
	turned      bool // shown with width and height exchanged
}

// readEXIF looks for the Exif segment of a JPEG. Files are written by strangers: what cannot be read is left out.
func readEXIF(jpeg []byte) exif {
	rest := jpeg
	if len(rest) < 4 || rest[0] != 0xFF || rest[1] != 0xD8 {
		return exif{}
	}
	rest = rest[2:]
	for len(rest) >= 4 && rest[0] == 0xFF && rest[1] != 0xDA {
		size := int(binary.BigEndian.Uint16(rest[2:]))
		if size < 2 || 2+size > len(rest) {
			return exif{}
		}
		body := rest[4 : 2+size]
		if rest[1] == 0xE1 && bytes.HasPrefix(body, []byte("Exif\x00\x00")) {
			return readTIFF(body[6:])
		}
		rest = rest[2+size:]
	}
	return exif{}
}

// Tags, Exif 2.32 (CIPA DC-008), section 4.6.
const (
	tagMake         = 0x010F
	tagModel        = 0x0110
	tagOrientation  = 0x0112
	tagExifIFD      = 0x8769
	tagExposure     = 0x829A
	tagFNumber      = 0x829D
	tagISO          = 0x8827
	tagTaken        = 0x9003
	tagOffset       = 0x9011
	tagFocalLength  = 0x920A
	maxEntries      = 512
	typeASCII       = 2
	typeShort       = 3
	typeLong        = 4
	typeRational    = 5
	maxTextOfATag   = 200
	layoutOfTaken   = "2006:01:02 15:04:05"
	layoutWithZone  = layoutOfTaken + "-07:00"
	bytesOfAnEntry  = 12
	bytesOfRational = 8
)

// tiff is the directory structure inside an Exif segment.
type tiff struct {
	data  []byte
	order binary.ByteOrder
}

// entry is one tag with the bytes of its value.
type tiffEntry struct {
	kind  uint16
	count uint32
	value []byte
}

func readTIFF(data []byte) exif {
	if len(data) < 8 {
		return exif{}
	}
	t := tiff{data: data, order: binary.LittleEndian}
	if data[0] == 'M' {
		t.order = binary.BigEndian
	}
	main := t.directory(t.order.Uint32(data[4:]))
	var sub map[uint16]tiffEntry
	if e, ok := main[tagExifIFD]; ok && len(e.value) >= 4 {
		sub = t.directory(t.order.Uint32(e.value))
	}
	orientation := t.number(main[tagOrientation])
	return exif{
		taken: t.taken(sub), make: t.text(main[tagMake]), model: t.text(main[tagModel]),
		focalLength: t.ratio(sub[tagFocalLength]), aperture: t.ratio(sub[tagFNumber]), iso: t.number(sub[tagISO]),
		exposure: time.Duration(min(t.ratio(sub[tagExposure]), 3600) * float64(time.Second)),
		turned:   orientation >= 5 && orientation <= 8,
	}
}

// directory reads the entries at an offset; later ones of the same tag are ignored.
func (t tiff) directory(at uint32) map[uint16]tiffEntry {
	if uint64(at)+2 > uint64(len(t.data)) {
		return nil
	}
	rest := t.data[at:]
	n := min(int(t.order.Uint16(rest)), maxEntries)
	rest = rest[2:]
	out := make(map[uint16]tiffEntry, n)
	for ; n > 0 && len(rest) >= bytesOfAnEntry; n-- {
		tag := t.order.Uint16(rest)
		e := tiffEntry{kind: t.order.Uint16(rest[2:]), count: t.order.Uint32(rest[4:])}
		e.value = t.value(e, rest[8:bytesOfAnEntry])
		if _, seen := out[tag]; !seen {
			out[tag] = e
		}
		rest = rest[bytesOfAnEntry:]
	}
	return out
}

// value finds the bytes of an entry: inside it when they fit, else where it points.
func (t tiff) value(e tiffEntry, field []byte) []byte {
	var unit uint64
	switch e.kind {
	case typeASCII:
		unit = 1
	case typeShort:
		unit = 2
	case typeLong:
		unit = 4
	case typeRational:
		unit = bytesOfRational
	default:
		return nil
	}
	size := unit * uint64(e.count)
	if size <= 4 {
		return field
	}
	at := uint64(t.order.Uint32(field))
	if at+size > uint64(len(t.data)) {
		return nil
	}
	return t.data[at : at+size]
}

func (t tiff) text(e tiffEntry) string {
	if e.kind != typeASCII {
		return ""
	}
	text, _, _ := strings.Cut(string(e.value[:min(len(e.value), maxTextOfATag)]), "\x00")
	return strings.ToValidUTF8(strings.TrimSpace(text), "")
}

func (t tiff) number(e tiffEntry) int {
	switch {
	case e.kind == typeShort && len(e.value) >= 2:
		return int(t.order.Uint16(e.value))
	case e.kind == typeLong && len(e.value) >= 4:
		return int(t.order.Uint32(e.value))
	}
	return 0
}

func (t tiff) ratio(e tiffEntry) float64 {
	if e.kind != typeRational || len(e.value) < bytesOfRational {
		return 0
	}
	below := t.order.Uint32(e.value[4:])
	if below == 0 {
		return 0
	}
	return float64(t.order.Uint32(e.value)) / float64(below)
}

func (t tiff) taken(sub map[uint16]tiffEntry) time.Time {
	text := t.text(sub[tagTaken])
	if zone := t.text(sub[tagOffset]); zone != "" {
		if at, err := time.Parse(layoutWithZone, text+zone); err == nil {
			return at.UTC()
		}
	}
	at, err := time.Parse(layoutOfTaken, text)
	if err != nil || at.Year() < 1 {
		return time.Time{}
	}
	return at
}

// seconds writes a duration as proto3 JSON does: "0.008s".
func seconds(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + "s"
}
