package photos

import (
	"context"
	"io"
	"net/http"
	"strings"
)

// Bytes is a picture or a video on its way. Close Body.
type Bytes struct {
	Body     io.ReadCloser // its errors are *Error, but for io.EOF
	MIMEType string
	Size     int64 // bytes; -1 when Google does not say
}

// Download fetches what a base URL and its suffix stand for, such as SuffixPhoto or a SizeSuffix. No access token is
// sent. Kind Expired means that the item must be read again for a fresh base URL. Only status 200 is a success: Google
// answers errors with pictures too. Source: https://github.com/rclone/rclone/issues/4144
func (c *Client) Download(ctx context.Context, u BaseURL, suffix string) (Bytes, error) {
	r := request{op: "download", about: aboutBytes, method: http.MethodGet, url: u.with(suffix)}
	if u == "" || !strings.HasPrefix(suffix, "=") {
		return Bytes{}, invalid(r.op, "a base URL needs a suffix such as %q, and there must be one", SuffixPhoto)
	}
	resp, err := c.do(ctx, c.bytes, r)
	if err != nil {
		return Bytes{}, err
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close() // nothing of it is wanted
		return Bytes{}, r.unreadable(resp.StatusCode, "the answer is not a whole file")
	}
	return Bytes{
		Body:     &incoming{ReadCloser: resp.Body, ctx: ctx, request: r},
		MIMEType: resp.Header.Get("Content-Type"),
		Size:     resp.ContentLength,
	}, nil
}

// incoming turns what the connection says in the middle of a file into an *Error.
type incoming struct {
	io.ReadCloser
	ctx     context.Context // of the download that the reader is a part of
	request request
}

func (b *incoming) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // readers give io.EOF itself, and callers compare
		err = b.request.failed(b.ctx, err, false)
	}
	return n, err
}
