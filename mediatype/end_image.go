package mediatype

import (
	"bytes"
	"encoding/binary"
)

// pngEnd looks for the chunk IEND. Source: https://www.w3.org/TR/png-3/#5Chunk-layout
func pngEnd(w *window) Extent {
	if bytes.Equal(w.tail(12), []byte("\x00\x00\x00\x00IEND\xAE\x42\x60\x82")) {
		return Whole
	}
	for at := int64(8); ; {
		chunk := w.bytes(at, 8)
		if chunk == nil {
			return Cut
		}
		at += 12 + int64(binary.BigEndian.Uint32(chunk))
		if string(chunk[4:]) == "IEND" {
			return w.reach(at)
		}
	}
}

// gifEnd looks for the trailer in its place behind the blocks: in compressed data its bytes are not rare.
// Source: https://www.w3.org/Graphics/GIF/spec-gif89a.txt
func gifEnd(w *window) Extent {
	screen := w.bytes(0, 13)
	if screen == nil {
		return Cut
	}
	for at := 13 + colours(screen[10]); ; {
		block := w.bytes(at, 1)
		switch {
		case block == nil:
			return Cut
		case block[0] == ';':
			return Whole
		case block[0] == '!': // an extension: its label
			at += 2
		case block[0] == ',': // a picture: its descriptor, colours, and the size of its codes
			if block = w.bytes(at, 10); block == nil {
				return Cut
			}
			at += 11 + colours(block[9])
		default:
			return NoMark
		}
		for length := int64(1); length > 0; at += 1 + length { // sub-blocks, the last of them empty
			if block = w.bytes(at, 1); block == nil {
				return Cut
			}
			length = int64(block[0])
		}
	}
}

// colours returns the bytes of the table of colours that a GIF's flags announce.
func colours(flags byte) int64 {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (flags&7 + 1)
}

// bmpEnd goes by the file's length in the header and by that of the pixels: some programs write one of them wrong, mostly 0.
// Source: https://learn.microsoft.com/windows/win32/api/wingdi/ns-wingdi-bitmapfileheader
func bmpEnd(w *window) Extent {
	h := w.bytes(0, 54)
	if h == nil {
		return Cut
	}
	long := func(at int) int64 { return int64(binary.LittleEndian.Uint32(h[at:])) }
	end, pixels := long(2), long(10)
	if headerSize := long(14); headerSize >= 40 { // else the lengths below stand elsewhere
		width, height := int64(int32(long(18))), int64(int32(long(22))) //nolint:gosec // signed: a negative height is from top to bottom
		row := (width*int64(binary.LittleEndian.Uint16(h[28:])) + 31) / 32 * 4
		if compression := long(30); compression == 1 || compression == 2 || compression > 3 {
			row, height = long(34), 1 // the size of the compressed picture
		}
		end = max(end, pixels+row*max(height, -height))
	}
	if end <= pixels {
		return NoMark
	}
	return w.reach(end)
}

// iconEnd goes by the pictures in the directory. Source: https://learn.microsoft.com/previous-versions/ms997538(v=msdn.10)
func iconEnd(w *window) Extent {
	h := w.bytes(0, 6)
	if h == nil {
		return Cut
	}
	var end int64
	for i := range int64(binary.LittleEndian.Uint16(h[4:])) {
		entry := w.bytes(6+16*i, 16)
		if entry == nil {
			return Cut
		}
		end = max(end, int64(binary.LittleEndian.Uint32(entry[8:]))+int64(binary.LittleEndian.Uint32(entry[12:])))
	}
	return w.reach(end)
}

// rafEnd goes by the three parts of a Fujifilm file: preview, header and data of the sensor.
// Source: https://libopenraw.freedesktop.org/formats/raf/
func rafEnd(w *window) Extent {
	var end int64
	for at := int64(84); at < 108; at += 8 {
		offset, _ := w.be32(at)
		length, ok := w.be32(at + 4)
		if !ok {
			return Cut
		}
		end = max(end, offset+length)
	}
	return w.reach(end)
}
