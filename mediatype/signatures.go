package mediatype

import (
	"bytes"
	"encoding/binary"
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

type sign struct {
	at    int
	magic string
	and   func(head []byte) bool
	mime  string
}

// signatures are the formats that mimetype v1.4.16 does not know or names otherwise. Each has a byte that no path and no base64 has, or is
// too long to come about by chance. Source of the raw formats: https://github.com/file/file/blob/master/magic/Magdir/images
var signatures = []sign{
	{magic: "FUJIFILMCCD-RAW", mime: "image/x-fuji-raf"},
	{magic: "IIRO\x08\x00\x00\x00", mime: "image/x-olympus-orf"},
	{magic: "IIRS\x08\x00\x00\x00", mime: "image/x-olympus-orf"},
	{magic: "MMOR\x00\x00\x00\x08", mime: "image/x-olympus-orf"},
	{magic: "II*\x00\x10\x00\x00\x00CR\x02", mime: "image/x-canon-cr2"},
	{magic: "II\x1a\x00\x00\x00HEAPCCDR", mime: "image/x-canon-crw"},
	{magic: "\x00MRM", mime: "image/x-minolta-mrw"},
	{magic: "FOVb", and: isBinary, mime: "image/x-sigma-x3f"},
	{magic: "BM", and: os2Bitmap, mime: "image/bmp"},
	{magic: "\x00\x00\x01\x00", and: iconDirectory, mime: "image/x-icon"},
	{magic: "\x00\x00\x02\x00", and: iconDirectory, mime: "image/x-win-cursor"},
	{at: 8, magic: "AVI ", and: func(head []byte) bool { return bytes.HasPrefix(head, []byte("RIFF")) }, mime: "video/x-msvideo"},
	{magic: "\x30\x26\xB2\x75\x8E\x66\xCF\x11", and: soundOnly, mime: "audio/x-ms-wma"},
	{at: 0, magic: "G", and: syncs(0, 188), mime: "video/mp2t"},
	{at: 4, magic: "G", and: syncs(4, 192), mime: "video/mp2t"}, // with the time stamps of AVCHD
	{at: 0, magic: "G", and: syncs(0, 204), mime: "video/mp2t"}, // with the error correction of DVB
	{magic: "\x00\x00\x00\x01", and: bareVideo, mime: "video/h264"},
	{magic: "\x1F\x07\x00", and: isBinary, mime: "video/dv"},
	{magic: "\x06\x0E\x2B\x34\x02\x05\x01\x01", mime: "application/mxf"},
	{magic: "YUV4MPEG2 ", mime: "video/x-yuv4mpeg"},
	{magic: "DKIF\x00\x00\x20\x00", mime: "video/x-ivf"},
	{magic: "\x76\x2F\x31\x01", mime: "image/x-exr"},
	{magic: "SDPX\x00", mime: "image/x-dpx"},
	{magic: "XPDS", and: isBinary, mime: "image/x-dpx"},
	{magic: "qoif", and: isBinary, mime: "image/qoi"},
	{magic: "DDS \x7c\x00\x00\x00", mime: "image/vnd-ms.dds"},
	{magic: "\x59\xA6\x6A\x95", mime: "image/x-sun-raster"},
	{magic: "\x01\xDA", and: isBinary, mime: "image/x-sgi"},
	{magic: "\x0A\x05\x01", mime: "image/x-pcx"},
	{magic: "FLIF", and: isBinary, mime: "image/flif"},
	{magic: "\xC5\xD0\xD3\xC6", mime: "application/postscript"}, // with a preview for Windows
	{magic: "\xFF\x4F\xFF\x51", mime: "image/jp2"},              // a bare code stream
}

// iconDirectory has 1 to 255 pictures: fonts of a Mac and Targa pictures, which begin likewise, have a zero there.
func iconDirectory(head []byte) bool { return len(head) > 5 && head[4] > 0 && head[5] == 0 }

// os2Bitmap is a BMP with the header of OS/2 1, which has 12 bytes.
func os2Bitmap(head []byte) bool {
	return len(head) >= 26 && binary.LittleEndian.Uint32(head[14:]) == 12 && binary.LittleEndian.Uint16(head[22:]) == 1
}

// soundOnly is an ASF file whose header, when it is at hand, has a stream of sound and none of pictures.
// Source: Advanced Systems Format specification, 10.4
func soundOnly(head []byte) bool {
	return len(head) >= 24 && binary.LittleEndian.Uint64(head[16:]) <= uint64(len(head)) &&
		bytes.Contains(head, []byte("\x40\x9E\x69\xF8\x4D\x5B\xCF\x11\xA8\xFD\x00\x80\x5F\x5C\x44\x2B")) &&
		!bytes.Contains(head, []byte("\xC0\xEF\x19\xBC\x4D\x5B\xCF\x11\xA8\xFD\x00\x80\x5F\x5C\x44\x2B"))
}

// bareVideo is H.264 or H.265 without a container, by the first unit: its parameters, or a delimiter.
func bareVideo(head []byte) bool {
	return len(head) > 5 && (head[4]&0x1F == 7 || head[4]&0x1F == 9 || head[4] == 0x40 && head[5] == 1 || head[4] == 0x46 && head[5] == 1)
}

// syncs tells an MPEG transport stream by the sync bytes of three packets. ISO/IEC 13818-1, 2.4.3.2.
func syncs(first, length int) func(head []byte) bool {
	return func(head []byte) bool {
		return len(head) > first+2*length && head[first+length] == 'G' && head[first+2*length] == 'G' && isBinary(head)
	}
}

// weakSignature looks at what nothing else knows.
func weakSignature(head []byte) string {
	switch {
	case len(head) > 0 && len(bytes.Trim(head, "\x00")) == 0:
		return zeros
	case midStream(head, 188), midStream(head, 192):
		return "video/mp2t"
	case targa(head):
		return "image/x-tga"
	case len(head) > 3 && head[0] == 'P' && head[1] >= '1' && head[1] <= '7' && (head[2] == '\n' || head[2] == ' ') && head[3] <= '9':
		return "image/x-portable-anymap"
	case bytes.HasPrefix(head, []byte("#define ")) && bytes.Contains(head, []byte("_width ")):
		return "image/x-xbitmap"
	case bytes.HasPrefix(head, []byte("--")) && bytes.Contains(head, []byte("image/jpeg")):
		return "multipart/x-mixed-replace"
	}
	return ""
}

// midStream is a transport stream that begins within a packet, as what was cut out of one.
func midStream(head []byte, length int) bool {
	const packets = 8
	for first := 0; first < length && first+packets*length <= len(head); first++ {
		n := 0
		for n < packets && head[first+n*length] == 'G' {
			n++
		}
		if n == packets && isBinary(head) {
			return true
		}
	}
	return false
}

// targa goes by the plausible values of a Targa picture's header, which has no signature.
// Source: https://www.fileformat.info/format/tga/egff.htm
func targa(head []byte) bool {
	if len(head) < 18 || head[1] > 1 || bytes.IndexByte([]byte{1, 2, 3, 9, 10, 11}, head[2]) < 0 || head[17]&0xC0 != 0 {
		return false
	}
	empty := bytes.Equal(head[3:8], make([]byte, 5))
	return (head[1] == 1 || empty) && bytes.IndexByte([]byte{8, 15, 16, 24, 32}, head[16]) >= 0 &&
		binary.LittleEndian.Uint16(head[12:]) > 0 && binary.LittleEndian.Uint16(head[14:]) > 0
}
