package photos

import (
	"fmt"
	"strings"
)

// Suffixes that a base URL needs.
// Source: https://developers.google.com/photos/library/guides/access-media-items#base-urls
const (
	SuffixPhoto = "=d"  // the photo with its metadata, apart from the place
	SuffixVideo = "=dv" // the video
)

const (
	suffixView      = "=w2048-h2048"
	suffixThumbnail = "=w512-h512"
)

// SizeSuffix asks for a picture that fits into width by height pixels, of which one may be 0 for any, or, with crop,
// fills them exactly. A video gives a frame. Google takes 1 to 16383 pixels; what is outside is moved to the nearest.
func SizeSuffix(width, height int, crop bool) string {
	var suffix string
	if width > 0 || height <= 0 {
		suffix = fmt.Sprintf("-w%d", min(max(width, 1), maxSide))
	}
	if height > 0 {
		suffix += fmt.Sprintf("-h%d", min(height, maxSide))
	}
	if crop {
		suffix += "-c"
	}
	return "=" + suffix[1:]
}

const maxSide = 16383

// ViewURL shows a photo at no more than 2048 pixels a side and plays a video; empty without a base URL. Like all
// addresses here it opens the item to anybody, and dies 60 minutes after the item was read.
func (i Item) ViewURL() string {
	if i.IsVideo() {
		return i.BaseURL.with(SuffixVideo)
	}
	return i.BaseURL.with(suffixView)
}

// ThumbnailURL shows a photo or a video's frame at no more than 512 pixels a side; empty without a base URL.
func (i Item) ThumbnailURL() string { return i.BaseURL.with(suffixThumbnail) }

// DownloadURL gives the full file; empty without a base URL. Google takes the place out of photos and compresses videos
// again.
func (i Item) DownloadURL() string {
	if i.IsVideo() {
		return i.BaseURL.with(SuffixVideo)
	}
	return i.BaseURL.with(SuffixPhoto)
}

// IsVideo tells a video from a photo.
func (i Item) IsVideo() bool { return i.Video != nil || strings.HasPrefix(i.MIMEType, "video/") }

// CoverThumbnailURL shows the album's cover at no more than 512 pixels a side; empty without a cover.
func (a Album) CoverThumbnailURL() string { return a.CoverURL.with(suffixThumbnail) }

func (u BaseURL) with(suffix string) string {
	if u == "" {
		return ""
	}
	return string(u) + suffix
}
