// Package mediatype tells from content alone what a file is, whether Google Photos takes it, and whether it is all there. Names and
// declared types are never believed.
package mediatype

import (
	"bytes"
	"cmp"
	"path"
	"strings"

	"github.com/gabriel-vasile/mimetype"
)

// HeadSize is how many bytes from the start of a file Of looks at.
const HeadSize = 4096

// Type is what a file is.
type Type struct {
	MIME   string // application/octet-stream for what is not known
	Ending string // of its file names, such as ".jpg"; "" when Google does not take it
	Words  string // such as "a Targa image"
	Taken  bool   // it is an image or a video in Google's list
	Hint   string // what to do when it is not taken: "convert it to JPEG"
	Skip   int    // bytes before the start of a JPEG, which some cameras write: decoders want it without them
}

// Of tells what a file is from its first HeadSize bytes, or all when it is shorter. Google's list ends in "some raw files", so that no raw
// format is refused here. Source: https://developers.google.com/photos/library/guides/upload-media#file-types-sizes
func Of(head []byte) Type {
	head = head[:min(len(head), HeadSize)]
	if bytes.HasPrefix(head, []byte("\xFF\xD8\xFF")) {
		return taken("image/jpeg")
	}
	if mime := cmp.Or(signature(head), boxType(head), rawType(head)); formats[mime].ending != "" {
		return taken(mime)
	} else if mime != "" {
		return refused(mime)
	}
	mime, _, _ := strings.Cut(mimetype.Detect(head).String(), ";")
	if mime = cmp.Or(otherNames[mime], mime); mime == "image/x-icon" { // a guess: fonts and Targa pictures begin likewise
		mime = unknown
	}
	if mime == unknown || mime == "text/plain" {
		if skip := jpegStart(head); skip > 0 {
			jpeg := taken("image/jpeg")
			jpeg.Skip = skip
			return jpeg
		}
		mime = cmp.Or(weakSignature(head), mime)
	}
	if formats[mime].ending != "" {
		return taken(mime)
	}
	return refused(mime)
}

// Refusal goes on after "door.jpg is": what a file is that Google does not take, and what to do.
func (t Type) Refusal() string {
	return t.Words + ", which Google Photos does not take: " + t.Hint + "."
}

// Plain reports whether nothing is known of a file but perhaps that it is text.
func (t Type) Plain() bool {
	return t.MIME == unknown || strings.HasPrefix(t.MIME, "text/") && t.MIME != "text/html" && t.MIME != "text/xml"
}

// Undecided reports whether a file of which no more than head is written may become one that Google takes: there is too little to tell.
// Of needs 15 bytes of a format that begins like a text, 32 of all others but a transport stream, of which it needs three packets.
func Undecided(head []byte) bool {
	mime := Of(head).MIME
	stream := len(head) > 4 && (head[0] == 'G' || head[4] == 'G') && isBinary(head)
	return mime == unknown && (len(head) < 32 || stream && len(head) < 512) || mime == "text/plain" && len(head) < 16
}

// Named gives name the ending of a MIME type that Of gives, unless it has one of a photo or video.
func Named(name, mime string) string {
	if formats[mime].ending == "" {
		return name
	}
	if name = strings.TrimRight(name, ". "); endings[strings.ToLower(path.Ext(name))] {
		return name
	}
	return name + formats[mime].ending
}

const unknown = "application/octet-stream"

func taken(mime string) Type {
	return Type{MIME: mime, Ending: formats[mime].ending, Words: formats[mime].words, Taken: true}
}

// formats are those that Google takes. docs/mqtt-api.md has them as a table.
var formats = map[string]struct{ ending, words string }{
	"image/avif":            {".avif", "an AVIF image"},
	"image/bmp":             {".bmp", "a BMP image"},
	"image/gif":             {".gif", "a GIF image"},
	"image/heic":            {".heic", "a HEIC image"},
	"image/heif":            {".heif", "a HEIF image"},
	"image/jpeg":            {".jpg", "a JPEG image"},
	"image/png":             {".png", "a PNG image"},
	"image/tiff":            {".tiff", "a TIFF image"},
	"image/webp":            {".webp", "a WebP image"},
	"image/x-icon":          {".ico", "an icon"},
	"image/x-adobe-dng":     {".dng", "a DNG raw image"},
	"image/x-canon-cr2":     {".cr2", "a Canon raw image"},
	"image/x-canon-cr3":     {".cr3", "a Canon raw image"},
	"image/x-canon-crw":     {".crw", "a Canon raw image"},
	"image/x-epson-erf":     {".erf", "an Epson raw image"},
	"image/x-fuji-raf":      {".raf", "a Fujifilm raw image"},
	"image/x-hasselblad":    {".3fr", "a Hasselblad raw image"},
	"image/x-kodak-dcr":     {".dcr", "a Kodak raw image"},
	"image/x-leaf-mos":      {".mos", "a Leaf raw image"},
	"image/x-leica-rwl":     {".rwl", "a Leica raw image"},
	"image/x-mamiya-mef":    {".mef", "a Mamiya raw image"},
	"image/x-minolta-mrw":   {".mrw", "a Minolta raw image"},
	"image/x-nikon-nef":     {".nef", "a Nikon raw image"},
	"image/x-nikon-nrw":     {".nrw", "a Nikon raw image"},
	"image/x-olympus-orf":   {".orf", "an Olympus raw image"},
	"image/x-panasonic-rw2": {".rw2", "a Panasonic raw image"},
	"image/x-pentax-pef":    {".pef", "a Pentax raw image"},
	"image/x-phaseone-iiq":  {".iiq", "a Phase One raw image"},
	"image/x-samsung-srw":   {".srw", "a Samsung raw image"},
	"image/x-sigma-x3f":     {".x3f", "a Sigma raw image"},
	"image/x-sony-arw":      {".arw", "a Sony raw image"},
	"video/3gpp":            {".3gp", "a 3GP video"},
	"video/3gpp2":           {".3g2", "a 3G2 video"},
	"video/mp2t":            {".mts", "an MPEG transport stream"},
	"video/mp4":             {".mp4", "an MP4 video"},
	"video/mpeg":            {".mpg", "an MPEG video"},
	"video/quicktime":       {".mov", "a QuickTime video"},
	"video/x-m4v":           {".m4v", "an M4V video"},
	"video/x-matroska":      {".mkv", "a Matroska video"},
	"video/x-ms-asf":        {".wmv", "a Windows Media video"},
	"video/x-msvideo":       {".avi", "an AVI video"},
}

// otherNames are what mimetype calls a format of ours under another name.
var otherNames = map[string]string{"image/apng": "image/png", "video/matroska": "video/x-matroska"}

// endings are those of formats, and the others that such files have.
var endings = func() map[string]bool {
	all := map[string]bool{}
	for _, f := range formats {
		all[f.ending] = true
	}
	for other := range strings.FieldsSeq(`.jpeg .jpe .jfif .jif .jps .mpo .insp .apng .dib .tif .btf .hif .heics .heifs .avifs .avcs .fff
		.kdc .gpr .sr2 .srf .ptx .raw .rwz .eip .cap .qt .mp4v .m4p .f4v .mqv .insv .lrv .360 .3gpp
		.3gp2 .3ga .m2t .m2ts .m2v .m1v .mpv .ts .tp .trp .tod .mod .mpeg .mpe .vob .mk3d .asf .wm
		.divx .mmv .xvid`) {
		all[other] = true
	}
	return all
}()
