package photos

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/photos/spec"
)

// Headers of Google's upload protocols. Source: https://developers.google.com/photos/library/guides/upload-media,
// https://developers.google.com/photos/library/guides/resumable-uploads
const (
	headerProtocol = "X-Goog-Upload-Protocol"
	headerCommand  = "X-Goog-Upload-Command"
	headerMIMEType = "X-Goog-Upload-Content-Type"
	headerRawSize  = "X-Goog-Upload-Raw-Size"
	headerOffset   = "X-Goog-Upload-Offset"
	headerStatus   = "X-Goog-Upload-Status"
	headerURL      = "X-Goog-Upload-Url" // as net/http spells it
	headerReceived = "X-Goog-Upload-Size-Received"
)

const (
	anyType  = "application/octet-stream" // MIME type of what is not known
	maxToken = 16 << 10                   // bytes of an upload token; those seen have up to about 1,000
)

// ErrMediaChanged is media that is longer or shorter than its Size. What was sent of it makes no upload.
var ErrMediaChanged = errors.New("the media is not as long as announced")

// Media is a file to upload.
type Media struct {
	Size     int64  // bytes, from 1 to spec.MaxSize; media that turns out longer or shorter fails with ErrMediaChanged
	MIMEType string // what the bytes are, such as image/jpeg; empty: Google finds out by itself
	// Open gives the bytes from offset on, once more when the transport repeats a request after a refused access token. The reader is
	// closed when it is no longer needed, perhaps on another goroutine.
	Open func(ctx context.Context, offset int64) (io.ReadCloser, error)
}

// Upload sends all bytes in one request, streamed, and gives Google's receipt for them. It suits files up to some megabytes: whatever
// breaks, all bytes must be sent again. Google does not look into them before CreateItems.
// Source: https://developers.google.com/photos/library/guides/upload-media#uploading-bytes
func (c *Client) Upload(ctx context.Context, m Media) (token secret.Text, err error) {
	r := c.beginUpload("upload", m, http.Header{"Content-Type": {anyType}, headerProtocol: {"raw"}})
	r.size, r.open = m.Size, func(ctx context.Context) (io.ReadCloser, error) { return m.Open(ctx, 0) }
	got, err := c.ask(ctx, r)
	if err != nil {
		return "", err
	}
	return r.receipt(got)
}

// beginUpload makes the call with which an upload begins, and refuses media that Google would refuse.
func (c *Client) beginUpload(op string, m Media, header http.Header) request {
	r := c.request(op, aboutUpload, http.MethodPost, "uploads")
	mimeType := cmp.Or(m.MIMEType, anyType)
	r.header = header
	r.header.Set(headerMIMEType, mimeType)
	switch _, _, err := mime.ParseMediaType(mimeType); {
	case err != nil, strings.ContainsAny(mimeType, "\r\n"):
		r.refuse(Invalid, fmt.Sprintf("%q is not a MIME type", shorten(mimeType, 80)))
	case m.Size <= 0:
		r.refuse(Rejected, "the file is empty")
	case m.Size > spec.MaxSize(mimeType):
		r.refuse(TooLarge, "the file is larger than Google Photos takes")
	}
	return r
}

// receipt reads the upload token, which is the whole body of the answer: one opaque word, neither JSON, nor a page or a sentence.
func (r request) receipt(got reply) (secret.Text, error) {
	text := bytes.TrimSpace(got.text)
	strange := func(c rune) bool { return c <= ' ' || c > '~' }
	switch {
	case len(text) == 0:
		return "", r.unreadable(got.status, "the answer holds no upload token")
	case len(text) <= maxToken && !bytes.ContainsRune([]byte(`{["<`), rune(text[0])) && !bytes.ContainsFunc(text, strange):
		return secret.Text(text), nil
	}
	if err := r.disguised(got); err != nil {
		return "", err
	}
	said := parseAnswer(text, got.header.Get("Content-Type")).message
	return "", r.unreadable(got.status, "the answer is not an upload token: "+shorten(said, 200))
}

// Progress is what Google has of a session's bytes.
type Progress struct {
	Received int64       // bytes that need not be sent again
	Final    bool        // Google has them all
	Token    secret.Text // the receipt of a final session; when it is empty the upload must start over
}

// Start opens a session for m: the address of an unfinished upload, which lives for seven days, through any number of breaks and
// restarts. It must be kept, byte for byte, before the first byte is sent, or a break costs all of them.
// Source: https://developers.google.com/photos/library/guides/resumable-uploads#initiating
func (c *Client) Start(ctx context.Context, m Media) (session secret.Text, err error) {
	r := c.beginUpload("start session", m, command("start"))
	r.header.Set(headerRawSize, strconv.FormatInt(m.Size, 10))
	r.write = false
	got, err := c.ask(ctx, r)
	if err != nil {
		return "", err
	}
	session = secret.Text(got.header.Get(headerURL))
	switch {
	case over(got.header.Get(headerStatus)): // over before it began
		if err := r.disguised(got); err != nil {
			return "", err
		}
		return "", &Error{Kind: Rejected, Op: r.op, Status: got.status, Message: "Google did not open a session for the file"}
	case session == "":
		return "", r.unreadable(got.status, "the answer holds no session")
	case !c.owns(session):
		return "", &Error{Kind: Untrusted, Op: r.op, Status: got.status, Err: foreign(string(session))}
	}
	return session, nil
}

