// Package photos speaks HTTP to Google's Photos Library API for one account.
//
// Each method is one request, apart from AllItems and AllAlbums, which are one a page. Nothing is retried, waited for,
// logged or remembered here. Whatever goes wrong on Google's side or on the way is an *Error with a Kind; KindOf gives
// it. Two things are not Google's, and KindOf gives 0 for them: what Media.Open and its reader say, which comes back
// wrapped, and a context that the caller cancelled, which errors.Is finds. A deadline that passed is Transient.
//
// Google counts every request against 10,000 a day and project, shared by all accounts of the project; bytes of base
// URLs against 75,000. It allows about 30 writes a minute and account, and one at a time: bytes may be uploaded side
// by side, CreateItems and every other change to the library may not. Only what the same Google project made is
// visible: a foreign item or album is "not found".
// Source: https://developers.google.com/photos/overview/api-limits-quotas
//
// An access token is added by Config.HTTP; requests that carry one are never redirected. Upload tokens, session
// addresses and base URLs are secrets and hide themselves when printed; no error holds an address.
package photos

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// DefaultLibrary is where Google serves the Library API.
// Source: https://developers.google.com/photos/library/reference/rest
const DefaultLibrary = "https://photoslibrary.googleapis.com"

// maxAnswer bounds an answer in bytes. A page of 100 items, the largest there is, takes about 200 KB.
const maxAnswer = 16 << 20

// Config says where Google is and who asks.
type Config struct {
	// Library is the base of the Library API, without /v1. Default: DefaultLibrary.
	Library string
	// HTTP adds the Authorization header. Errors of its transport stay reachable with errors.Is and errors.As. Its
	// redirect policy is replaced: no redirect is followed. Timeouts belong into the context of each call: Google
	// itself allows 60 s, and needs more for 50 items. Default: a client without authorization, which Google refuses.
	HTTP *http.Client
	// Bytes fetches base URLs. It must not add a header: base URLs need none. Default: a client of its own.
	Bytes *http.Client
}

// Client speaks for one account. It is safe for use by several goroutines.
type Client struct {
	library string
	api     *http.Client
	bytes   *http.Client
}

// New makes a client. It asks nothing of Google.
func New(cfg Config) *Client {
	c := &Client{library: strings.TrimRight(cfg.Library, "/"), api: &http.Client{}, bytes: cfg.Bytes}
	if c.library == "" {
		c.library = DefaultLibrary
	}
	if cfg.HTTP != nil {
		*c.api = *cfg.HTTP
	}
	// A redirect would carry the access token, or a session's address, to whoever is named in it.
	c.api.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if c.bytes == nil {
		c.bytes = &http.Client{}
	}
	return c
}

// url gives an address of the Library API. Each id in path must be escaped.
func (c *Client) url(path string, query url.Values) string {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return c.library + "/v1/" + path
}

// do is the one way to Google: it sends r and gives the answer when its status is a success. Everything else is an
// error, and closed.
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
		err = r.refused(req.URL, resp)
		_ = resp.Body.Close() // it is read as far as it is wanted
		return nil, err
	case broken != nil && ctx.Err() == nil:
		return nil, fmt.Errorf("%s: read media: %w", r.op, broken)
	}
	return nil, r.failed(ctx, err, complete)
}

// reply is a success, read to its end.
type reply struct {
	status int
	header http.Header
	text   []byte
}

// ask sends r to the Library API and reads the whole answer.
func (c *Client) ask(ctx context.Context, r request) (reply, error) {
	resp, err := c.do(ctx, c.api, r)
	if err != nil {
		return reply{}, err
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	_ = resp.Body.Close() // all that was wanted has been read
	switch {
	case err != nil:
		return reply{}, r.failed(ctx, err, true)
	case len(text) > maxAnswer:
		return reply{}, r.unreadable(resp.StatusCode, "the answer is too long")
	}
	return reply{status: resp.StatusCode, header: resp.Header, text: text}, nil
}

// call sends in as JSON and reads the answer into out; nil stands for no body and for an answer that does not matter.
func (c *Client) call(ctx context.Context, r request, in, out any) error {
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return invalid(r.op, "the request cannot be written as JSON: %v", err)
		}
		r.header = http.Header{"Content-Type": {"application/json"}}
		r.size = int64(len(text))
		r.open = func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }
	}
	answered, err := c.ask(ctx, r)
	if err != nil {
		return err
	}
	return r.decode(answered, out)
}
