package photosim

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// serveRaw takes a file in one request, https://developers.google.com/photos/library/guides/upload-media#uploading-bytes
func (s *Server) serveRaw(x *exchange) {
	token, err := s.takeRaw(x)
	if err == nil && !s.pause(x.r.Context(), x.route) {
		abort()
	}
	if err != nil {
		x.fail(err)
		return
	}
	writeText(x.w, http.StatusOK, token)
}

func (s *Server) takeRaw(x *exchange) (string, error) {
	t, err := s.admit(x.r, writeScopes, s.cfg.UploadsAreWrites, !s.cfg.UploadsUnmetered)
	if err != nil {
		return "", err
	}
	h, err := readUploadHeader(x.r.Header)
	if err != nil {
		return "", err
	}
	if h.protocol != "raw" {
		return "", refuseUpload(http.StatusBadRequest, "X-Goog-Upload-Protocol must be raw or resumable.")
	}
	// SIM: Google's documentation asks for this type; whether another one is refused is not known.
	if h.contentType != "" && h.contentType != "application/octet-stream" {
		return "", refuseUpload(http.StatusBadRequest, "Content-Type must be application/octet-stream.")
	}
	size := x.r.ContentLength
	switch {
	case size == 0:
		return "", errEmptyUpload()
	case size > s.cfg.MaxVideo:
		return "", errLargeUpload()
	}
	p, err := s.takeBody(x.r.Body, size, h.sha1 != nil, func(in *intake) error {
		if h.sha1 != nil && !bytes.Equal(in.sha1.Sum(nil), h.sha1) {
			return refuseUpload(http.StatusBadRequest, "Checksum from header does not match received payload content.")
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	return s.addUpload(t, p, h.fileName), nil
}

// takeBody spools a whole body; check may refuse it at the end.
func (s *Server) takeBody(body io.Reader, size int64, withSHA1 bool, check func(*intake) error) (*payload, error) {
	s.mu.Lock()
	in := s.spool.newIntake(size, withSHA1)
	s.mu.Unlock()
	err := s.copyBody(in, body)
	if err == nil && in.size == 0 {
		err = errEmptyUpload()
	}
	if err == nil {
		err = check(in)
	}
	if err != nil {
		in.discard()
		return nil, err
	}
	return in.finish()
}

// copyBody spools until the body ends or the file is larger than its kind may be.
func (s *Server) copyBody(in *intake, body io.Reader) error {
	buf := s.buffer()
	defer s.buffers.Put(buf)
	limit := s.cfg.MaxVideo
	for {
		n, err := readFull(body, *buf)
		if in.size == 0 {
			limit = s.sizeLimit((*buf)[:n])
		}
		if in.size+int64(n) > limit {
			return errLargeUpload()
		}
		if _, err := in.Write((*buf)[:n]); err != nil {
			return serverError(http.StatusServiceUnavailable, "UNAVAILABLE", err.Error())
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// readFull is io.ReadFull with the end of the body as io.EOF also after some bytes, and a broken body as its own error.
func readFull(r io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var m int
		m, err = r.Read(buf[n:])
		n += m
	}
	return n, err
}

// buffer is one granule of memory, reused between uploads.
func (s *Server) buffer() *[]byte {
	if b, ok := s.buffers.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, granularity)
	return &b
}

// uploadHeader is what the request headers of both protocols say.
type uploadHeader struct {
	protocol    string
	contentType string
	mediaType   string
	fileName    string
	sha1        []byte // nil: none sent
}

// readUploadHeader checks the headers that raw uploads and session starts share.
func readUploadHeader(h http.Header) (uploadHeader, error) {
	out := uploadHeader{protocol: h.Get("X-Goog-Upload-Protocol")}
	bad := func(text string) error { return refuseUpload(http.StatusBadRequest, text) }
	var err error
	if ct := h.Get("Content-Type"); ct != "" {
		if out.contentType, _, err = mime.ParseMediaType(ct); err != nil {
			return out, bad("Invalid Content-Type.")
		}
	}
	if mt := h.Get("X-Goog-Upload-Content-Type"); mt != "" {
		if out.mediaType, _, err = mime.ParseMediaType(mt); err != nil || !strings.Contains(out.mediaType, "/") {
			return out, bad("Invalid X-Goog-Upload-Content-Type.")
		}
	}
	name := h.Get("X-Goog-Upload-File-Name")
	for _, b := range []byte(name) {
		if b < ' ' || b > '~' {
			return out, bad("Invalid X-Goog-Upload-File-Name: characters outside ASCII must be percent-encoded.")
		}
	}
	out.fileName = name
	if plain, err := url.PathUnescape(name); err == nil {
		out.fileName = strings.ToValidUTF8(plain, "")
	}
	for part := range strings.SplitSeq(h.Get("X-Goog-Hash"), ",") {
		sum, ok := strings.CutPrefix(strings.TrimSpace(part), "sha1=")
		if !ok {
			continue // other kinds of checksum are not known to be looked at
		}
		if out.sha1, err = base64.StdEncoding.DecodeString(sum); err != nil || len(out.sha1) != 20 {
			return out, bad("Invalid X-Goog-Hash.")
		}
	}
	return out, nil
}