// Query asks how much of the session's media Google has. An error of Kind Expired means to start over.
// Source: https://developers.google.com/photos/library/guides/resumable-uploads#resuming
func (c *Client) Query(ctx context.Context, session secret.Text) (Progress, error) {
	r := c.sessionRequest("query session", aboutSession, "query", session)
	got, err := c.ask(ctx, r)
	if err != nil {
		return Progress{}, err
	}
	received, err := strconv.ParseInt(got.header.Get(headerReceived), 10, 64)
	switch status := got.header.Get(headerStatus); {
	case status == "final":
		// Whether the receipt is repeated is not documented; without it all bytes must be sent again, whatever stands there.
		token, _ := r.receipt(got)
		return Progress{Received: max(received, 0), Final: true, Token: token}, nil
	case over(status):
		return Progress{}, r.cancelled(got)
	case status == "active" && err == nil && received >= 0:
		return Progress{Received: received}, nil
	}
	return Progress{}, r.unreadable(got.status, "the answer does not say how much has arrived")
}

// Send streams m from offset, which is what Query said or 0 for a new session, to its end in one request and gives the receipt for the
// whole of it. After any error but one of Kind Expired, Query tells where to go on. sent gets the position in m up to which bytes are on
// their way, many times a second, on a goroutine of the transport's but never after Send has returned; it may be nil.
// Source: https://developers.google.com/photos/library/guides/resumable-uploads#uploading
func (c *Client) Send(ctx context.Context, session secret.Text, offset int64, m Media, sent func(n int64)) (secret.Text, error) {
	r := c.sessionRequest("send", aboutSending, "upload, finalize", session)
	if offset < 0 || offset > m.Size {
		r.refuse(Expired, "the session does not fit the media")
	}
	r.header.Set(headerOffset, strconv.FormatInt(offset, 10))
	r.write, r.size = true, m.Size-offset
	r.open = func(ctx context.Context) (io.ReadCloser, error) { return m.Open(ctx, offset) }
	if sent != nil {
		r.sent = func(n int64) { sent(offset + n) }
	}
	got, err := c.ask(ctx, r)
	if err != nil {
		return "", err
	}
	switch status := got.header.Get(headerStatus); {
	case status == "active":
		return "", r.unreadable(got.status, "the session takes more bytes than there are")
	case over(status) && status != "final":
		return "", r.cancelled(got)
	}
	return r.receipt(got)
}

// command gives the headers of one step of a session. The protocol is named on each, as Google's Java client does.
func command(step string) http.Header {
	return http.Header{headerProtocol: {"resumable"}, headerCommand: {step}}
}

func (c *Client) sessionRequest(op string, about subject, step string, session secret.Text) request {
	r := request{op: op, about: about, method: http.MethodPost, url: string(session), header: command(step)}
	if !c.owns(session) {
		r.refuse(Expired, "the session is not one of this Google")
	}
	return r
}

func (r request) cancelled(got reply) error {
	return &Error{Kind: Expired, Op: r.op, Status: got.status, Message: "the session was cancelled"}
}

// outgoing watches the bytes of one request on their way to the transport, over all its repeats.
type outgoing struct {
	size int64
	sent func(n int64)

	mu       sync.Mutex // guards the rest: the transport reads and closes on goroutines of its own
	complete bool       // all bytes were handed over at least once, so Google may have acted on them
	broken   error      // what the source said, when it was the source that failed
	stopped  bool       // the call has returned; nothing is reported any more
}

// reader gives the transport a body that reads what open gives. It holds no buffer.
func (o *outgoing) reader(ctx context.Context, open func(context.Context) (io.ReadCloser, error)) (io.ReadCloser, error) {
	source, err := open(ctx)
	if err != nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.broken = err
		return nil, err
	}
	return &body{out: o, source: source, left: o.size}, nil
}

func (o *outgoing) stop() (complete bool, broken error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stopped = true
	return o.complete, o.broken
}

type body struct {
	out    *outgoing
	source io.ReadCloser
	left   int64
	closed bool // guarded by out.mu
}

// Read hands over the next bytes, the last only when the source ends there too: a file that grew must not be uploaded cut.
func (b *body) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	n, err := b.source.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	ended := errors.Is(err, io.EOF)
	if b.left == 0 && (err == nil || ended) {
		_, err = io.ReadFull(b.source, make([]byte, 1)) // io.EOF is right
		ended = err == nil
	}
	if ended {
		err = ErrMediaChanged
	}
	b.out.mu.Lock()
	defer b.out.mu.Unlock()
	if err != nil && !errors.Is(err, io.EOF) {
		if !b.closed { // a transport closes a body that it still reads, and the source fails of that
			b.out.broken = cmp.Or(b.out.broken, err)
		}
		return 0, err
	}
	b.out.complete = b.out.complete || b.left == 0
	if b.out.sent != nil && !b.out.stopped {
		b.out.sent(b.out.size - b.left)
	}
	return n, err
}

func (b *body) Close() error {
	b.out.mu.Lock()
	b.closed = true
	b.out.mu.Unlock()
	return b.source.Close()
}
