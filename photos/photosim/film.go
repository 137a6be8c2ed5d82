package photosim

import (
	"encoding/binary"
	"io"
	"math"
	"strings"
	"time"
)

// film is what an MP4 or QuickTime file says about itself. Absent values are zero.
type film struct {
	taken         time.Time
	make, model   string
	fps           float64 // frames a second
	width, height int64   // as shown
}

// Bounds on what is read of a film, which strangers write.
const (
	maxBoxes = 10_000
	maxMoov  = 16 << 20 // bytes
)

// readFilm looks for the moov box, which may stand at the end. What cannot be read is left out.
// Boxes are those of ISO/IEC 14496-12 and https://developer.apple.com/documentation/quicktime-file-format
func readFilm(r io.ReadSeeker) film {
	var at int64
	for range maxBoxes {
		var head [16]byte
		if _, err := r.Seek(at, io.SeekStart); err != nil {
			return film{}
		}
		n, _ := io.ReadFull(r, head[:])
		if n < 8 {
			return film{}
		}
		size, skip := int64(binary.BigEndian.Uint32(head[:])), int64(8)
		if size == 1 && n == 16 {
			size, skip = int64(binary.BigEndian.Uint64(head[8:])&math.MaxInt64), 16
		}
		moov := string(head[4:8]) == "moov"
		if size < skip || moov && size-skip > maxMoov || at > math.MaxInt64-size {
			return film{}
		}
		if moov {
			body := make([]byte, size-skip)
			if _, err := r.Seek(at+skip, io.SeekStart); err != nil {
				return film{}
			}
			n, _ := io.ReadFull(r, body)
			return readMoov(body[:n])
		}
		at += size
	}
	return film{}
}

func readMoov(moov []byte) film {
	var f film
	eachBox(moov, func(kind string, body []byte) {
		switch kind {
		case "mvhd":
			f.taken = macTime(body)
		case "trak":
			f.readTrack(body)
		case "udta": // Android phones and cameras
			eachBox(body, func(kind string, text []byte) {
				switch {
				case len(text) < 4:
				case kind == "\xA9mak":
					f.make = tidy(text[4:])
				case kind == "\xA9mod":
					f.model = tidy(text[4:])
				}
			})
		case "meta": // Apple's phones
			f.readKeys(body)
		}
	})
	return f
}

// macTime reads the creation time of mvhd, in seconds since 1904; 0 is none.
func macTime(mvhd []byte) time.Time {
	const to1970 = 2_082_844_800
	var s uint64
	switch {
	case len(mvhd) >= 12 && mvhd[0] == 1:
		s = binary.BigEndian.Uint64(mvhd[4:])
	case len(mvhd) >= 8:
		s = uint64(binary.BigEndian.Uint32(mvhd[4:]))
	}
	if s <= to1970 || s > to1970+math.MaxUint32 {
		return time.Time{}
	}
	return time.Unix(int64(s)-to1970, 0)
}

// readTrack takes size and speed from the first track of pictures.
func (f *film) readTrack(trak []byte) {
	mdia := box(trak, "mdia")
	if handler := box(mdia, "hdlr"); len(handler) < 12 || string(handler[8:12]) != "vide" || f.fps > 0 {
		return
	}
	if tkhd := box(trak, "tkhd"); len(tkhd) >= 44 {
		end := tkhd[len(tkhd)-44:] // matrix of nine numbers, width, height
		f.width, f.height = int64(binary.BigEndian.Uint16(end[36:])), int64(binary.BigEndian.Uint16(end[40:]))
		if binary.BigEndian.Uint32(end) == 0 { // a quarter turn
			f.width, f.height = f.height, f.width
		}
	}
	scale, length := trackTime(box(mdia, "mdhd"))
	stts := box(box(box(mdia, "minf"), "stbl"), "stts")
	frames := 0.0
	for at := 8; at+8 <= len(stts); at += 8 {
		frames += float64(binary.BigEndian.Uint32(stts[at:]))
	}
	if length > 0 {
		f.fps = math.Round(frames*scale/length*1000) / 1000
	}
}

// trackTime is the units of a second and the units of a track.
func trackTime(mdhd []byte) (scale, length float64) {
	switch {
	case len(mdhd) >= 32 && mdhd[0] == 1:
		return float64(binary.BigEndian.Uint32(mdhd[20:])), float64(binary.BigEndian.Uint64(mdhd[24:]))
	case len(mdhd) >= 20 && mdhd[0] == 0:
		return float64(binary.BigEndian.Uint32(mdhd[12:])), float64(binary.BigEndian.Uint32(mdhd[16:]))
	}
	return 0, 0
}

// readKeys reads names in one box and values by their numbers in another.
func (f *film) readKeys(meta []byte) {
	var names []string
	if keys := box(meta, "keys"); len(keys) > 8 {
		eachBox(keys[8:], func(_ string, name []byte) { names = append(names, string(name)) })
	}
	eachBox(box(meta, "ilst"), func(kind string, body []byte) {
		n := int(binary.BigEndian.Uint32([]byte(kind)))
		value := box(body, "data")
		if n < 1 || n > len(names) || len(value) < 8 {
			return
		}
		switch names[n-1] {
		case "com.apple.quicktime.make":
			f.make = tidy(value[8:])
		case "com.apple.quicktime.model":
			f.model = tidy(value[8:])
		}
	})
}

// box is the body of the first box of a kind; nil when there is none.
func box(in []byte, want string) (found []byte) {
	eachBox(in, func(kind string, body []byte) {
		if kind == want && found == nil {
			found = body
		}
	})
	return found
}

// eachBox goes through boxes side by side, until one is damaged.
func eachBox(in []byte, visit func(kind string, body []byte)) {
	for len(in) >= 8 {
		size := int(binary.BigEndian.Uint32(in))
		if size < 8 || size > len(in) {
			return
		}
		visit(string(in[4:8]), in[8:size])
		in = in[size:]
	}
}

// tidy is foreign text fit to be shown.
func tidy(text []byte) string {
	return strings.ToValidUTF8(strings.Trim(string(text[:min(len(text), maxTextOfATag)]), "\x00 "), "")
}
