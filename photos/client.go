// Package photos speaks HTTP to Google's Photos Library API for one account.
//
// Each method is one request, apart from AllAlbums, which is one a page. Nothing is retried, waited for, logged or remembered here; what
// package spec knows to be refused is not sent. Whatever goes wrong on Google's side or on the way, a deadline included, is an *Error with
// a Kind; KindOf gives 0 for what is not Google's: errors of Media.Open and its reader, and a context that the caller cancelled.
//
// Google counts every request against 10,000 a day and project, shared by all accounts of the project; bytes of base URLs against 75,000.
// It allows about 30 writes a minute and account, and one at a time: bytes may be uploaded side by side, CreateItems and every other change
// to the library may not. Only what the same Google project made is visible: a foreign item or album is "not found".
// Source: https://developers.google.com/photos/overview/api-limits-quotas
//
// An access token is added by Config.HTTP; requests that carry one are never redirected. Upload tokens, session addresses and base URLs are
// secrets and hide themselves when printed; no error holds more of an address than a foreign host. Addresses in Google's answers are
// believed when they are of Google's hosts, see hosts.go; others are left out.
package photos

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"gphotos2mqtt/photos/spec"
)

// DefaultLibrary is where Google serves the Library API. Source: https://developers.google.com/photos/library/reference/rest
const DefaultLibrary = "https://photoslibrary.googleapis.com"

// maxAnswer bounds an answer in bytes. A page of 100 items, the largest there is, takes about 200 KB.
const maxAnswer = 16 << 20

// Config says where Google is and who asks.
type Config struct {
	// Library is the base of the Library API, without /v1. Sessions and bytes may be on its host too. Default: DefaultLibrary.
	Library string
	// HTTP adds the Authorization header. Errors of its transport stay reachable with errors.Is and errors.As. No redirect is followed,
	// whatever its policy. Timeouts belong into the context of each call: Google itself allows 60 s, and needs more for 50 items.
	// Default: a client without authorization, which Google refuses.
	HTTP *http.Client
	// Bytes fetches base URLs and must not add a header, since they need none. Its redirects are followed to Google's hosts alone, whatever
	// its policy. Default: a client of its own.
	Bytes *http.Client
	// Foreign is called, and must not wait, when addresses were left out of an answer because they are not Google's, once for each answer;
	// err is of Kind Untrusted and names the host. Default: nobody is told.
	Foreign func(err error)
}

// Client speaks for one account. It is safe for use by several goroutines.
type Client struct {
	library string
	own     *url.URL // of Config.Library, when it is not Google's: a host to be trusted like Google's; else nil
	api     http.Client
	bytes   http.Client
	foreign func(error)
}

// New makes a client. It asks nothing of Google.
func New(cfg Config) *Client {
	c := &Client{
		library: strings.TrimRight(cmp.Or(cfg.Library, DefaultLibrary), "/"),
		api:     *cmp.Or(cfg.HTTP, &http.Client{}), bytes: *cmp.Or(cfg.Bytes, &http.Client{}), foreign: cfg.Foreign,
	}
	if own, err := url.Parse(c.library); err == nil && c.library != DefaultLibrary {
		c.own = own
	}
	c.bytes.CheckRedirect = c.hop
	// A redirect would carry the access token, or a session's address, to whoever is named in it.
	c.api.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c
}

// do is the one way to Google. It gives an answer whose status is a success; everything else is an error, and closed.
func (c *Client) do(ctx context.Context, through *http.Client, r request) (*http.Response, error) {
	out := &outgoing{size: r.size, sent: r.sent}
	req, err := r.build(ctx, out)
	if err != nil {
		return nil, err
	}
	resp, err := through.Do(req)
	complete, broken := out.stop()
	switch {
	case err == nil && resp.StatusCode/100 == 2:
		return resp, nil
	case err == nil:
		defer func() { _ = resp.Body.Close() }() // it is read as far as it is wanted
		return nil, r.refused(req.URL, resp)
	case broken != nil && ctx.Err() == nil:
		return nil, fmt.Errorf("%s: read media: %w", r.op, broken)
	}
	return nil, r.failed(ctx, err, complete)
}

type reply struct {
	status int
	header http.Header
	text   []byte
}

