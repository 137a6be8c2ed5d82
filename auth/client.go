package auth

import (
	"errors"
	"io"
	"net/http"
)

var errStillUnauthorized = errors.New("status 401 with a new access token")

// Client gives a client for Google's Photos APIs. It adds the entry's access token to every request and replaces
// the token a minute before it ends. A 401 makes it get a new token and repeat the request once, if the body can
// be repeated (http.Request.GetBody); if not, the caller gets the 401 and the next request has the new token.
//
// Its requests fail, findable with errors.Is, with ErrUnlinked, ErrRelink, ErrClient, ErrRefused, ErrUnavailable
// and ErrVault; nothing has been sent to the API then, except before an ErrRelink or ErrUnavailable that follows a
// 401. No redirect is followed: the token is for the address that was asked, which must be one of Google's APIs.
func (l *Link) Client() *http.Client {
	return &http.Client{Transport: transport{l}, CheckRedirect: refuseRedirect}
}

type transport struct{ link *Link }

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	token, err := t.link.token(req.Context(), "")
	if err != nil {
		closeBody(req)
		return nil, err
	}
	resp, err := t.send(req, req.Body, token)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	next, err := t.link.token(req.Context(), token)
	if err != nil {
		discard(resp)
		return nil, err
	}
	body, ok := again(req)
	if !ok {
		return resp, nil
	}
	discard(resp)
	resp, err = t.send(req, body, next)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	discard(resp)
	return nil, t.link.endRefused(req.Context(), next, errStillUnauthorized)
}

// send leaves the caller's request as it was, as http.RoundTripper demands.
func (t transport) send(req *http.Request, body io.ReadCloser, token Secret) (*http.Response, error) {
	out := req.Clone(req.Context())
	out.Body = body
	out.Header.Set("Authorization", bearer(token))
	return t.link.cfg.Base.RoundTrip(out)
}

// again gives the body a second time.
func again(req *http.Request) (io.ReadCloser, bool) {
	if req.Body == nil || req.Body == http.NoBody {
		return req.Body, true
	}
	if req.GetBody == nil {
		return nil, false
	}
	body, err := req.GetBody()
	return body, err == nil
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}
