package photos

import (
	"bytes"
	"context"
	"io"
	"mime"
	"net/http"
	"strings"
)

// Headers of Google's upload protocols.
// Source: https://developers.google.com/photos/library/guides/upload-media,
// https://developers.google.com/photos/library/guides/resumable-uploads
const (
	headerProtocol    = "X-Goog-Upload-Protocol"
	headerCommand     = "X-Goog-Upload-Command"
	headerMIMEType    = "X-Goog-Upload-Content-Type"
	headerRawSize     = "X-Goog-Upload-Raw-Size"
	headerOffset      = "X-Goog-Upload-Offset"
	headerStatus      = "X-Goog-Upload-Status"
	headerURL         = "X-Goog-Upload-Url" // as net/http spells it
	headerGranularity = "X-Goog-Upload-Chunk-Granularity"
	headerReceived    = "X-Goog-Upload-Size-Received"
)

// maxToken bounds an upload token in bytes; those seen have up to about 1,000.
const maxToken = 16 << 10

// Media is a file to upload.
type Media struct {
	// Size is the number of bytes, at least 1 and at most MaxPhotoSize, or MaxVideoSize for a video. Media that turns
	// out longer or shorter fails with ErrMediaChanged.
	Size int64
	// MIMEType is what the bytes are, such as image/jpeg. Empty: Google finds out by itself.
	MIMEType string
	// Open gives the bytes from offset on. It is called again when the transport repeats a request after a refused
	// access token. The reader is closed when it is no longer needed, perhaps on another goroutine.
	Open func(ctx context.Context, offset int64) (io.ReadCloser, error)
}

// Upload sends all bytes in one request, streamed, and gives Google's receipt for them. It suits files up to some
// megabytes: whatever breaks, all bytes must be sent again. Google does not look into them before CreateItems.
// Source: https://developers.google.com/photos/library/guides/upload-media#uploading-bytes
func (c *Client) Upload(ctx context.Context, m Media) (UploadToken, error) {
	const op = "upload"
	mimeType, err := m.check(op)
	if err != nil {
		return "", err
	}
	r := request{
		op: op, about: aboutUpload, method: http.MethodPost, url: c.url("uploads", nil), write: true,
		header: http.Header{
			"Content-Type": {"application/octet-stream"},
			headerProtocol: {"raw"},
			headerMIMEType: {mimeType},
		},
		size: m.Size,
		open: func(ctx context.Context) (io.ReadCloser, error) { return m.Open(ctx, 0) },
	}
	got, err := c.ask(ctx, r)
	if err != nil {
		return "", err
	}
	return r.receipt(got)
}

// check refuses what Google would refuse, and gives the MIME type as it goes into a header.
func (m Media) check(op string) (mimeType string, err error) {
	mimeType = "application/octet-stream"
	if m.MIMEType != "" {
		if _, _, err := mime.ParseMediaType(m.MIMEType); err != nil || strings.ContainsAny(m.MIMEType, "\r\n") {
			return "", invalid(op, "%q is not a MIME type", shorten(m.MIMEType, 80))
		}
		mimeType = m.MIMEType
	}
	most := int64(MaxPhotoSize)
	if !strings.HasPrefix(mimeType, "image/") {
		most = MaxVideoSize // a type that is not known is given the benefit
	}
	switch {
	case m.Size <= 0:
		return "", &Error{Kind: Rejected, Op: op, Message: "the file is empty"}
	case m.Size > most:
		return "", &Error{Kind: TooLarge, Op: op, Message: "the file is larger than Google Photos takes"}
	}
	return mimeType, nil
}

// receipt reads the upload token, which is the whole body of the answer.
func (r request) receipt(got reply) (UploadToken, error) {
	text := bytes.TrimSpace(got.text)
	switch {
	case len(text) == 0:
		return "", r.unreadable(got.status, "the answer holds no upload token")
	case isToken(text):
		return UploadToken(text), nil
	}
	if err := r.disguised(got); err != nil {
		return "", err
	}
	said := parseAnswer(text, got.header.Get("Content-Type")).message
	return "", r.unreadable(got.status, "the answer is not an upload token: "+shorten(said, 200))
}

// isToken tells a token, one opaque word, from JSON, a page and a sentence.
func isToken(text []byte) bool {
	if len(text) > maxToken || bytes.IndexByte([]byte(`{["<`), text[0]) >= 0 {
		return false
	}
	for _, b := range text {
		if b <= ' ' || b > '~' {
			return false
		}
	}
	return true
}
