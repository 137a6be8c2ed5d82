package photosim

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// session is an unfinished resumable upload, https://developers.google.com/photos/library/guides/resumable-uploads
type session struct {
	id, account, project string
	fileName             string
	size                 int64
	started              time.Time

	// sending is the lock of the one request that sends, and guards intake.
	sending chan struct{}
	intake  *intake // nil once final or cancelled

	mu       sync.Mutex // guards what a query reads, also while another request sends
	received int64
	status   string // active, final, cancelled
	token    string // when final
}

// lockWait is how long a request waits for an earlier one on the same session, whose cut may not have been noticed yet.
const lockWait = 2 * time.Second

// lock waits until no other request sends.
func (se *session) lock(ctx context.Context) bool {
	t := time.NewTimer(lockWait)
	defer t.Stop()
	select {
	case se.sending <- struct{}{}:
		return true
	case <-t.C:
	case <-ctx.Done():
	}
	return false
}

func (se *session) unlock() { <-se.sending }

// state is what a query answers with.
func (se *session) state() (received int64, status, token string) {
	se.mu.Lock()
	defer se.mu.Unlock()
	return se.received, se.status, se.token
}

func (se *session) set(received int64, status, token string) {
	se.mu.Lock()
	defer se.mu.Unlock()
	se.received, se.status, se.token = received, status, token
}

// drop gives back the bytes of a session that ended without a token, unless a request still works on it.
func (se *session) drop() {
	select {
	case se.sending <- struct{}{}:
	default:
		return
	}
	defer se.unlock()
	if se.intake != nil {
		se.intake.discard()
		se.intake = nil
	}
}

// serveStart opens a session.
func (s *Server) serveStart(x *exchange) {
	se, err := s.start(x)
	if err == nil && !s.pause(x.r.Context(), x.route) {
		abort()
	}
	if err != nil {
		// "final" in the answer to a start means that the upload is rejected.
		x.w.Header().Set("X-Goog-Upload-Status", "final")
		x.fail(err)
		return
	}
	h := x.w.Header()
	h.Set("X-Goog-Upload-Status", "active")
	h.Set("X-Goog-Upload-URL", x.place.url(libraryAPI)+"/v1/uploads?upload_id="+url.QueryEscape(se.id)+"&upload_protocol=resumable")
	h.Set("X-Goog-Upload-Chunk-Granularity", strconv.Itoa(granularity))
	write(x.w, http.StatusOK, "text/plain; charset=utf-8", nil)
}

