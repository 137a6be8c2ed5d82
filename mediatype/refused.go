package mediatype

import "strings"

const zeros = "application/x-zerosize"

// What to do with a file that Google does not take.
const (
	toJPEG = "convert it to JPEG"
	toPNG  = "convert it to PNG"
	toBoth = "convert it to JPEG or PNG"
	toMP4  = "convert it to MP4"
	toAny  = "convert it to JPEG, PNG or MP4"
	unpack = "unpack it and send the photos and videos in it"
	answer = "look into it, it may say why the camera or program has sent no picture"
	sound  = "send photos and videos, or make it the sound of an MP4"
)

// refused says of a MIME type what it is and what to do.
func refused(mime string) Type {
	t := Type{MIME: mime, Words: "a file of the type " + mime, Hint: toAny}
	if known, ok := refusals[mime]; ok {
		t.Words, t.Hint = known.words, known.hint
		return t
	}
	for _, k := range kinds {
		if strings.HasPrefix(mime, k.prefix) {
			t.Words, t.Hint = k.words, k.hint
			if strings.HasSuffix(k.words, "(") {
				t.Words += mime + ")"
			}
			break
		}
	}
	return t
}

// refusals are the formats that people send and Google does not take. Those from mimetype v1.4.16 have its names.
var refusals = map[string]struct{ words, hint string }{
	unknown:                            {"a file of an unknown format", toAny},
	zeros:                              {"nothing but zeros", "check what writes it, and whether it had finished"},
	fragment:                           {"a piece of a streamed MP4 video", "put the pieces together and send the whole video"},
	"image/svg+xml":                    {"an SVG drawing", toPNG},
	"image/jxl":                        {"a JPEG XL image", toJPEG},
	"image/jp2":                        {"a JPEG 2000 image", toJPEG},
	"image/jpx":                        {"a JPEG 2000 image", toJPEG},
	"image/jpm":                        {"a JPEG 2000 image", toJPEG},
	"image/jxs":                        {"a JPEG XS image", toJPEG},
	"image/jxr":                        {"a JPEG XR image", toJPEG},
	"image/bpg":                        {"a BPG image", toJPEG},
	"image/flif":                       {"a FLIF image", toPNG},
	"image/qoi":                        {"a QOI image", toPNG},
	"image/x-tga":                      {"a Targa image", toBoth},
	"image/x-pcx":                      {"a PCX image", toPNG},
	"image/x-sgi":                      {"an SGI image", toPNG},
	"image/x-sun-raster":               {"a Sun raster image", toPNG},
	"image/vnd-ms.dds":                 {"a DDS texture", toPNG},
	"image/x-exr":                      {"an OpenEXR image", toJPEG},
	"image/x-dpx":                      {"a DPX image", toJPEG},
	"image/vnd.radiance":               {"a Radiance HDR image", toJPEG},
	"image/x-portable-anymap":          {"a PBM, PGM or PPM image", toBoth},
	"image/x-xbitmap":                  {"an X bitmap", toPNG},
	"image/x-xpixmap":                  {"an X pixmap", toPNG},
	"image/x-win-cursor":               {"a mouse cursor", toPNG},
	"image/x-icns":                     {"an Apple icon", toPNG},
	"image/x-xcf":                      {"a GIMP image", toBoth},
	"image/x-gimp-pat":                 {"a GIMP pattern", toPNG},
	"image/x-gimp-gbr":                 {"a GIMP brush", toPNG},
	"image/vnd.adobe.photoshop":        {"a Photoshop image", toBoth},
	"image/vnd.djvu":                   {"a DjVu document", toBoth},
	"image/vnd.dwg":                    {"a CAD drawing", toPNG},
	"image/vnd.dxf":                    {"a CAD drawing", toPNG},
	"application/pdf":                  {"a PDF document", toBoth},
	"application/postscript":           {"a PostScript or EPS file", toBoth},
	"application/dicom":                {"a DICOM image", toJPEG},
	"application/fits":                 {"a FITS image", toJPEG},
	"video/webm":                       {"a WebM video", toMP4},
	"video/x-flv":                      {"a Flash video", toMP4},
	"video/ogg":                        {"an Ogg video", toMP4},
	"application/ogg":                  {"an Ogg file", toMP4},
	"application/vnd.rn-realmedia-vbr": {"a RealMedia video", toMP4},
	"application/x-shockwave-flash":    {"a Flash animation", toMP4},
	"application/mxf":                  {"an MXF video", toMP4},
	"video/dv":                         {"a DV video", toMP4},
	"video/h264":                       {"an H.264 or H.265 video without a container", "put it into an MP4"},
	"video/x-ivf":                      {"an IVF video", toMP4},
	"video/x-yuv4mpeg":                 {"an uncompressed video", toMP4},
	"multipart/x-mixed-replace":        {"a stream of JPEG images", "send one of its images as a JPEG, or convert it to MP4"},
	"audio/mpeg":                       {"an MP3 sound file", sound},
	"audio/wav":                        {"a WAV sound file", sound},
	"audio/mp4":                        {"an M4A sound file", sound},
	"audio/x-ms-wma":                   {"a WMA sound file", sound},
	"application/zip":                  {"a ZIP archive", unpack},
	"application/gzip":                 {"a gzip file", unpack},
	"application/x-7z-compressed":      {"a 7z archive", unpack},
	"application/vnd.rar":              {"a RAR archive", unpack},
	"application/x-tar":                {"a tar archive", unpack},
	"application/x-bzip2":              {"a bzip2 file", unpack},
	"application/x-xz":                 {"an xz file", unpack},
	"application/zstd":                 {"a zstd file", unpack},
	"application/vnd.apple.mpegurl":    {"a play list", "send the video that it names"},
	"text/html":                        {"an HTML page", answer},
	"application/xhtml+xml":            {"an HTML page", answer},
	"text/xml":                         {"an XML text", answer},
	"application/json":                 {"a JSON text", answer},
	"text/plain":                       {"a text file", answer},
	"application/vnd.sqlite3":          {"a SQLite database", toAny},
}

// kinds are further ones, by the beginning of their type.
var kinds = []struct{ prefix, words, hint string }{
	{"audio/", "a sound file (", sound},
	{"image/x-portable-", "a PBM, PGM or PPM image", toBoth},
	{"image/", "an image (", toBoth},
	{"video/", "a video (", toMP4},
	{"text/", "a text file (", answer},
	{"font/", "a font", toAny},
	{"application/vnd.openxmlformats", "an Office document", toBoth},
	{"application/vnd.oasis", "an Office document", toBoth},
	{"application/msword", "an Office document", toBoth},
	{"application/vnd.ms-", "an Office document", toBoth},
	{"application/x-ole-storage", "an Office document", toBoth},
	{"application/epub", "a book", toBoth},
	{"application/x-elf", "a program", toAny},
	{"application/x-executable", "a program", toAny},
	{"application/x-sharedlib", "a program", toAny},
	{"application/vnd.microsoft.portable-executable", "a program", toAny},
}
