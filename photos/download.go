package photos

import (
	"context"
	"io"
	"net/http"
	"strings"

	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/photos/spec"
)

// Suffixes that a base URL needs; for a picture of another size see spec.Size. A base URL opens the item to anybody for 60 minutes after
// the item was read, and never without a suffix. Source: https://developers.google.com/photos/library/guides/access-media-items#base-urls
const (
	SuffixPhoto     = "=d"           // the photo with its metadata, apart from the place
	SuffixVideo     = "=dv"          // the video
	SuffixView      = "=w2048-h2048" // a picture at no more than 2048 pixels a side
	SuffixThumbnail = "=w512-h512"   // a picture at no more than 512 pixels a side
)

// IsVideo tells a video from a photo.
func (i Item) IsVideo() bool { return i.Video != nil || strings.HasPrefix(i.MIMEType, "video/") }

// ViewURL shows a photo at no more than 2048 pixels a side and plays a video; empty without a base URL.
func (i Item) ViewURL() string { return address(i.BaseURL, i.suffix(SuffixView)) }

// ThumbnailURL shows a photo or a video's frame at no more than 512 pixels a side; empty without a base URL.
func (i Item) ThumbnailURL() string { return address(i.BaseURL, SuffixThumbnail) }

// DownloadURL gives the full file; empty without a base URL. Google takes the place out of photos and compresses videos again.
func (i Item) DownloadURL() string { return address(i.BaseURL, i.suffix(SuffixPhoto)) }

// CoverThumbnailURL shows the album's cover at no more than 512 pixels a side; empty without a cover.
func (a Album) CoverThumbnailURL() string { return address(a.CoverURL, SuffixThumbnail) }

func (i Item) suffix(photo string) string {
	if i.IsVideo() {
		return SuffixVideo
	}
	return photo
}

func address(base secret.Text, suffix string) string {
	if base == "" {
		return ""
	}
	return string(base) + suffix
}

// Bytes is a picture or a video on its way. Close Body.
type Bytes struct {
	Body     io.ReadCloser // its errors are *Error, but for io.EOF
	MIMEType string
	Size     int64 // bytes; -1 when Google does not say
}

// Download fetches what a base URL and its suffix stand for. No access token is sent. Kind Expired means that the item must be read again
// for a fresh base URL; Untrusted that it or a redirect leads to a host that is not Google's, which is not asked; TooLarge that there are
// more bytes than spec.MaxPhotoSize, or spec.MaxVideoSize for SuffixVideo. A stall is for ctx to end. Only status 200 is a success: Google
// answers errors with pictures too. https://github.com/rclone/rclone/issues/4144
func (c *Client) Download(ctx context.Context, base secret.Text, suffix string) (Bytes, error) {
	r := request{op: "download", about: aboutBytes, method: http.MethodGet, url: string(base) + suffix}
	r.needs(base != "" && strings.HasPrefix(suffix, "="), `a base URL needs a suffix such as "=d", and there must be one`)
	if !c.trusts(string(base)+suffix, mediaHosts) && r.wrong == nil {
		return Bytes{}, &Error{Kind: Untrusted, Op: r.op, Err: foreign(string(base))}
	}
	resp, err := c.do(ctx, &c.bytes, r)
	if err != nil {
		return Bytes{}, err
	}
	body := &incoming{resp.Body, ctx, r, spec.MaxPhotoSize}
	if suffix == SuffixVideo {
		body.left = spec.MaxVideoSize
	}
	switch {
	case resp.StatusCode != http.StatusOK:
		err = r.unreadable(resp.StatusCode, "the answer is not a whole file")
	case resp.ContentLength > body.left:
		err = body.tooLarge()
	}
	if err != nil {
		_ = resp.Body.Close() // nothing of it is wanted
		return Bytes{}, err
	}
	return Bytes{body, resp.Header.Get("Content-Type"), resp.ContentLength}, nil
}

// incoming turns what the connection says in the middle of a file into an *Error, and ends a file that no item can be.
type incoming struct {
	io.ReadCloser
	ctx     context.Context // of the download that the reader is a part of
	request request
	left    int64 // bytes that may still come
}

func (b *incoming) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left {
		p = p[:b.left+1] // one more shows that there are more
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		b.left = 0
		return n - 1, b.tooLarge()
	}
	if err != nil && err != io.EOF { //nolint:errorlint // readers give io.EOF itself, and callers compare
		err = b.request.failed(b.ctx, err, false)
	}
	return n, err
}

func (b *incoming) tooLarge() error {
	return &Error{Kind: TooLarge, Op: b.request.op, Status: http.StatusOK, Message: "the answer is larger than Google Photos keeps files"}
}
