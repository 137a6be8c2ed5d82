package mediatype

import (
	"encoding/binary"
)

// The tags of TIFF 6.0 that say where data is, https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf, and what is read at most.
const (
	tagStripOffsets = 273
	tagStripCounts  = 279
	tagTileOffsets  = 324
	tagTileCounts   = 325
	tagSubIFDs      = 330
	tagJPEGOffset   = 513
	tagJPEGLength   = 514

	maxDirectories = 64
	maxStrips      = 1 << 16
)

func byteOrder(head []byte) binary.ByteOrder {
	switch {
	case len(head) < 2:
	case string(head[:2]) == "II":
		return binary.LittleEndian
	case string(head[:2]) == "MM":
		return binary.BigEndian
	}
	return nil
}

// tiffEnd goes by all that the directories of a TIFF name: pictures, previews and values, also of the raw formats made of it.
func tiffEnd(w *window) Extent {
	head := w.bytes(0, 8)
	if head == nil {
		return Cut
	}
	if head[2] == 43 || head[3] == 43 { // BigTIFF, whose numbers are longer
		return NoMark
	}
	t := tiff{w: w, order: byteOrder(head)}
	t.directories = append(t.directories, int64(t.order.Uint32(head[4:])))
	if t.directories[0] == 0 { // libtiff writes the pictures first, and this at last
		return Cut
	}
	for i := 0; i < len(t.directories) && i < maxDirectories; i++ {
		if !t.read(t.directories[i]) {
			return Cut
		}
	}
	if !t.pictures {
		return NoMark
	}
	return w.reach(t.end)
}

type tiff struct {
	w           *window
	order       binary.ByteOrder
	directories []int64
	end         int64 // of all that was named so far
	pictures    bool
}

// A field of a directory: n values of 2 or 4 bytes from an offset on.
type field struct {
	tag, kind int
	n, at     int64
}

// read follows one directory; false when it is not whole.
func (t *tiff) read(at int64) bool {
	b := t.w.bytes(at, 2)
	if b == nil {
		return false
	}
	n := int64(t.order.Uint16(b))
	fields := map[int]field{}
	for i := range n {
		b := t.w.bytes(at+2+12*i, 12)
		if b == nil {
			return false
		}
		f := field{int(t.order.Uint16(b)), int(t.order.Uint16(b[2:])), int64(t.order.Uint32(b[4:])), at + 2 + 12*i + 8}
		sizes := [...]int64{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4} // by kind
		if f.kind < len(sizes) && sizes[f.kind]*f.n > 4 {
			f.at = int64(t.order.Uint32(b[8:]))
			t.end = max(t.end, f.at+sizes[f.kind]*f.n)
		}
		fields[f.tag] = f
	}
	next := t.w.bytes(at+2+12*n, 4)
	if next == nil {
		return false
	}
	if following := int64(t.order.Uint32(next)); following != 0 {
		t.directories = append(t.directories, following)
	}
	for i := range min(fields[tagSubIFDs].n, maxDirectories) {
		if sub, ok := t.value(fields[tagSubIFDs], i); ok && len(t.directories) < maxDirectories {
			t.directories = append(t.directories, sub)
		}
	}
	return t.pieces(fields[tagStripOffsets], fields[tagStripCounts]) && t.pieces(fields[tagTileOffsets], fields[tagTileCounts]) &&
		t.pieces(fields[tagJPEGOffset], fields[tagJPEGLength])
}

// pieces follows strips, tiles, or a preview; false when their lists are not whole.
func (t *tiff) pieces(offsets, counts field) bool {
	for i := range min(offsets.n, maxStrips) {
		offset, ok := t.value(offsets, i)
		count := int64(1)
		if ok && counts.n == offsets.n {
			count, ok = t.value(counts, i)
		}
		if !ok {
			return false
		}
		t.end, t.pictures = max(t.end, offset+count), true
	}
	return true
}

func (t *tiff) value(f field, i int64) (int64, bool) {
	if f.kind == 3 {
		if b := t.w.bytes(f.at+2*i, 2); b != nil {
			return int64(t.order.Uint16(b)), true
		}
		return 0, false
	}
	if b := t.w.bytes(f.at+4*i, 4); b != nil {
		return int64(t.order.Uint32(b)), true
	}
	return 0, false
}
