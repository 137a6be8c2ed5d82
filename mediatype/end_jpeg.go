package mediatype

import (
	"bytes"
	"encoding/binary"
	"regexp"
	"strconv"
)

// The markers of a JPEG that are looked at; all but those without content (RST0 to RST7, SOI, EOI, TEM) have a length.
// Source: https://www.w3.org/Graphics/JPEG/itu-t81.pdf, table B.1
const (
	markTEM  = 0x01
	markRST0 = 0xD0
	markSOI  = 0xD8
	markEOI  = 0xD9
	markSOS  = 0xDA
	markAPP1 = 0xE1
	markAPP2 = 0xE2
)

// jpegEnd looks for EOI behind the segments. In coded data FF D9 is nothing else, so that a file that ends in it is whole unless its
// header promises more behind that: the video of a motion photo, a gain map, further pictures.
func jpegEnd(w *window) Extent {
	var behind, least int64 // bytes promised behind EOI, and of the whole file
	for at := int64(2); ; {
		m := w.bytes(at, 2)
		switch {
		case m == nil:
			return Cut
		case m[0] != 0xFF:
			return NoMark // damaged, or a hole that is still to be filled
		case m[1] == 0xFF: // fill
			at++
			continue
		case m[1] == markEOI:
			return w.reach(max(at+2+behind, least))
		case m[1] == markTEM, m[1] >= markRST0 && m[1] <= markSOI:
			at += 2
			continue
		}
		mark, head := m[1], w.bytes(at, 4)
		if head == nil {
			return Cut
		}
		length := int64(binary.BigEndian.Uint16(head[2:]))
		if length < 2 {
			return NoMark
		}
		switch segment := w.content(mark, at+4, int(length-2)); mark {
		case markAPP1:
			behind = max(behind, promised(segment))
		case markAPP2:
			least = max(least, furtherPictures(segment, at+4))
		case markSOS:
			if behind == 0 && bytes.Equal(w.tail(2), []byte{0xFF, markEOI}) {
				return w.reach(least)
			}
			if length = w.coded(at+2+length) - at - 2; length < 0 {
				return Cut
			}
		}
		at += 2 + length
	}
}

// content returns that of a segment which is looked at.
func (w *window) content(mark byte, at int64, n int) []byte {
	if mark == markAPP1 || mark == markAPP2 {
		return w.bytes(at, n)
	}
	return nil
}

// coded returns where the coded data from an offset on ends, -1 if it does not.
func (w *window) coded(at int64) int64 {
	for {
		data := w.rest(at)
		if len(data) < 2 {
			return -1
		}
		for i := 0; i < len(data)-1; i++ {
			if n := bytes.IndexByte(data[i:], 0xFF); n < 0 {
				break
			} else if i += n; i == len(data)-1 {
				break
			}
			if c := data[i+1]; c == 0 {
				i++
			} else if c != 0xFF && (c < markRST0 || c >= markSOI) {
				return at + int64(i)
			}
		}
		at += int64(len(data)) - 1 // the last byte's meaning is in the next
	}
}

var (
	xmpHead = []byte("http://ns.adobe.com/xap/1.0/\x00")
	lengths = regexp.MustCompile(`(MicroVideoOffset|Item:Length)\s*(?:=\s*["']|>)\s*(\d{1,11})\b`)
)

// promised returns how many bytes follow a JPEG by its XMP: the video of a motion photo, a gain map, a depth map.
// Source: https://developer.android.com/media/platform/motion-photo-format, and for MicroVideoOffset its former version
func promised(segment []byte) int64 {
	if !bytes.HasPrefix(segment, xmpHead) {
		return 0
	}
	var video, items int64
	for _, found := range lengths.FindAllSubmatch(segment, 16) {
		n, _ := strconv.ParseInt(string(found[2]), 10, 64) // at most 11 digits
		if found[1][0] == 'M' {
			video = n
		} else {
			items += n
		}
	}
	return max(video, items)
}

// furtherPictures returns where the last picture of a multi-picture file ends. at is the offset of the segment's content in the file.
// Source: https://www.cipa.jp/std/documents/e/DC-X007-KEY_E.pdf (CIPA DC-007), 5.2
func furtherPictures(segment []byte, at int64) (end int64) {
	rest, ok := bytes.CutPrefix(segment, []byte("MPF\x00"))
	order := byteOrder(rest)
	if !ok || order == nil || len(rest) < 8 {
		return 0
	}
	const entryTag, entrySize = 0xB002, 16
	directory := int64(order.Uint32(rest[4:]))
	if directory > int64(len(rest))-2 {
		return 0
	}
	for i := range int64(order.Uint16(rest[directory:])) {
		if directory+14+12*i > int64(len(rest)) {
			return 0
		}
		field := rest[directory+2+12*i:][:12]
		from, size := int64(order.Uint32(field[8:])), int64(order.Uint32(field[4:]))
		if order.Uint16(field) != entryTag || from+size > int64(len(rest)) {
			continue
		}
		for entry := rest[from:][:size]; len(entry) >= entrySize; entry = entry[entrySize:] {
			if offset := int64(order.Uint32(entry[8:])); offset > 0 { // the first picture's is 0
				end = max(end, at+4+offset+int64(order.Uint32(entry[4:])))
			}
		}
	}
	return end
}
