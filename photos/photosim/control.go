package photosim

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"
)

// serveControl is the control API under /_sim/. It mirrors the methods of Server; it is no part of Google, needs no token and is
// counted nowhere.
func (s *Server) serveControl(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/_sim/")
	handle, ok := controls[r.Method+" "+name]
	if !ok {
		writeJSON(w, http.StatusNotFound, map[string]string{"error": "no such control: " + r.Method + " " + bound(name)})
		return
	}
	body, err := readBody(r)
	if err != nil {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		return
	}
	answer, err := handle(s, body)
	if err != nil {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		return
	}
	if answer == nil {
		answer = struct{}{}
	}
	writeJSON(w, http.StatusOK, answer)
}

var controls = map[string]func(*Server, []byte) (any, error){
	"GET stats":    func(s *Server, _ []byte) (any, error) { return s.Stats(), nil },
	"GET library":  func(s *Server, _ []byte) (any, error) { return s.Library(), nil },
	"POST reset":   controlReset,
	"POST latency": controlLatency,
	"POST faults":  controlFaults,
	"POST uplink": func(s *Server, body []byte) (any, error) {
		req, err := decodeControl[struct {
			BytesPerSecond int64 `json:"bytes_per_second"`
		}](body)
		if err != nil {
			return nil, err
		}
		return nil, s.Uplink(req.BytesPerSecond)
	},
	"POST grant": func(s *Server, body []byte) (any, error) {
		req, err := decodeControl[GrantRequest](body)
		if err != nil {
			return nil, err
		}
		return s.Grant(req)
	},
	"POST revoke": func(s *Server, body []byte) (any, error) {
		req, err := decodeControl[struct {
			Token   string `json:"token"`
			Account string `json:"account"`
		}](body)
		if err != nil {
			return nil, err
		}
		return map[string]bool{"revoked": s.Revoke(req.Token + req.Account)}, nil
	},
	"POST seed": func(s *Server, body []byte) (any, error) {
		req, err := decodeControl[Seed](body)
		if err != nil {
			return nil, err
		}
		return nil, s.Seed(req)
	},
	"POST item": func(s *Server, body []byte) (any, error) {
		req, err := decodeControl[ItemChange](body)
		if err != nil {
			return nil, err
		}
		return nil, s.ChangeItem(req)
	},
	"POST delete": func(s *Server, body []byte) (any, error) {
		req, err := decodeControl[struct {
			ID string `json:"id"`
		}](body)
		if err != nil {
			return nil, err
		}
		return nil, s.Delete(req.ID)
	},
	"POST storage": func(s *Server, body []byte) (any, error) {
		req, err := decodeControl[struct {
			Account string `json:"account"`
			Full    bool   `json:"full"`
		}](body)
		if err != nil {
			return nil, err
		}
		return nil, s.SetStorageFull(req.Account, req.Full)
	},
	"POST expire": func(s *Server, body []byte) (any, error) {
		req, err := decodeControl[struct {
			What []Perishable `json:"what"`
		}](body)
		if err != nil {
			return nil, err
		}
		return nil, s.Expire(req.What...)
	},
}

// decodeControl reads a request strictly; an empty body is the zero value.
func decodeControl[T any](body []byte) (T, error) {
	var v T
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil && err != io.EOF {
		return v, err
	}
	return v, nil
}

func controlReset(s *Server, body []byte) (any, error) {
	req, err := decodeControl[struct {
		KeepTokens bool `json:"keep_tokens"`
	}](body)
	if err == nil {
		s.reset(req.KeepTokens)
	}
	return nil, err
}

func controlLatency(s *Server, body []byte) (any, error) {
	req, err := decodeControl[map[string]Delay](body)
	if err == nil {
		err = s.Latency(req)
	}
	return nil, err
}

func controlFaults(s *Server, body []byte) (any, error) {
	req, err := decodeControl[[]Fault](body)
	if err != nil {
		return nil, err
	}
	return nil, s.Faults(req...)
}

// Perishable is something that time ends.
type Perishable string

// What Expire can end before its time.
const (
	AccessTokens  Perishable = "access_tokens"
	RefreshTokens Perishable = "refresh_tokens"
	UploadTokens  Perishable = "upload_tokens"
	Sessions      Perishable = "sessions"
	BaseURLs      Perishable = "base_urls"
)

// Expire ends everything of the named kinds that exists now, as if its time were over.
func (s *Server) Expire(what ...Perishable) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	past := time.Unix(0, 0)
	for _, w := range what {
		switch w {
		case AccessTokens:
			for _, t := range s.grants.access {
				t.expires = past
			}
		case RefreshTokens:
			for _, t := range s.grants.refresh {
				t.expires = past
			}
		case UploadTokens:
			for _, u := range s.uploads.tokens {
				u.at = past
			}
		case Sessions:
			for _, se := range s.uploads.sessions {
				se.started = past
			}
		case BaseURLs:
			s.epoch++
		default:
			return &controlError{"cannot expire " + bound(string(w))}
		}
	}
	return nil
}

// controlError is a mistake in a control request.
type controlError struct{ text string }

func (e *controlError) Error() string { return e.text }