func (s *Server) start(x *exchange) (*session, error) {
	t, err := s.admit(x.r, writeScopes, s.cfg.UploadsAreWrites, !s.cfg.UploadsUnmetered)
	if err != nil {
		return nil, err
	}
	h, err := readUploadHeader(x.r.Header)
	if err != nil {
		return nil, err
	}
	size, err := strconv.ParseInt(x.r.Header.Get("X-Goog-Upload-Raw-Size"), 10, 64)
	switch {
	case h.protocol != "resumable":
		return nil, refuseUpload(http.StatusBadRequest, "X-Goog-Upload-Protocol must be resumable.")
	case x.r.Header.Get("X-Goog-Upload-Command") != "start":
		return nil, refuseUpload(http.StatusBadRequest, "X-Goog-Upload-Command must be start.")
	case x.r.ContentLength != 0:
		return nil, refuseUpload(http.StatusBadRequest, "Content-Length of a start must be 0.")
	case err != nil || size < 0:
		return nil, refuseUpload(http.StatusBadRequest, "X-Goog-Upload-Raw-Size must be the number of bytes.")
	case size == 0:
		return nil, errEmptyUpload()
	case size > s.cfg.MaxVideo, strings.HasPrefix(h.mediaType, "image/") && size > s.cfg.MaxPhoto:
		return nil, errLargeUpload()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.uploads.sweep()
	se := &session{
		id: secret("AHmUCY", 96), account: t.account, project: t.project, fileName: h.fileName, size: size,
		started: time.Now(), intake: s.spool.newIntake(size, false), status: "active", sending: make(chan struct{}, 1),
	}
	s.uploads.sessions[se.id] = se
	return se, nil
}

// serveSession carries out query, upload, finalize and cancel on a session.
func (s *Server) serveSession(x *exchange) {
	t, err := s.admit(x.r, writeScopes, s.cfg.UploadsAreWrites, !s.cfg.UploadsUnmetered)
	if err != nil {
		x.fail(err)
		return
	}
	id := x.r.URL.Query().Get("upload_id")
	s.mu.Lock()
	se, ok := s.uploads.sessions[id]
	s.mu.Unlock()
	// SIM: an unknown session, one of somebody else and one older than seven days are a 404.
	if !ok || se.account != t.account || se.project != t.project || time.Since(se.started) >= sessionLife {
		x.fail(refuseUpload(http.StatusNotFound, "Upload session was not found."))
		return
	}
	answer, err := s.work(x, t, se)
	if err == nil && !s.pause(x.r.Context(), x.route) {
		abort()
	}
	_, status, _ := se.state()
	x.w.Header().Set("X-Goog-Upload-Status", status)
	if err != nil {
		x.fail(err)
		return
	}
	writeText(x.w, http.StatusOK, answer)
}

// work does one command; the answer is the upload token or empty.
func (s *Server) work(x *exchange, t *accessToken, se *session) (string, error) {
	var cancel, finalize bool
	switch x.r.Header.Get("X-Goog-Upload-Command") {
	case "upload":
	case "upload, finalize", "upload,finalize", "finalize":
		finalize = true
	case "cancel":
		cancel = true
	case "query":
		received, status, token := se.state()
		if status == "active" {
			x.w.Header().Set("X-Goog-Upload-Size-Received", strconv.FormatInt(received, 10))
			x.w.Header().Set("X-Goog-Upload-Chunk-Granularity", strconv.Itoa(granularity))
		}
		return token, nil // SIM: the query of a finished session repeats the token
	default:
		return "", refuseUpload(http.StatusBadRequest, "X-Goog-Upload-Command is none of upload, finalize, query and cancel.")
	}
	if !se.lock(x.r.Context()) {
		return "", refuseUpload(http.StatusConflict, "Another request works on this upload session.")
	}
	defer se.unlock()
	if !cancel {
		return s.takeChunk(x, t, se, finalize)
	}
	if received, status, _ := se.state(); status == "active" {
		se.intake.discard()
		se.intake = nil
		se.set(received, "cancelled", "")
	}
	return "", nil
}

// takeChunk appends a chunk. What arrived before a cut stays, in whole granules. The caller holds the lock.
func (s *Server) takeChunk(x *exchange, t *accessToken, se *session, finalize bool) (string, error) {
	switch _, status, _ := se.state(); {
	case status == "final":
		return "", refuseUpload(http.StatusBadRequest, "Upload has already been finalized.")
	case se.intake == nil: // cancelled, or swept as it died
		return "", refuseUpload(http.StatusGone, "Upload session was cancelled.")
	}
	offset, err := strconv.ParseInt(x.r.Header.Get("X-Goog-Upload-Offset"), 10, 64)
	length := x.r.ContentLength
	switch {
	case err != nil || offset != se.intake.size:
		return "", refuseUpload(http.StatusBadRequest, "X-Goog-Upload-Offset does not match the number of bytes received.")
	case length >= 0 && offset+length > se.size:
		return "", refuseUpload(http.StatusBadRequest, "More bytes than X-Goog-Upload-Raw-Size.")
	case finalize && length >= 0 && offset+length < se.size:
		return "", refuseUpload(http.StatusBadRequest, "Fewer bytes than X-Goog-Upload-Raw-Size.")
	case !finalize && length >= 0 && length%granularity != 0:
		return "", refuseUpload(http.StatusBadRequest, "Chunk is not a multiple of the chunk granularity.")
	}
	if err := s.copyGranules(se, x.r.Body, finalize); err != nil || !finalize {
		return "", err
	}
	p, err := se.intake.finish()
	if err != nil {
		return "", serverError(http.StatusServiceUnavailable, "UNAVAILABLE", err.Error())
	}
	se.intake = nil
	token := s.addUpload(t, p, se.fileName)
	se.set(p.size, "final", token)
	return token, nil
}

// copyGranules appends whole granules, and the rest only at the end of the file.
func (s *Server) copyGranules(se *session, body io.Reader, finalize bool) error {
	buf := s.buffer()
	defer s.buffers.Put(buf)
	for {
		n, err := readFull(body, *buf)
		ended := errors.Is(err, io.EOF)
		chunk := (*buf)[:n]
		switch {
		case err != nil && !ended && n < granularity:
			return err // a cut: this granule is lost
		case se.intake.size+int64(n) > se.size:
			return refuseUpload(http.StatusBadRequest, "More bytes than X-Goog-Upload-Raw-Size.")
		case ended && finalize && se.intake.size+int64(n) < se.size:
			return refuseUpload(http.StatusBadRequest, "Fewer bytes than X-Goog-Upload-Raw-Size.")
		case ended && !finalize && n%granularity != 0:
			return refuseUpload(http.StatusBadRequest, "Chunk is not a multiple of the chunk granularity.")
		case se.intake.size == 0 && se.size > s.sizeLimit(chunk):
			return errLargeUpload()
		}
		if _, err := se.intake.Write(chunk); err != nil {
			return serverError(http.StatusServiceUnavailable, "UNAVAILABLE", err.Error())
		}
		se.set(se.intake.size, "active", "")
		if ended {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
