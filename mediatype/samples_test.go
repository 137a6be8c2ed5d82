package mediatype

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
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

// samples are the first bytes of files of each format in Google's list, as programs and cameras write them.
func samples() map[string]struct{ head, mime string } {
	var p, g bytes.Buffer
	_ = png.Encode(&p, image.NewGray(image.Rect(0, 0, 4, 4)))
	_ = gif.Encode(&g, image.NewPaletted(image.Rect(0, 0, 4, 4), color.Palette{color.Black, color.White}), nil)
	brand := func(major string, compatible ...string) string {
		box := "ftyp" + major + "\x00\x00\x00\x00" + strings.Join(compatible, "")
		return string(binary.BigEndian.AppendUint32(nil, uint32(len(box)+4))) + box + "\x00\x00\x00\x08free"
	}
	dng := "\x12\xc6\x01\x00\x04\x00\x00\x00\x01\x04\x00\x00"
	apng := p.String()[:33] + "\x00\x00\x00\x08acTL\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00" + p.String()[33:]
	stream := func(prefix string, length int) string {
		packet := prefix + "G\x40\x00\x10\x00" + strings.Repeat("\xff", length)
		return strings.Repeat(packet[:length], 6)
	}
	return map[string]struct{ head, mime string }{
		"jpg":          {string(photo()), "image/jpeg"},
		"jpg exif":     {"\xff\xd8\xff\xe1\x00\x18Exif\x00\x00II*\x00", "image/jpeg"},
		"png":          {p.String(), "image/png"},
		"apng":         {apng, "image/png"},
		"gif":          {g.String(), "image/gif"},
		"webp":         {"RIFF\x24\x00\x00\x00WEBPVP8 \x18\x00\x00\x00", "image/webp"},
		"bmp":          {"BM\x46\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00\x02\x00", "image/bmp"},
		"ico":          {"\x00\x00\x01\x00\x01\x00\x10\x10\x00\x00\x01\x00\x20\x00", "image/x-icon"},
		"tiff":         {"II*\x00\x08\x00\x00\x00\x0e\x00\x00\x01", "image/tiff"},
		"tiff be":      {"MM\x00*\x00\x00\x00\x08\x00\x0e\x01\x00", "image/tiff"},
		"heic iphone":  {brand("heic", "mif1", "heic"), "image/heic"},
		"heic burst":   {brand("hevc", "msf1", "hevc"), "image/heic"},
		"heif":         {brand("mif1", "mif1", "heic"), "image/heif"},
		"avif":         {brand("avif", "avif", "mif1", "miaf"), "image/avif"},
		"avif motion":  {brand("avis", "avis", "msf1"), "image/avif"},
		"dng":          {"II*\x00\x08\x00\x00\x00\x3a\x00\xfe\x00\x04\x00\x01\x00\x00\x00\x01\x00\x00\x00" + dng, "image/x-adobe-dng"},
		"nef":          {"MM\x00*\x00\x00\x00\x08\x00\x1c\x01\x0f\x00\x02\x00\x00\x00\x12NIKON CORPORATION\x00", "image/tiff"},
		"cr2":          {"II*\x00\x10\x00\x00\x00CR\x02\x00\x5e\xb5\x00\x00", "image/x-canon-cr2"},
		"cr3":          {brand("crx ", "crx ", "isom"), "image/x-canon-cr3"},
		"raf":          {"FUJIFILMCCD-RAW 0201FF389501X-T3\x00", "image/x-fuji-raf"},
		"orf":          {"IIRO\x08\x00\x00\x00\x16\x00", "image/x-olympus-orf"},
		"rw2":          {"IIU\x00\x18\x00\x00\x00\x88\xe7\x74\xd8", "image/x-panasonic-rw2"},
		"mp4":          {brand("isom", "isom", "iso2", "avc1", "mp41"), "video/mp4"},
		"mp4 v2":       {brand("mp42", "mp42", "isom"), "video/mp4"},
		"mp4 fragment": {brand("iso5", "iso5", "dash"), "video/mp4"},
		"mp4 sony":     {brand("MSNV", "MSNV", "mp42"), "video/mp4"},
		"m4v":          {brand("M4V ", "M4V ", "mp42"), "video/x-m4v"},
		"mov":          {brand("qt  ", "qt  "), "video/quicktime"},
		"mov old":      {"\x00\x00\x07\xd0moov\x00\x00\x00\x6cmvhd", "video/quicktime"},
		"mov wide":     {"\x00\x00\x00\x08wide\x00\x10\x00\x00mdat", "video/quicktime"},
		"3gp":          {brand("3gp4", "isom", "3gp4"), "video/3gpp"},
		"3gp 9":        {brand("3gp9", "3gp9"), "video/3gpp"},
		"3g2":          {brand("3g2a", "3g2a"), "video/3gpp2"},
		"mkv":          {"\x1a\x45\xdf\xa3\xa3\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x88matroska\x42\x87\x81\x04", "video/x-matroska"},
		"avi":          {"RIFF\x00\x10\x00\x00AVI LIST\x24\x01\x00\x00hdrlavih", "video/x-msvideo"},
		"avi junk":     {"RIFF\x00\x10\x00\x00AVI JUNK\x24\x01\x00\x00", "video/x-msvideo"},
		"wmv":          {"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c\x00\x00", "video/x-ms-asf"},
		"mpg":          {"\x00\x00\x01\xba\x44\x00\x04\x00\x04\x01", "video/mpeg"},
		"mod":          {"\x00\x00\x01\xba\x21\x00\x01\x00\x01\x80", "video/mpeg"},
		"m2t":          {stream("", 188), "video/mp2t"},
		"mts avchd":    {stream("{\x00\x00\x01", 192), "video/mp2t"},
	}
}

// others are the first bytes of files that Google Photos does not take.
func others() map[string]string {
	return map[string]string{
		"text":        "A text file named .jpg is no picture.\n",
		"many gs":     strings.Repeat("G", 2000),
		"a name":      "IIROnman.jpg",
		"base64":      "IIROaaaaaaaa" + strings.Repeat("G", 2000),
		"pdf":         "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n",
		"zip":         "PK\x03\x04\x14\x00\x00\x00\x08\x00" + strings.Repeat("\x00", 20) + "a",
		"elf":         "\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x3e\x00",
		"svg":         `<svg xmlns="http://www.w3.org/2000/svg"/>`,
		"mp3":         "ID3\x04\x00\x00\x00\x00\x00\x00",
		"m4a":         "\x00\x00\x00\x18ftypM4A \x00\x00\x00\x00M4A mp42",
		"wav":         "RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00",
		"webm":        "\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x84webm\x42\x87\x81\x02",
		"psd":         "8BPS\x00\x01\x00\x00\x00\x00\x00\x00\x00\x03",
		"cursor":      "\x00\x00\x02\x00\x01\x00\x20\x20\x00\x00\x00\x00\x00\x00",
		"netpbm":      "P5\n4 4\n255\n\x00\x01\x02\x03",
		"unknown":     "\x01\x02\x03\x04\x05\x06\x07\x08\x99\x98",
		"half a jpeg": "\xff\xd8",
	}
}
