package photos

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// defaultGranularity is what chunk sizes are multiples of when Google does not say, in bytes.
// Source: https://developers.google.com/photos/library/guides/resumable-uploads names the header; the value is the one
// of Google's own mock upload server.
const defaultGranularity = 256 << 10

// Session is an unfinished upload at Google. It lives for seven days, through any number of breaks and restarts.
type Session struct {
	URL         SessionURL
	Granularity int64 // bytes; every chunk but the last is a multiple of it
}

// Progress is what Google has of a session's bytes.
type Progress struct {
	Received int64       // bytes that need not be sent again
	Final    bool        // Google has them all
	Token    UploadToken // the receipt of a final session; when it is empty the upload must start over
}

// Start opens a session for m. Its URL must be kept before the first byte is sent, or a break costs all of them.
// Source: https://developers.google.com/photos/library/guides/resumable-uploads#initiating
func (c *Client) Start(ctx context.Context, m Media) (Session, error) {
	const op = "start session"
	mimeType, err := m.check(op)
	if err != nil {
		return Session{}, err
	}
	r := request{op: op, about: aboutUpload, method: http.MethodPost, url: c.url("uploads", nil), header: command("start")}
	r.header[headerMIMEType] = []string{mimeType}
	r.header[headerRawSize] = []string{strconv.FormatInt(m.Size, 10)}
	got, err := c.ask(ctx, r)
	if err != nil {
		return Session{}, err
	}
	s := Session{URL: SessionURL(got.header.Get(headerURL)), Granularity: defaultGranularity}
	if n, err := strconv.ParseInt(got.header.Get(headerGranularity), 10, 64); err == nil && n > 0 {
		s.Granularity = n
	}
	switch {
	case over(got.header.Get(headerStatus)):
		return Session{}, r.turnedDown(got)
	case s.URL == "":
		return Session{}, r.unreadable(got.status, "the answer holds no session")
	case !c.owns(s):
		return Session{}, invalid(op, "the session is on a host that is not Google's")
	}
	return s, nil
}

// Query asks how much of the session's media Google has. An error of Kind Expired means to start over.
// Source: https://developers.google.com/photos/library/guides/resumable-uploads#resuming
func (c *Client) Query(ctx context.Context, s Session) (Progress, error) {
	r, err := c.sessionRequest("query session", aboutSession, "query", s)
	if err != nil {
		return Progress{}, err
	}
	got, err := c.ask(ctx, r)
	if err != nil {
		return Progress{}, err
	}
	received, err := strconv.ParseInt(got.header.Get(headerReceived), 10, 64)
	known := err == nil && received >= 0
	switch status := got.header.Get(headerStatus); {
	case status == "final":
		// Whether the receipt is repeated is not documented, and without it all bytes must be sent once more: what
		// else stands there does not matter.
		token, _ := r.receipt(got)
		return Progress{Received: max(received, 0), Final: true, Token: token}, nil
	case over(status):
		return Progress{}, &Error{Kind: Expired, Op: r.op, Status: got.status, Message: "the session was cancelled"}
	case status == "active" && known:
		return Progress{Received: received}, nil
	}
	return Progress{}, r.unreadable(got.status, "the answer does not say how much has arrived")
}

// Send streams m from offset to its end in one request and gives the receipt for the whole of it. The offset must be
// what Query said, or 0 for a new session. After any error but one of Kind Expired, Query tells where to go on. sent is
// told the position in m up to which bytes are on their way, many times a second, on a goroutine of the transport's but
// never after Send has returned; it may be nil.
// Source: https://developers.google.com/photos/library/guides/resumable-uploads#uploading
func (c *Client) Send(ctx context.Context, s Session, offset int64, m Media, sent func(n int64)) (UploadToken, error) {
	r, err := c.sessionRequest("send", aboutSending, "upload, finalize", s)
	if err != nil {
		return "", err
	}
	if offset < 0 || offset > m.Size {
		return "", &Error{Kind: Expired, Op: r.op, Message: "the session does not fit the media"}
	}
	r.write = true
	r.header[headerOffset] = []string{strconv.FormatInt(offset, 10)}
	r.size = m.Size - offset
	r.open = func(ctx context.Context) (io.ReadCloser, error) { return m.Open(ctx, offset) }
	if sent != nil {
		r.sent = func(n int64) { sent(offset + n) }
	}
	got, err := c.ask(ctx, r)
	if err != nil {
		return "", err
	}
	if status := got.header.Get(headerStatus); status == "active" {
		return "", r.unreadable(got.status, "the session takes more bytes than there are")
	} else if over(status) && status != "final" {
		return "", &Error{Kind: Expired, Op: r.op, Status: got.status, Message: "the session was cancelled"}
	}
	return r.receipt(got)
}

// Cancel ends a session that is not wanted any more; an error of Kind Expired says that it was gone already. Google
// forgets it after seven days anyway.
// Source: google/java-photoslibrary, PhotosLibraryUploadCallable.java; not described on Google's page.
func (c *Client) Cancel(ctx context.Context, s Session) error {
	r, err := c.sessionRequest("cancel session", aboutSession, "cancel", s)
	if err != nil {
		return err
	}
	return c.call(ctx, r, nil, nil)
}

// command gives the headers of one step of a session. The protocol is named on each, as Google's Java client does.
func command(step string) http.Header {
	return http.Header{headerProtocol: {"resumable"}, headerCommand: {step}}
}

func (c *Client) sessionRequest(op string, about subject, step string, s Session) (request, error) {
	if !c.owns(s) {
		return request{}, &Error{Kind: Expired, Op: op, Message: "the session is not one of this Google"}
	}
	return request{op: op, about: about, method: http.MethodPost, url: string(s.URL), header: command(step)}, nil
}

// owns tells whether the access token may be sent to the session's host: the Library API's own, or another of Google's.
func (c *Client) owns(s Session) bool {
	here, err := url.Parse(c.library)
	if err != nil {
		return false
	}
	there, err := url.Parse(string(s.URL))
	if err != nil || there.Scheme != here.Scheme || there.User != nil {
		return false
	}
	const google = ".googleapis.com"
	return there.Host == here.Host ||
		strings.HasSuffix(there.Hostname(), google) && strings.HasSuffix(here.Hostname(), google)
}

// turnedDown is a session that was over before it began.
func (r request) turnedDown(got reply) error {
	if err := r.disguised(got); err != nil {
		return err
	}
	return &Error{Kind: Rejected, Op: r.op, Status: got.status, Message: "Google did not open a session for the file"}
}
