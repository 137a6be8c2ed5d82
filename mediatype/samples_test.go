package mediatype

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/gif"
	"image/jpeg"
	"strings"
	"testing"
)

// photo returns a real JPEG.
func photo() []byte {
	img := image.NewRGBA(image.Rect(0, 0, 32, 32))
	for i := range img.Pix {
		img.Pix[i] = byte(i * 7)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		panic(err)
	}
	// As cameras write it, with a JFIF header, which Go leaves out.
	jfif := "\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
	return append([]byte(jfif), b.Bytes()[2:]...)
}

// xmp returns a JPEG with a text in its XMP.
func xmp(text string) string {
	text = "http://ns.adobe.com/xap/1.0/\x00<x " + text + "/>"
	p := string(photo())
	return p[:2] + "\xff\xe1" + string(binary.BigEndian.AppendUint16(nil, uint16(len(text)+2))) + text + p[2:]
}

// brand returns a first box ftyp, and a second one.
func brand(major string, compatible ...string) string {
	b := "ftyp" + major + "\x00\x00\x00\x00" + strings.Join(compatible, "")
	return string(binary.BigEndian.AppendUint32(nil, uint32(len(b)+4))) + b + "\x00\x00\x00\x08free"
}

type tags map[uint16]any

// directoryOf returns a TIFF's head with these values: numbers, and texts that follow the directory.
func directoryOf(order binary.AppendByteOrder, magic string, values tags) string {
	var entries, texts []byte
	for tag := range uint16(1<<16 - 1) {
		value, ok := values[tag]
		if !ok {
			continue
		}
		entries = order.AppendUint16(entries, tag)
		switch v := value.(type) {
		case int:
			entries = order.AppendUint32(order.AppendUint16(entries, 4), 1)
			entries = order.AppendUint32(entries, uint32(v))
		case string:
			entries = order.AppendUint32(order.AppendUint16(entries, 2), uint32(len(v)))
			entries = order.AppendUint32(entries, uint32(8+2+12*len(values)+4+len(texts)))
			texts = append(texts, v...)
		}
	}
	head := order.AppendUint16(order.AppendUint32([]byte(magic), 8), uint16(len(values)))
	return string(head) + string(entries) + "\x00\x00\x00\x00" + string(texts)
}

// raw is the head of a raw file whose first directory is a preview.
func raw(order binary.AppendByteOrder, maker, model string) string {
	magic := map[string]string{"LittleEndian": "II*\x00", "BigEndian": "MM\x00*"}[order.String()]
	return directoryOf(order, magic, tags{tagSubfileType: 1, tagMake: maker + "\x00", tagModel: model + "\x00", tagSubIFDs: 4000})
}

// A sample is a file, or its first bytes, as devices and programs write it: by MIME type and name, as docs/mqtt-api.md lists them.
type sample struct{ mime, name, head string }