func (c *Client) ask(ctx context.Context, r request) (reply, error) {
	resp, err := c.do(ctx, &c.api, r)
	if err != nil {
		return reply{}, err
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	_ = resp.Body.Close() // all that was wanted has been read
	if err != nil {
		err = r.failed(ctx, err, true)
	} else if len(text) > maxAnswer {
		err = r.unreadable(resp.StatusCode, "the answer is too long")
	}
	return reply{resp.StatusCode, resp.Header, text}, err
}

// call sends in as JSON and reads the answer into out; nil is no body, and an answer that does not matter.
func (c *Client) call(ctx context.Context, r request, in, out any) error {
	if in != nil {
		text, err := json.Marshal(in)
		r.unless(err)
		r.header, r.size = http.Header{"Content-Type": {"application/json"}}, int64(len(text))
		r.open = func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }
	}
	got, err := c.ask(ctx, r)
	if err != nil {
		return err
	}
	if err = r.decode(got, out); err == nil {
		c.believe(r.op, out)
	}
	return err
}

// request makes a call of the Library API; ids in path must be escaped.
func (c *Client) request(op string, about subject, method, path string) request {
	return request{op: op, about: about, method: method, url: c.library + "/v1/" + path, write: method != http.MethodGet}
}

func (c *Client) one(op string, about subject, method, collection, id, verb string) request {
	r := c.request(op, about, method, collection+"/"+url.PathEscape(id)+verb)
	r.unless(checkID(id))
	return r
}

// page makes a call for one page, of a size within Google's maximum; 0 leaves it to Google.
func (c *Client) page(op, path string, size, most int, token string) request {
	query := url.Values{}
	if size > 0 {
		query.Set("pageSize", strconv.Itoa(min(size, most)))
	}
	if token != "" {
		query.Set("pageToken", token)
	}
	r := c.request(op, aboutLibrary, http.MethodGet, strings.TrimSuffix(path+"?"+query.Encode(), "?"))
	r.needs(size >= 0, "the page size is negative")
	return r
}

// checkID refuses an id that makes another address than the one meant, such as that of all items.
func checkID(id string) error {
	if id == "" || id == "." || id == ".." || strings.ContainsAny(id, "/?#") {
		return fmt.Errorf("%q is not an id", shorten(id, 80))
	}
	return nil
}

// checkIDs refuses what Google refuses as a whole: no id, more than 50, an id twice.
func checkIDs(ids []string) error {
	if len(ids) == 0 || len(ids) > spec.MaxBatch {
		return fmt.Errorf("%d ids given, 1 to %d are taken", len(ids), spec.MaxBatch)
	}
	var errs []error
	for i, id := range ids {
		errs = append(errs, checkID(id))
		if slices.Contains(ids[:i], id) {
			errs = append(errs, fmt.Errorf("the id %q is given twice", shorten(id, 80)))
		}
	}
	return cmp.Or(errs...)
}

type request struct {
	op     string // in words: "create items"
	about  subject
	method string
	url    string
	header http.Header
	write  bool                                             // it changes something, so that it matters when its answer is lost
	wrong  error                                            // the first reason not to send it
	open   func(ctx context.Context) (io.ReadCloser, error) // the body, once more for each repeat of the transport's; nil: none
	size   int64                                            // bytes of the body
	sent   func(n int64)                                    // gets how many bytes are on their way; may be nil
}

// refuse keeps the first reason not to spend a request on r.
func (r *request) refuse(kind Kind, reason string) {
	r.wrong = cmp.Or(r.wrong, error(&Error{Kind: kind, Op: r.op, Message: reason}))
}

func (r *request) unless(err error) {
	if err != nil {
		r.refuse(Invalid, err.Error())
	}
}

func (r *request) needs(ok bool, otherwise string) {
	if !ok {
		r.refuse(Invalid, otherwise)
	}
}

