package mediatype

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// boxesEnd walks the boxes of an ISO media file or QuickTime film. It is whole with its directory (moov, or meta of a still picture) and
// the data (mdat). What is recorded in fragments never promises an end, but may have an index as its last box.
// Source: ISO/IEC 14496-12, 4.2; https://developer.apple.com/documentation/quicktime-file-format
func boxesEnd(w *window) Extent {
	var directory, data bool
	for at := int64(0); ; {
		box, ok := w.box(at)
		whole := directory && data
		switch {
		case whole && (!ok || !boxes[box.kind] && box.end > w.size):
			return Whole // padding, or what a phone appends
		case !ok:
			return Cut
		case box.kind == "moof":
			if tail := w.tail(16); tail != nil && string(tail[4:8]) == "mfro" {
				return Whole
			}
			return NoMark
		case box.open && directory:
			return NoMark
		case box.open, box.end > w.size:
			return Cut
		}
		directory = directory || box.kind == "moov" || box.kind == "meta"
		data = data || box.kind == "mdat"
		at = box.end
	}
}

// boxes are those of the outermost level that hold something.
var boxes = map[string]bool{"moov": true, "mdat": true, "meta": true, "moof": true, "mpvd": true}

type box struct {
	kind string
	end  int64
	open bool // the box goes on to the end of the file, wherever that is
}

// box reads a box's head; false when there is none.
func (w *window) box(at int64) (b box, ok bool) {
	h := w.bytes(at, 8)
	if h == nil || bytes.ContainsFunc(h[4:], func(r rune) bool { return r < ' ' || r > '~' }) {
		return box{}, false
	}
	b.kind = string(h[4:])
	size, least := int64(binary.BigEndian.Uint32(h)), int64(8)
	if size == 0 {
		return box{b.kind, w.size, true}, true
	}
	if size == 1 {
		if h = w.bytes(at+8, 8); h == nil {
			return box{}, false
		}
		size, least = int64(binary.BigEndian.Uint64(h)&(1<<62-1)), 16
	}
	b.end = at + size
	return b, size >= least
}

// riffEnd goes by the length of a RIFF file, and of those that large AVI files append to it (OpenDML); 0 is written while recording.
// Source: https://developers.google.com/speed/webp/docs/riff_container
func riffEnd(w *window) Extent {
	end := Cut
	for at := int64(0); ; {
		h := w.bytes(at, 12)
		if h == nil || string(h[:4]) != "RIFF" {
			return end
		}
		size := int64(binary.LittleEndian.Uint32(h[4:]))
		if size < 4 || size == 1<<32-1 {
			return NoMark
		}
		if end = w.reach(at + 8 + size); end == Cut {
			return Cut
		}
		at += 8 + size + size%2
	}
}

// matroskaEnd goes by the length of the segment, which a program that records leaves unknown until it ends.
// Source: https://www.rfc-editor.org/rfc/rfc8794#section-6
func matroskaEnd(w *window) Extent {
	const segment = 0x18538067
	at := int64(0)
	for range 8 { // the head, the segment, and perhaps fill between them
		id, idLen, _ := w.vint(at)
		size, sizeLen, unknown := w.vint(at + idLen)
		if idLen == 0 || sizeLen == 0 {
			return Cut
		}
		at += idLen + sizeLen
		if id == segment&^(1<<28) {
			if unknown {
				return NoMark
			}
			return w.reach(at + size)
		}
		at += size
	}
	return NoMark
}

// vint reads a number of variable length, without the bit that marks its length; unknown is one whose bits are all set.
func (w *window) vint(at int64) (n, length int64, unknown bool) {
	first := w.bytes(at, 1)
	if first == nil || first[0] == 0 {
		return 0, 0, false
	}
	length = int64(bits.LeadingZeros8(first[0])) + 1
	b := w.bytes(at, int(length))
	if b == nil {
		return 0, 0, false
	}
	for _, c := range b {
		n = n<<8 | int64(c)
	}
	n &= 1<<(7*length) - 1
	return n, length, n == 1<<(7*length)-1
}

// asfEnd goes by the file's size in the header, which a broadcast leaves open.
// Source: https://learn.microsoft.com/windows/win32/medfound/asf-file-structure, Advanced Systems Format specification, 3.2
func asfEnd(w *window) Extent {
	const properties, maxObjects = "\xA1\xDC\xAB\x8C\x47\xA9\xCF\x11\x8E\xE4\x00\xC0\x0C\x20\x53\x65", 64
	at := int64(30)
	for range maxObjects {
		h := w.bytes(at, 24)
		if h == nil {
			return Cut
		}
		length := int64(binary.LittleEndian.Uint64(h[16:]) & (1<<62 - 1))
		if string(h[:16]) == properties {
			if h = w.bytes(at, 92); h == nil {
				return Cut
			}
			size := int64(binary.LittleEndian.Uint64(h[40:]) & (1<<62 - 1))
			if size == 0 || h[88]&1 != 0 {
				return NoMark
			}
			return w.reach(size)
		}
		if length < 24 {
			return NoMark
		}
		at += length
	}
	return NoMark
}

// mpegEnd looks for the end code of a program stream or of bare MPEG video, which not all devices write.
// Source: ISO/IEC 13818-1, 2.5.3.1, and 13818-2, 6.2.1
func mpegEnd(w *window) Extent {
	if tail := string(w.tail(4)); tail == "\x00\x00\x01\xB9" || tail == "\x00\x00\x01\xB7" {
		return Whole
	}
	return NoMark
}