func samples(tb testing.TB) []sample {
	tb.Helper()
	var g bytes.Buffer
	_ = gif.Encode(&g, image.NewGray(image.Rect(0, 0, 4, 4)), nil)
	jpeg, le, be := string(photo()), binary.LittleEndian, binary.BigEndian
	dng := tags{tagSubfileType: 1, tagMake: "Apple\x00", tagDNGVersion: 0x401, tagSubIFDs: 4000}
	box := func(size, kind, rest string) string { return "\x00\x00" + size + kind + rest }
	return []sample{
		{"image/avif", "still", file(tb, "still.avif")},
		{"image/avif", "sequence", file(tb, "moving.avif")},
		{"image/avif", "brand `mif1`", brand("mif1", "mif1", "miaf", "avif")},
		{"image/avif", "brand `msf1`", brand("msf1", "msf1", "avis")},
		{"image/bmp", "Windows", file(tb, "still.bmp")},
		{"image/bmp", "OS/2", "BM\x56\x00\x00\x00\x00\x00\x00\x00\x1a\x00\x00\x00\x0c\x00\x00\x00\x02\x00\x02\x00\x01\x00\x18\x00"},
		{"image/gif", "GIF89a", g.String()},
		{"image/gif", "GIF87a", "GIF87a" + g.String()[6:]},
		{"image/gif", "animated", file(tb, "moving.gif")},
		{"image/heic", "still", file(tb, "still.heic")},
		{"image/heic", "several", file(tb, "two.heic")},
		{"image/heic", "10 bit", brand("heix", "mif1", "heix")},
		{"image/heic", "layered", brand("heis", "heis", "mif1")},
		{"image/heic", "sequence", brand("hevc", "msf1", "hevc")},
		{"image/heic", "brand `mif1`", brand("mif1", "mif1", "heic")},
		{"image/heic", "brand `msf1`", brand("msf1", "msf1", "hevc", "mif1", "heic")},
		{"image/heif", "other codecs", brand("avci", "avci", "mif1")},
		{"image/heif", "brand `mif1` alone", brand("mif1", "mif1")},
		{"image/jpeg", "JFIF", jpeg},
		{"image/jpeg", "Exif", "\xff\xd8\xff\xe1\x00\x18Exif\x00\x00II*\x00"},
		{"image/jpeg", "progressive", file(tb, "progressive.jpg")},
		{"image/jpeg", "several (MPO)", file(tb, "two.mpo")},
		{"image/jpeg", "motion photo", xmp(`GCamera:MicroVideoOffset="1964"`) + file(tb, "clip.mp4")},
		{"image/jpeg", "up to 128 bytes before it", "\x00" + jpeg},
		{"image/jpeg", "up to 128 bytes before it", "\x00\x00\x03\x2a" + jpeg},
		{"image/jpeg", "up to 128 bytes before it", "Len: 1541\r\n" + jpeg},
		{"image/jpeg", "the head of a multipart stream before it", file(tb, "part.mjpeg")},
		{"image/png", "still", file(tb, "still.png")},
		{"image/png", "animated", file(tb, "moving.png")},
		{"image/tiff", "both byte orders", file(tb, "still.tiff")},
		{"image/tiff", "both byte orders", "MM\x00*\x00\x00\x00\x08\x00\x0e\x01\x00"},
		{"image/tiff", "several", file(tb, "two.tiff")},
		{"image/tiff", "BigTIFF", "II+\x00\x08\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00"},
		{"image/tiff", "of a camera", directoryOf(be, "MM\x00*", tags{tagSubfileType: 0, tagMake: "NIKON CORPORATION\x00", tagPhotometric: 2})},
		{"image/webp", "still", file(tb, "still.webp")},
		{"image/webp", "animated", file(tb, "moving.webp")},
		{"image/x-adobe-dng", "phones", directoryOf(be, "MM\x00*", dng)},
		{"image/x-adobe-dng", "cameras", directoryOf(le, "II*\x00", dng)},
		{"image/x-canon-cr2", "CR2", "II*\x00\x10\x00\x00\x00CR\x02\x00\x5e\xb5\x00\x00"},
		{"image/x-canon-cr3", "CR3", brand("crx ", "crx ", "isom")},
		{"image/x-canon-crw", "CRW", "II\x1a\x00\x00\x00HEAPCCDR\x02\x00\x01\x00"},
		{"image/x-epson-erf", "ERF", raw(be, "SEIKO EPSON CORP.", "R-D1")},
		{"image/x-fuji-raf", "RAF", "FUJIFILMCCD-RAW 0201FF389501X-T3\x00"},
		{"image/x-hasselblad", "3FR", raw(be, "Hasselblad", "X1D II 50C")},
		{"image/x-hasselblad", "FFF", raw(be, "Imacon", "Ixpress")},
		{"image/x-icon", "ICO", file(tb, "still.ico")},
		{"image/x-kodak-dcr", "DCR", raw(be, "Kodak", "DCS760C")},
		{"image/x-kodak-dcr", "KDC", raw(be, "EASTMAN KODAK COMPANY", "P880")},
		{"image/x-leaf-mos", "MOS", raw(be, "Leaf", "Aptus 22")},
		{"image/x-leica-rwl", "RWL", directoryOf(le, "IIU\x00", tags{tagMake: "LEICA\x00", tagModel: "D-LUX 5\x00"})},
		{"image/x-mamiya-mef", "MEF", raw(be, "Mamiya-OP Co.,Ltd.", "Mamiya ZD")},
		{"image/x-minolta-mrw", "MRW", "\x00MRM\x00\x00\x94\x9c\x00PRD"},
		{"image/x-nikon-nef", "NEF", raw(be, "NIKON CORPORATION", "NIKON D70")},
		{"image/x-nikon-nef", "NEF", raw(le, "NIKON CORPORATION", "NIKON Z 6")},
		{"image/x-nikon-nrw", "NRW", raw(le, "NIKON", "COOLPIX P7000")},
		{"image/x-olympus-orf", "ORF", "IIRO\x08\x00\x00\x00\x16\x00"},
		{"image/x-olympus-orf", "ORF", "IIRS\x08\x00\x00\x00\x16\x00"},
		{"image/x-olympus-orf", "ORF", "MMOR\x00\x00\x00\x08\x00\x16"},
		{"image/x-panasonic-rw2", "RW2", "IIU\x00\x18\x00\x00\x00\x88\xe7\x74\xd8"},
		{"image/x-pentax-pef", "PEF", directoryOf(be, "MM\x00*", tags{tagMake: "PENTAX Corporation\x00", tagModel: "PENTAX K10D\x00", tagPhotometric: 32803, tagCompression: 65535})},
		{"image/x-pentax-pef", "PEF", directoryOf(le, "II*\x00", tags{tagMake: "RICOH IMAGING COMPANY, LTD.\x00", tagModel: "PENTAX K-1\x00", tagPhotometric: 32803})},
		{"image/x-phaseone-iiq", "IIQ", "II*\x00\x08\x00\x00\x00IIII\x00waR"},
		{"image/x-samsung-srw", "SRW", raw(le, "SAMSUNG", "NX1")},
		{"image/x-sigma-x3f", "X3F", "FOVb\x00\x00\x02\x00"},
		{"image/x-sony-arw", "ARW", raw(le, "SONY", "ILCE-7M3")},
		{"video/3gpp", "every brand `3g` but `3g2`", file(tb, "clip.3gp")},
		{"video/3gpp", "every brand `3g` but `3g2`", brand("3gp9", "3gp9")},
		{"video/3gpp", "every brand `3g` but `3g2`", brand("3gr6", "3gp6")},
		{"video/3gpp2", "brand `3g2`", file(tb, "clip.3g2")},
		{"video/3gpp2", "brand `KDDI`", brand("KDDI", "3g2a")},
		{"video/mp2t", "M2T, TS, TOD", file(tb, "clip.m2t")},
		{"video/mp2t", "M2TS, MTS of AVCHD", file(tb, "clip.mts")},
		{"video/mp2t", "with error correction", strings.Repeat("G\x40\x00\x10"+strings.Repeat("\xff", 200), 4)},
		{"video/mp2t", "cut out of a stream", file(tb, "clip.m2t")[100:]},
		{"video/mp4", "any brand", file(tb, "clip.mp4")},
		{"video/mp4", "any brand", brand("XAVC", "XAVC", "mp42", "iso2")},
		{"video/mp4", "any brand", brand("MSNV", "MSNV", "mp42")},
		{"video/mp4", "any brand", brand("niko", "niko")},
		{"video/mp4", "any brand", brand("f4v ", "isom")},
		{"video/mp4", "in fragments", file(tb, "fragments.mp4")},
		{"video/mp4", "directory first", file(tb, "faststart.mp4")},
		{"video/mp4", "`free` before its brand", "\x00\x00\x00\x08free" + brand("mp42", "mp42")},
		{"video/mpeg", "MPG, VOB", file(tb, "clip.mpg")},
		{"video/mpeg", "MOD", file(tb, "clip.mod")},
		{"video/mpeg", "bare video", file(tb, "bare.mpg")},
		{"video/quicktime", "brand `qt`", file(tb, "clip.mov")},
		{"video/quicktime", "`moov` first", box("\x07\xd0", "moov", "\x00\x00\x00\x6cmvhd")},
		{"video/quicktime", "`mdat` first", "\x01\x10\x00\x00mdat\x00\x00\x01\xba"},
		{"video/quicktime", "`mdat` first", box("\x00\x00", "mdat", "\x80abc")},
		{"video/quicktime", "`mdat` first", "ABCDmdat\xff\xd8\xff\xe0\x00\x10"},
		{"video/quicktime", "`wide` first", box("\x00\x08", "wide", "\x00\x10\x00\x00mdat")},
		{"video/quicktime", "`free` first", box("\x00\x10", "free", "12345678"+box("\x00\x40", "moov", ""))},
		{"video/quicktime", "`free` first", box("\x40\x00", "free", strings.Repeat("\x00", 5000))},
		{"video/quicktime", "`skip` first", box("\x00\x0c", "skip", "1234"+box("\x00\x40", "mdat", ""))},
		{"video/quicktime", "`uuid`, `udta`, `junk` or `PICT` first", box("\x00\x18", "uuid", "0123456789abcdef"+box("\x00\x40", "moov", ""))},
		{"video/quicktime", "`pnot` first", box("\x00\x14", "pnot", "\xb0\x00\x00\x00\x00\x00PICT\x00\x01")},
		{"video/x-m4v", "brand `M4V`", file(tb, "clip.m4v")},
		{"video/x-m4v", "brand `M4V`", brand("M4VH", "M4VH", "mp42")},
		{"video/x-matroska", "MKV", file(tb, "clip.mkv")},
		{"video/x-matroska", "while it is recorded", file(tb, "live.mkv")},
		{"video/x-ms-asf", "WMV, ASF", file(tb, "clip.wmv")},
		{"video/x-msvideo", "AVI, DIVX", file(tb, "clip.avi")},
		{"video/x-msvideo", "AVI, DIVX", "RIFF\x00\x10\x00\x00AVI JUNK\x24\x01\x00\x00"},
	}
}
