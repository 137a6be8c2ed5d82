// Package mediatype tells what a file is and whether it is all there, from its content alone: names and declared types are never believed.
package mediatype

import (
	"cmp"
	"strings"

	"github.com/gabriel-vasile/mimetype"
)

// HeadSize is how many bytes from the start of a file Of looks at.
const HeadSize = 4096

// Type is what a file is.
type Type struct {
	MIME   string // application/octet-stream for what is not known
	Ending string // of its file names, such as ".jpg"; "" when Google does not take it
	Words  string // as in "it is a Targa image"
	Taken  bool   // an image or a video in Google's list
	Hint   string // what to convert it to when it is not taken: "JPEG"
	Skip   int    // bytes before the content's start, which some cameras write; programs take such a JPEG only without them
}

// Of tells what a file is from its first HeadSize bytes, or all when it is shorter.
// Source of Google's list: https://developers.google.com/photos/library/guides/upload-media#file-types-sizes
func Of(head []byte) Type {
	head = head[:min(len(head), HeadSize)]
	if mime := signature(head); mime != "" {
		return taken(mime)
	}
	mime, _, _ := strings.Cut(mimetype.Detect(head).String(), ";")
	mime = cmp.Or(otherNames[mime], mime)
	if endings[mime] != "" && (mime != "image/x-icon" || head[2] == 1) { // else a mouse cursor, or a Targa picture
		return taken(mime)
	}
	return Type{MIME: mime, Words: mime, Hint: "JPEG, PNG or MP4"}
}

// Ending gives that of the file names of a MIME type that Of gives; "" when Google does not take it.
func Ending(mime string) string { return endings[mime] }

func taken(mime string) Type {
	return Type{MIME: mime, Ending: endings[mime], Words: mime, Taken: true}
}

// endings are the formats that Google takes.
var endings = map[string]string{
	"image/avif": ".avif", "image/bmp": ".bmp", "image/gif": ".gif", "image/heic": ".heic", "image/heif": ".heif", "image/jpeg": ".jpg",
	"image/png": ".png", "image/tiff": ".tiff", "image/webp": ".webp", "image/x-icon": ".ico",
	"image/x-adobe-dng": ".dng", "image/x-canon-cr2": ".cr2", "image/x-canon-cr3": ".cr3", "image/x-fuji-raf": ".raf",
	"image/x-olympus-orf": ".orf", "image/x-panasonic-rw2": ".rw2",
	"video/3gpp": ".3gp", "video/3gpp2": ".3g2", "video/mp2t": ".mts", "video/mp4": ".mp4", "video/mpeg": ".mpg", "video/quicktime": ".mov",
	"video/x-m4v": ".m4v", "video/x-matroska": ".mkv", "video/x-ms-asf": ".wmv", "video/x-msvideo": ".avi",
}

// otherNames are what mimetype calls formats that are in endings under another name.
var otherNames = map[string]string{
	"image/apng": "image/png", "image/heic-sequence": "image/heic", "image/heif-sequence": "image/heif", "video/matroska": "video/x-matroska",
}
