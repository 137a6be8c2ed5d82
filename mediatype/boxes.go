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
			return when(kind == "moov" && size < 1<<28 || isBinary(head), "video/quicktime")
		case "styp", "moof", "sidx":
			return when(size < 1<<24, fragment)
		case "wide", "free", "skip":
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
	for _, b := range brandTypes {
		if strings.HasPrefix(major, b.prefix) {
			return b.mime
		}
	}
	if !slices.Contains([]string{"mif1", "mif2", "msf1", "miaf", "MiHB", "MiHE", "MiPr", "MA1B", "MA1A", "avci", "avcs", "jpeg", "1pic"}, major) {
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

var brandTypes = []struct{ prefix, mime string }{
	{"avif", "image/avif"}, {"avis", "image/avif"}, {"hei", "image/heic"}, {"hev", "image/heic"}, {"crx ", "image/x-canon-cr3"},
	{"qt  ", "video/quicktime"}, {"mqt ", "video/quicktime"}, {"3g2", "video/3gpp2"}, {"KDDI", "video/3gpp2"},
	{"3gp", "video/3gpp"}, {"3gs", "video/3gpp"}, {"3ge", "video/3gpp"}, {"3gg", "video/3gpp"}, {"3gr", "video/3gpp"}, {"3gh", "video/3gpp"},
	{"M4V", "video/x-m4v"},
	{"M4A ", "audio/mp4"}, {"M4B ", "audio/mp4"}, {"M4P ", "audio/mp4"}, {"F4A ", "audio/mp4"}, {"F4B ", "audio/mp4"}, {"NDAS", "audio/mp4"},
	{"aax ", "audio/mp4"}, {"aaxc", "audio/mp4"}, {"jp2 ", "image/jp2"}, {"jpx ", "image/jp2"}, {"jpm ", "image/jp2"}, {"jxl ", "image/jxl"},
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
