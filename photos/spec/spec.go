// Package spec holds what Google's Library API takes: values, which marshal to Google's JSON, and limits, checked before a request is
// spent on them. Each Check gives an *Error, whose sentence is fit for the person who wrote the value.
//
// It is a leaf on the standard library alone, so that packages that do not know each other can share it.
package spec

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Google's limits, lengths in characters, see Length. Where Google states none, the number is far above what has been seen and says so.
const (
	MaxBatch      = 50    // items or ids in a call: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/batchCreate
	MaxItemsPage  = 100   // items in a page; 25 if not given: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/list
	MaxAlbumsPage = 50    // albums in a page; 20 if not given: https://developers.google.com/photos/library/reference/rest/v1/albums/list
	MaxPageToken  = 4096  // of a page token; Google states none
	MaxID         = 1024  // of the id of an item or album; Google states none, real ones have about 150
	MaxTitle      = 500   // of an album: https://developers.google.com/photos/library/reference/rest/v1/albums#Album
	MaxAlbumItems = 20000 // in an album: https://developers.google.com/photos/library/guides/manage-albums#adding-items-to-album
	// MaxDescription is of an item: the guide allows 1,000, the reference wants it shorter.
	// Source: https://developers.google.com/photos/library/guides/upload-media#creating-media-item
	MaxDescription = 999
	MaxFileName    = 255   // with its ending: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/batchCreate
	MaxText        = 1000  // of a text put into an album; Google states none: as long as its other texts
	MaxPlaceName   = 500   // of a place; Google states none
	MaxDates       = 5     // dates and ranges in a search: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/search
	MaxCategories  = 10    // categories that a search may include, and that it may exclude: the same
	MaxPixels      = 16383 // of a scaled picture's side: https://developers.google.com/photos/library/guides/access-media-items#image-base-urls
	// Bytes of a photo, 200 MB, and of a video, 20 GB: read as the larger of two meanings, so that nothing is refused that Google may take.
	// Source: https://developers.google.com/photos/library/guides/upload-media#file-types-sizes
	MaxPhotoSize = 200 << 20
	MaxVideoSize = 20 << 30
)

// MaxSize gives the size in bytes of the largest file of a MIME type. A type that is not known to be a photo's is given the benefit.
func MaxSize(mimeType string) int64 {
	if strings.HasPrefix(mimeType, "image/") {
		return MaxPhotoSize
	}
	return MaxVideoSize
}

// Error is a value that Google does not take, as a sentence that names the value's key as MQTT has it, such as "ranges[0].start".
type Error struct {
	format string
	args   []any // those of type key are quoted, and stand below a place
}

type key string

func refuse(format string, args ...any) error { return &Error{format, args} }

// Error gives the sentence.
func (e *Error) Error() string { return e.Within("") }

// Within gives the sentence for a value that was written at a place, such as "filters.": it is put before every key.
func (e *Error) Within(place string) string {
	args := slices.Clone(e.args)
	for i, arg := range args {
		if k, ok := arg.(key); ok {
			args[i] = strconv.Quote(place + string(k))
		}
	}
	return fmt.Sprintf(e.format, args...)
}

// Length counts characters as Google's APIs do, in code points: an emoji of one is one, whatever it takes in UTF-16 or UTF-8.
// Source: https://google.aip.dev/210
func Length(s string) int { return utf8.RuneCountInString(s) }

// Cut shortens s to at most n characters.
func Cut(s string, n int) string {
	for i := range s {
		if n--; n < 0 {
			return s[:i]
		}
	}
	return s
}

// CutName shortens a file name to MaxFileName and keeps its ending, by which people know the kind of file.
func CutName(name string) string {
	ending := path.Ext(name)
	if Length(name) <= MaxFileName || Length(ending) > 16 {
		return Cut(name, MaxFileName)
	}
	return Cut(strings.TrimSuffix(name, ending), MaxFileName-Length(ending)) + ending
}

// CheckText refuses the text under a name, such as "title", that is blank or longer than most characters.
func CheckText(name, text string, most int) error {
	if strings.TrimSpace(text) == "" {
		return refuse("%v is empty.", key(name))
	}
	return CheckLength(name, text, most)
}

// CheckLength refuses only what is longer.
func CheckLength(name, text string, most int) error {
	if Length(text) > most {
		return refuse("%v is too long; at most %d characters are possible.", key(name), most)
	}
	return nil
}

// Size is the size of a picture in pixels, up to MaxPixels a side. A side of 0 is any.
// Source: https://developers.google.com/photos/library/guides/access-media-items#image-base-urls
type Size struct {
	Width, Height int
	Crop          bool // fill Width by Height exactly, instead of fitting into them
}

// Check refuses what Google refuses.
func (s Size) Check() error {
	switch {
	case s.Width < 0 || s.Width > MaxPixels:
		return refuse("%v must be from 1 to %d.", key("width"), MaxPixels)
	case s.Height < 0 || s.Height > MaxPixels:
		return refuse("%v must be from 1 to %d.", key("height"), MaxPixels)
	case s.Crop && (s.Width == 0 || s.Height == 0):
		return refuse("%v needs both %v and %v.", key("crop"), key("width"), key("height"))
	}
	return nil
}

// Suffix makes a base URL show a picture, or a video's frame, in this size; a side outside of the limits becomes the nearest inside.
func (s Size) Suffix() string {
	suffix := ""
	if s.Width > 0 || s.Height <= 0 {
		suffix += fmt.Sprint("-w", min(max(s.Width, 1), MaxPixels))
	}
	if s.Height > 0 {
		suffix += fmt.Sprint("-h", min(s.Height, MaxPixels))
	}
	if s.Crop {
		suffix += "-c"
	}
	return "=" + suffix[1:]
}
