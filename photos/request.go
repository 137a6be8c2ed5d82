package photos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// request is one call before it is sent.
type request struct {
	op     string // in words: "create items"
	about  subject
	method string
	url    string
	header http.Header
	write  bool // it changes something, so that it matters when its answer is lost

	// The body: size bytes from open, which is asked again when the transport repeats the request. Nil: no body.
	open func(ctx context.Context) (io.ReadCloser, error)
	size int64
	sent func(n int64) // told how many bytes are on their way; may be nil
}

// build makes the http.Request. Its body is streamed and goes out with a Content-Length.
func (r request) build(ctx context.Context, out *outgoing) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, r.url, http.NoBody)
	if err != nil {
		return nil, invalid(r.op, "the address is not valid: %v", withoutAddress(err))
	}
	maps.Copy(req.Header, r.header)
	if r.open == nil || r.size == 0 {
		return req, nil
	}
	req.ContentLength = r.size
	req.GetBody = func() (io.ReadCloser, error) { return out.body(ctx, r.open) }
	if req.Body, err = req.GetBody(); err != nil {
		return nil, fmt.Errorf("%s: open media: %w", r.op, err)
	}
	return req, nil
}

// failed is a call whose answer never came, or came in part. The address is taken out of err; it is a secret.
func (r request) failed(ctx context.Context, err error, complete bool) error {
	kind, err := Transient, withoutAddress(err)
	ended := ctx.Err()
	switch {
	case ended == nil && errors.Is(err, context.Canceled):
		err = errors.New(err.Error()) // somebody else's context, inside the transport: must not pass for the caller's
	case ended != nil:
		if errors.Is(ended, context.Canceled) {
			kind = 0 // the caller's doing: says nothing about Google or the network
		}
		if err = context.Cause(ctx); !errors.Is(err, ended) {
			err = fmt.Errorf("%w: %w", ended, err)
		}
	}
	return &Error{Kind: kind, Op: r.op, Lost: r.write && complete, Err: err}
}

// withoutAddress takes off the part that net/http and net/url put around an error to name the address.
func withoutAddress(err error) error {
	if named, ok := errors.AsType[*url.Error](err); ok {
		return named.Err
	}
	return err
}

// refused is an answer that is no success.
func (r request) refused(address *url.URL, resp *http.Response) error {
	a := readAnswer(resp)
	if r.about == aboutSession || r.about == aboutSending || r.about == aboutBytes {
		a.message = withoutSecrets(a.message, address)
	}
	if a.status/100 == 3 && a.message == "" {
		a.message = "the answer is a redirect, which is not followed"
	}
	return r.judged(a)
}

// withoutSecrets takes the parts of a secret address out of a message that repeats them.
func withoutSecrets(message string, address *url.URL) string {
	secrets := append([]string{address.RequestURI()}, strings.FieldsFunc(address.Path, isDelimiter)...)
	for _, values := range address.Query() {
		secrets = append(secrets, values...)
	}
	for _, secret := range secrets {
		if len(secret) >= 12 { // shorter ones are words such as "resumable"
			message = strings.ReplaceAll(message, secret, "…")
		}
	}
	return message
}

func isDelimiter(r rune) bool { return r == '/' || r == '=' }

func (r request) judged(a answer) *Error {
	return &Error{
		Kind: judge(r.about, a), Op: r.op, Status: a.status, Reason: a.reason, Message: a.message, RetryAfter: a.wait,
		Lost: r.write && (a.status < 400 || a.status >= 500),
	}
}

// decode reads the body of a success. A success that is none, or cannot be read, leaves open what Google did.
func (r request) decode(got reply, out any) error {
	if bytes.Contains(got.text, []byte(`"error"`)) {
		if err := r.disguised(got); err != nil {
			return err
		}
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(got.text, out); err != nil {
		return r.unreadable(got.status, "the answer is not the JSON that was expected: "+plain(err.Error()))
	}
	return nil
}

// disguised finds the refusal in the body of an answer that calls itself a success; nil when there is none. Google's
// PHP client knows them as answers to uploads. Source: google/php-photoslibrary, PhotosLibraryClient.php.
func (r request) disguised(got reply) error {
	var bare rpcStatus
	a := parseAnswer(got.text, "")
	switch {
	case a.api && a.status >= 400:
		err := r.judged(a)
		err.Status = got.status
		return err
	case a.api:
		bare = rpcStatus{Code: a.status, Message: a.message}
	case !readLoosely(bytes.TrimSpace(got.text), &bare) || bare.Code == 0:
		return nil
	}
	err := itemError(r.op, r.about, bare)
	err.Status = got.status
	return err
}

// unreadable is a success that says nothing: a portal's page, half an answer.
func (r request) unreadable(status int, message string) *Error {
	return &Error{Kind: Transient, Op: r.op, Status: status, Message: message, Lost: r.write}
}