// build makes the http.Request; its body is streamed, with a Content-Length.
func (r request) build(ctx context.Context, out *outgoing) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, r.url, http.NoBody)
	if err != nil {
		r.unless(fmt.Errorf("the address is not valid: %w", withoutAddress(err)))
	}
	if r.wrong != nil {
		return nil, r.wrong
	}
	maps.Copy(req.Header, r.header)
	if r.open == nil || r.size == 0 {
		return req, nil
	}
	req.ContentLength = r.size
	req.GetBody = func() (io.ReadCloser, error) { return out.reader(ctx, r.open) }
	if req.Body, err = req.GetBody(); err != nil {
		return nil, fmt.Errorf("%s: open media: %w", r.op, err)
	}
	return req, nil
}

// failed is a call whose answer never came, or came in part. The address is taken out of err; it is a secret.
func (r request) failed(ctx context.Context, err error, complete bool) error {
	kind, err := Transient, withoutAddress(err)
	switch ended := ctx.Err(); {
	case errors.Is(err, errForeign):
		kind = Untrusted
	case err != nil && strings.Contains(err.Error(), "Location header"): // net/http repeats it
		kind, err = Untrusted, errors.New("the redirect has no address that can be read")
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

func withoutAddress(err error) error {
	if named, ok := errors.AsType[*url.Error](err); ok {
		return named.Err
	}
	return err
}

// refused is an answer that is no success, in whatever form: the API's envelope, flat OAuth JSON, HTML, text, a picture.
func (r request) refused(address *url.URL, resp *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxRefusal)) // what came before a cut is enough: the status alone can be judged
	a := parseAnswer(body, resp.Header.Get("Content-Type"))
	a.status, a.upload = resp.StatusCode, resp.Header.Get(headerStatus)
	now, err := http.ParseTime(resp.Header.Get("Date")) // by Google's clock, since this machine's may be wrong
	if err != nil {
		now = time.Now()
	}
	a.wait = cmp.Or(retryAfter(resp.Header.Get("Retry-After"), now), a.wait)
	if r.about&aboutAddress != 0 {
		a.message = withoutSecrets(a.message, address)
	}
	if a.status/100 == 3 && a.message == "" {
		a.message = "the answer is a redirect, which is not followed"
	}
	return r.judged(a)
}

// withoutSecrets takes the parts of a secret address out of a message that repeats them.
func withoutSecrets(message string, address *url.URL) string {
	parts := strings.FieldsFunc(address.Path, func(r rune) bool { return r == '/' || r == '=' })
	for _, secret := range slices.Concat([]string{address.RequestURI()}, parts, slices.Concat(slices.Collect(maps.Values(address.Query()))...)) {
		if len(secret) >= 12 { // shorter ones are words such as "resumable"
			message = strings.ReplaceAll(message, secret, "…")
		}
	}
	return message
}

func (r request) judged(a answer) *Error {
	err := a.refusal(r.op, judge(r.about, a))
	err.Lost = r.write && (a.meant() < 400 || a.meant() >= 500)
	return err
}

// decode reads the body of a success; one that is none, or cannot be read, leaves open what Google did.
func (r request) decode(got reply, out any) error {
	var err error
	if bytes.Contains(got.text, []byte(`"error"`)) || bytes.Contains(got.text, []byte(`"code"`)) {
		err = r.disguised(got)
	}
	if err == nil && out != nil {
		if bad := json.Unmarshal(got.text, out); bad != nil {
			err = r.unreadable(got.status, "the answer is not the JSON that was expected: "+plain(bad.Error()))
		}
	}
	return err
}

// disguised finds the refusal in the body of an answer that calls itself a success, as Google's PHP client knows of uploads; nil when there
// is none. Source: google/php-photoslibrary, PhotosLibraryClient.php.
func (r request) disguised(got reply) error {
	a, refused := parseObject(unwrapped(string(got.text)))
	if !refused || !a.api {
		return nil
	}
	err := itemError(r.op, r.about, a)
	if a.code >= http.StatusBadRequest {
		a.status = a.code
		err = r.judged(a)
	}
	err.Status = got.status
	return err
}

// unreadable is a success that says nothing: a portal's page, half an answer.
func (r request) unreadable(status int, message string) *Error {
	return &Error{Kind: Transient, Op: r.op, Status: status, Message: message, Lost: r.write}
}

// identified is the success of a call that must give a thing with an id.
func (r request) identified(id string, err error) error {
	if err == nil && id == "" {
		return r.unreadable(http.StatusOK, "the answer holds no id")
	}
	return err
}
