package mediatype

import (
	"bytes"
)

// signature finds what the first bytes are among signatures.
func signature(head []byte) string {
	for _, s := range signatures {
		if len(head) > s.at && bytes.HasPrefix(head[s.at:], []byte(s.magic)) && (s.and == nil || s.and(head)) {
			return s.mime
		}
	}
	return ""
}

// signatures are the formats of Google's list that mimetype v1.4.16 does not know or names otherwise. Each has a byte that no path and
// no base64 has, or is too long to come about by chance. Source of the raw formats:
// https://github.com/file/file/blob/master/magic/Magdir/images
var signatures = []struct {
	at    int
	magic string
	and   func(head []byte) bool
	mime  string
}{
	{at: 0, magic: "FUJIFILMCCD-RAW", mime: "image/x-fuji-raf"},
	{at: 0, magic: "IIRO\x08\x00\x00\x00", mime: "image/x-olympus-orf"},
	{at: 0, magic: "IIRS\x08\x00\x00\x00", mime: "image/x-olympus-orf"},
	{at: 0, magic: "MMOR\x00\x00\x00\x08", mime: "image/x-olympus-orf"},
	{at: 0, magic: "IIU\x00", mime: "image/x-panasonic-rw2"},
	{at: 0, magic: "II*\x00\x10\x00\x00\x00CR\x02", mime: "image/x-canon-cr2"},
	{at: 0, magic: "II*\x00", and: isDNG, mime: "image/x-adobe-dng"},
	{at: 0, magic: "MM\x00*", and: isDNG, mime: "image/x-adobe-dng"},
	{at: 4, magic: "ftypcrx ", mime: "image/x-canon-cr3"},
	{at: 4, magic: "ftypMSNV", mime: "video/mp4"}, // Sony cameras; audio/mp4 to mimetype
	{at: 4, magic: "ftyp3gp", mime: "video/3gpp"}, // also releases after 7
	{at: 8, magic: "AVI ", and: func(head []byte) bool { return bytes.HasPrefix(head, []byte("RIFF")) }, mime: "video/x-msvideo"},
	{at: 0, magic: "G", and: syncs(0, 188), mime: "video/mp2t"},
	{at: 4, magic: "G", and: syncs(4, 192), mime: "video/mp2t"}, // with the time stamps of AVCHD
}

// isDNG looks for tag DNGVersion (0xC612: 4 bytes) in both byte orders, early as in the first directory. Adobe's DNG 1.7, chapter 4.
func isDNG(head []byte) bool {
	return bytes.Contains(head, []byte("\x12\xc6\x01\x00\x04\x00\x00\x00")) || bytes.Contains(head, []byte("\xc6\x12\x00\x01\x00\x00\x00\x04"))
}

// syncs tells an MPEG transport stream by three packets' sync bytes and, unlike text, a byte outside ASCII. ISO/IEC 13818-1, 2.4.3.2.
func syncs(first, length int) func(head []byte) bool {
	return func(head []byte) bool {
		return len(head) > first+2*length && head[first+length] == 'G' && head[first+2*length] == 'G' &&
			bytes.ContainsFunc(head, func(r rune) bool { return r == 0 || r > '~' })
	}
}
