package mediatype

import (
	"encoding/binary"
	"io"
)

// Extent says whether a file's content is all there.
type Extent int

// The extents. A file that is NoMark or Cut may still be growing; who waits until it has been quiet loses nothing.
const (
	NoMark Extent = iota // the format has no end mark, or the file does not use it, or could not be read
	Whole                // the content has its end; data of another kind may follow
	Cut                  // the format promises an end that is not there
)

// String gives the name.
func (e Extent) String() string { return [...]string{"no mark", "whole", "cut"}[e] }

// End says whether a file is all there: by the marks and lengths of its format, not by its pixels. It reads the headers and the tail, in at
// most maxReads reads of 64 KiB: only a GIF, and a JPEG with foreign data behind
// its end, are read as a whole. size is the whole file's.
func End(r io.ReaderAt, size int64) Extent {
	w := &window{r: r, size: size}
	kind := Of(w.bytes(0, int(min(size, HeadSize))))
	if kind.Skip > 0 {
		w = &window{r: io.NewSectionReader(r, int64(kind.Skip), size-int64(kind.Skip)), size: size - int64(kind.Skip)}
	}
	end := NoMark
	if find := ends[kind.MIME]; find != nil && kind.Taken {
		end = find(w)
	}
	if w.failed {
		return NoMark
	}
	return end
}

// ends are the formats with an end mark.
var ends = map[string]func(*window) Extent{
	"image/jpeg": jpegEnd, "image/png": pngEnd, "image/gif": gifEnd, "image/bmp": bmpEnd, "image/x-icon": iconEnd,
	"image/webp": riffEnd, "video/x-msvideo": riffEnd, "video/x-matroska": matroskaEnd, "video/x-ms-asf": asfEnd, "video/mpeg": mpegEnd,
	"image/heic": boxesEnd, "image/heif": boxesEnd, "image/avif": boxesEnd, "image/x-canon-cr3": boxesEnd, "video/mp4": boxesEnd,
	"video/quicktime": boxesEnd, "video/3gpp": boxesEnd, "video/3gpp2": boxesEnd, "video/x-m4v": boxesEnd,
	"image/tiff": tiffEnd, "image/x-adobe-dng": tiffEnd, "image/x-canon-cr2": tiffEnd, "image/x-olympus-orf": tiffEnd,
	"image/x-epson-erf": tiffEnd, "image/x-hasselblad": tiffEnd, "image/x-kodak-dcr": tiffEnd, "image/x-leaf-mos": tiffEnd,
	"image/x-mamiya-mef": tiffEnd, "image/x-nikon-nef": tiffEnd, "image/x-nikon-nrw": tiffEnd, "image/x-pentax-pef": tiffEnd,
	"image/x-samsung-srw": tiffEnd, "image/x-sony-arw": tiffEnd, "image/x-fuji-raf": rafEnd,
}

const (
	maxReads    = 4096     // of one End: with the longest reads 256 MiB, more than the largest photo
	shortRead   = HeadSize // after a jump
	longestRead = 64 << 10 // of what is read on and on
)

// A window reads a file here and there. What it gave is good until its next call.
type window struct {
	r      io.ReaderAt
	size   int64
	buf    []byte // holds the file from at on
	at     int64
	reads  int
	failed bool // reading failed or was too much: nothing is known of the file
}

// bytes returns n bytes, at most longestRead, from an offset; nil when the file is shorter or cannot be read.
func (w *window) bytes(at int64, n int) []byte {
	if at < 0 || n > longestRead || at > w.size-int64(n) || w.failed {
		return nil
	}
	if at < w.at || at+int64(n) > w.at+int64(len(w.buf)) {
		length := shortRead
		if n > shortRead || w.reads > 0 && at >= w.at && at <= w.at+int64(len(w.buf)) {
			length = longestRead
		}
		if !w.read(at, int(min(int64(length), w.size-at))) {
			return nil
		}
	}
	return w.buf[at-w.at:][:n]
}

// rest returns the bytes from an offset on that are at hand, at least two unless it is the end of the file.
func (w *window) rest(at int64) []byte {
	if w.bytes(at, 2) == nil {
		return nil
	}
	return w.buf[at-w.at:]
}

func (w *window) read(at int64, n int) bool {
	if w.reads++; cap(w.buf) < n {
		w.buf = make([]byte, n)
	}
	w.at, w.buf = at, w.buf[:n]
	if w.reads > maxReads {
		w.failed = true
	} else if got, err := w.r.ReadAt(w.buf, at); got < n && err != nil {
		w.failed = true // also a file that became shorter meanwhile
	}
	return !w.failed
}

// tail returns the last n bytes, without making the next read a long one.
func (w *window) tail(n int) []byte {
	b := make([]byte, n)
	if w.size < int64(n) || w.failed {
		return nil
	}
	if got, _ := w.r.ReadAt(b, w.size-int64(n)); got < n {
		w.failed = true
		return nil
	}
	return b
}

// The numbers at an offset; ok is false behind the end.
func (w *window) be32(at int64) (n int64, ok bool) {
	if b := w.bytes(at, 4); b != nil {
		return int64(binary.BigEndian.Uint32(b)), true
	}
	return 0, false
}

// reach is Whole for content that ends within the file.
func (w *window) reach(end int64) Extent {
	if end < 0 || end > w.size {
		return Cut
	}
	return Whole
}
