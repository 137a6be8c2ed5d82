package mediatype

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
)

// boxType tells the files that consist of boxes apart: ISO media files by the brands in their ftyp, QuickTime films of the time before by
// their first box. "" is any other file. Brands: https://mp4ra.org/registered-types/brands
func boxType(head []byte) string {
	for at := 0; at+8 <= len(head); {
		size, kind := int(binary.BigEndian.Uint32(head[at:])), string(head[at+4:at+8])
		switch kind {
		case "ftyp":
			if size < 12 || size > 1<<16 {
				return ""
			}
			return brandType(head[at+8 : min(len(head), at+size)])
		case "moov", "mdat", "pnot":
			return when(isBinary(head), "video/quicktime")
		case "styp", "moof", "sidx":
			return when(isBinary(head), fragment)
		case "wide", "free", "skip", "junk", "uuid", "udta", "PICT":
			if size < 8 || size > 1<<24 {
				return ""
			}
			if at += size; at+8 > len(head) {
				return when(isBinary(head), "video/quicktime")
			}
		default:
			return ""
		}
	}
	return ""
}

const fragment = "video/iso.segment"

// brandType goes by the major brand, and for images whose major brand tells only their container by the compatible ones. An unknown brand
// is MP4: many cameras have their own.
func brandType(brands []byte) string {
	if len(brands) < 4 {
		return ""
	}
	major := string(brands[:4])
	for mime, prefixes := range brandTypes {
		for prefix := range strings.SplitSeq(prefixes, "|") {
			if strings.HasPrefix(major, prefix) {
				return mime
			}
		}
	}
	if strings.HasPrefix(major, "3g") { // 3gp, 3gs, 3ge, …
		return "video/3gpp"
	}
	if !slices.Contains(strings.Fields("mif1 mif2 msf1 miaf MiHA MiHB MiHE MiPr MA1A MA1B avci avcs jpeg 1pic"), major) {
		return "video/mp4"
	}
	for b := range slices.Chunk(brands[min(8, len(brands)):], 4) { // behind the minor version
		switch string(b) {
		case "avif", "avis":
			return "image/avif"
		case "heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs":
			return "image/heic"
		}
	}
	return "image/heif"
}

// brandTypes are the beginnings of major brands, none of which begins another.
var brandTypes = map[string]string{
	"image/avif": "avif|avis", "image/heic": "hei|hev", "image/x-canon-cr3": "crx ", "image/jp2": "jp2 |jpx |jpm ", "image/jxl": "jxl ",
	"video/quicktime": "qt  |mqt ", "video/3gpp2": "3g2|KDDI", "video/x-m4v": "M4V",
	"audio/mp4": "M4A |M4B |M4P |F4A |F4B |NDAS|aax ",
}

func when(yes bool, mime string) string {
	if yes {
		return mime
	}
	return ""
}

// isBinary reports whether bytes are no text, so that no path, JSON or base64 is taken for a film.
func isBinary(head []byte) bool {
	return bytes.ContainsFunc(head, func(r rune) bool { return r < ' ' && r != '\t' && r != '\n' && r != '\r' })
}
