package mqttapi

import (
	"bytes"
	"strings"

	"github.com/gabriel-vasile/mimetype"
)

// HeadSize is how many bytes from the start of a file MediaType looks at.
const HeadSize = 4096

// The largest files that Google Photos takes, in bytes.
// Source: https://developers.google.com/photos/library/guides/upload-media#file-types-sizes
const (
	MaxPhoto = 200 << 20 // 200 MB
	MaxVideo = 20 << 30  // 20 GB
)

// MediaType tells from the first bytes of a file what it is; names and declared types are never believed. ok says that
// it is an image or a video of a format in Google's list. Raw images whose format is a TIFF (NEF, ARW, PEF, SRW) are
// called image/tiff. An unknown content is application/octet-stream.
// Source: https://developers.google.com/photos/library/guides/upload-media#file-types-sizes
func MediaType(head []byte) (mime string, ok bool) {
	head = head[:min(len(head), HeadSize)]
	for _, s := range signatures {
		if len(head) > s.at && bytes.HasPrefix(head[s.at:], []byte(s.magic)) && (s.and == nil || s.and(head)) {
			return s.mime, true
		}
	}
	found, _, _ := strings.Cut(mimetype.Detect(head).String(), ";")
	f, ok := formats[found]
	if !ok || f.unless != nil && f.unless(head) {
		return found, false
	}
	if f.mime != "" {
		found = f.mime
	}
	return found, true
}

// Ending returns the file ending, with its dot, of a media type that MediaType accepts, else "".
func Ending(mime string) string {
	return formats[mime].ending
}

// SizeLimit returns the size of the largest file of a media type that Google Photos takes, in bytes.
func SizeLimit(mime string) int64 {
	if strings.HasPrefix(mime, "video/") {
		return MaxVideo
	}
	return MaxPhoto
}

// format is a format of Google's list.
type format struct {
	ending string
	mime   string                 // the name to use, when the key is another name for it
	unless func(head []byte) bool // tells a format that mimetype gives the same name
}

// formats are the formats of Google's list, by the names that mimetype or signatures give them.
var formats = map[string]format{
	"image/avif":            {ending: ".avif"},
	"image/bmp":             {ending: ".bmp"},
	"image/gif":             {ending: ".gif"},
	"image/heic":            {ending: ".heic"},
	"image/heic-sequence":   {ending: ".heic", mime: "image/heic"},
	"image/heif":            {ending: ".heif"},
	"image/heif-sequence":   {ending: ".heif", mime: "image/heif"},
	"image/jpeg":            {ending: ".jpg"},
	"image/png":             {ending: ".png"},
	"image/apng":            {ending: ".png", mime: "image/png"},
	"image/tiff":            {ending: ".tiff"},
	"image/webp":            {ending: ".webp"},
	"image/x-icon":          {ending: ".ico", unless: isCursor},
	"image/x-adobe-dng":     {ending: ".dng"},
	"image/x-canon-cr2":     {ending: ".cr2"},
	"image/x-canon-cr3":     {ending: ".cr3"},
	"image/x-fuji-raf":      {ending: ".raf"},
	"image/x-olympus-orf":   {ending: ".orf"},
	"image/x-panasonic-rw2": {ending: ".rw2"},
	"video/3gpp":            {ending: ".3gp"},
	"video/3gpp2":           {ending: ".3g2"},
	"video/matroska":        {ending: ".mkv", mime: "video/x-matroska"},
	"video/x-matroska":      {ending: ".mkv"},
	"video/mp2t":            {ending: ".mts"},
	"video/mp4":             {ending: ".mp4"},
	"video/mpeg":            {ending: ".mpg"},
	"video/quicktime":       {ending: ".mov"},
	"video/x-m4v":           {ending: ".m4v"},
	"video/x-ms-asf":        {ending: ".wmv"},
	"video/x-msvideo":       {ending: ".avi"},
}

// signatures are the formats of Google's list that mimetype v1.4.16 does not know or names otherwise. Each has a byte that
// no path and no base64 has, or is too long to come about by chance.
// Source of the raw formats: https://github.com/file/file/blob/master/magic/Magdir/images
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
	{at: 8, magic: "AVI ", and: isRIFF, mime: "video/x-msvideo"},
	{at: 0, magic: "G", and: syncs(0, 188), mime: "video/mp2t"},
	{at: 4, magic: "G", and: syncs(4, 192), mime: "video/mp2t"}, // with the time stamps of AVCHD
}

// isDNG looks for the tag DNGVersion (0xC612: 4 numbers of type byte) in both byte orders. Its directory is the first of
// the file, so it comes early. Source: Adobe's DNG specification 1.7, chapter 4.
func isDNG(head []byte) bool {
	return bytes.Contains(head, []byte("\x12\xc6\x01\x00\x04\x00\x00\x00")) ||
		bytes.Contains(head, []byte("\xc6\x12\x00\x01\x00\x00\x00\x04"))
}

func isRIFF(head []byte) bool {
	return bytes.HasPrefix(head, []byte("RIFF"))
}

// syncs tells an MPEG transport stream by the sync bytes of three packets. Text may have a "G" at those places too, but
// no byte outside ASCII. Source: ISO/IEC 13818-1, 2.4.3.2.
func syncs(first, length int) func(head []byte) bool {
	return func(head []byte) bool {
		if len(head) <= first+2*length || head[first+length] != 'G' || head[first+2*length] != 'G' {
			return false
		}
		return bytes.ContainsFunc(head, func(r rune) bool { return r == 0 || r > '~' })
	}
}

// isCursor tells a mouse cursor, and a Targa picture, from an icon: type 2 in the third byte.
func isCursor(head []byte) bool {
	return len(head) > 2 && head[2] != 1
}
