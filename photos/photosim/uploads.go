package photosim

import (
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/http"
	"strings"
	"time"
)

// Lives and units of uploads, https://developers.google.com/photos/library/guides/upload-media and
// https://developers.google.com/photos/library/guides/resumable-uploads
const (
	tokenLife   = 24 * time.Hour
	sessionLife = 7 * 24 * time.Hour
	granularity = 256 << 10 // bytes; a server may choose another and says so at the start
)

// uploads are the upload tokens and the sessions. They are guarded by Server.mu.
type uploads struct {
	tokens   map[string]*upload
	sessions map[string]*session
	swept    time.Time
}

// upload is what an upload token stands for.
type upload struct {
	account, project string
	at               time.Time
	fileName         string
	sha              [sha256.Size]byte
	facts            mediaFacts
	unsupported      bool     // found out at the end of the upload, told by batchCreate
	payload          *payload // nil once an item has it
}

func newUploads() *uploads {
	return &uploads{tokens: make(map[string]*upload), sessions: make(map[string]*session), swept: time.Now()}
}

// Form of an upload token.
const (
	tokenStart = "CAISmQ"
	tokenBytes = 366 // behind the start, in base64
)

// validUploadToken tells a token that stands for nothing from text that can be no token.
func validUploadToken(name string) bool {
	rest, ok := strings.CutPrefix(name, tokenStart)
	raw, err := base64.RawURLEncoding.DecodeString(rest)
	return ok && err == nil && len(raw) == tokenBytes
}

// token returns a live upload.
func (u *uploads) token(name string) (*upload, bool) {
	up, ok := u.tokens[name]
	return up, ok && time.Since(up.at) < tokenLife
}

// release gives back bytes that no item will need.
func (u *upload) release() {
	u.payload.remove()
	u.payload = nil
}

// sweep drops what has died, at most once a minute.
func (u *uploads) sweep() {
	now := time.Now()
	if now.Sub(u.swept) < time.Minute {
		return
	}
	u.swept = now
	maps.DeleteFunc(u.tokens, func(_ string, up *upload) bool {
		dead := now.Sub(up.at) >= tokenLife
		if dead {
			up.release()
		}
		return dead
	})
	maps.DeleteFunc(u.sessions, func(_ string, se *session) bool {
		dead := now.Sub(se.started) >= sessionLife
		if dead {
			se.drop()
		}
		return dead
	})
}

// addUpload makes the token for finished bytes.
func (s *Server) addUpload(t *accessToken, p *payload, fileName string) string {
	up := &upload{account: t.account, project: t.project, at: time.Now(), fileName: fileName, sha: p.sha, payload: p}
	facts, ok := p.facts()
	up.facts, up.unsupported = facts, !ok
	p.head = nil
	name := secret(tokenStart, tokenBytes)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.uploads.sweep()
	s.uploads.tokens[name] = up
	return name
}

// findUpload tells the steps of the two upload protocols apart, so that each has its own statistics, faults and delays.
func findUpload(r *http.Request) (endpoint, bool) {
	if r.Method != http.MethodPost {
		return endpoint{}, false
	}
	command := r.Header.Get("X-Goog-Upload-Command")
	if r.URL.Query().Has("upload_id") {
		switch command {
		case "query":
			return endpoint{"uploads.query", (*Server).serveSession}, true
		case "cancel":
			return endpoint{"uploads.cancel", (*Server).serveSession}, true
		}
		return endpoint{"uploads.send", (*Server).serveSession}, true
	}
	if command == "start" || r.Header.Get("X-Goog-Upload-Protocol") == "resumable" {
		return endpoint{"uploads.start", (*Server).serveStart}, true
	}
	return endpoint{"uploads.raw", (*Server).serveRaw}, true
}

// refuseUpload is a refusal of the upload step: a status without the envelope of the other calls,
// https://github.com/gphotosuploader/gphotos-uploader-cli/issues/319. What the front end refuses before (tokens, quotas) has one.
func refuseUpload(code int, text string) error {
	status := "INVALID_ARGUMENT"
	switch code {
	case http.StatusNotFound, http.StatusGone:
		status = "NOT_FOUND"
	case http.StatusConflict:
		status = "ABORTED"
	}
	return &apiError{code: code, status: status, message: text, form: BareStatus}
}

func errEmptyUpload() error { return refuseUpload(http.StatusBadRequest, "Payload must not be empty") }

func errLargeUpload() error {
	return refuseUpload(http.StatusRequestEntityTooLarge, "Payload is too large.")
}

// sizeLimit is what a file of this beginning may have in bytes. What is no photo is held to the limit of videos, because the
// upload step does not look at formats.
func (s *Server) sizeLimit(head []byte) int64 {
	if k, ok := kindOf(head); ok && !k.video {
		return s.cfg.MaxPhoto
	}
	return s.cfg.MaxVideo
}
