package browser_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"gphotos2mqtt/e2e/e2etest"
	"gphotos2mqtt/photos/photosim"
)

// secrets are what went over the wire between bridge and Google and must be
// nowhere else.
type secrets struct {
	mu    sync.Mutex
	names map[string]string // secret to what it is
}

func newSecrets() *secrets {
	return &secrets{names: map[string]string{photosim.DefaultClientSecret: "client secret"}}
}

func (s *secrets) add(name, value string) {
	if len(value) < 8 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names[value] = name
}

// watch notes the secrets of every request and every answer.
func (s *secrets) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
			s.add("access_token", token)
		}
		if strings.Contains(r.URL.Path, "/oauth2/") && r.Method == http.MethodPost && r.URL.RawQuery == "" {
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body))
			form, _ := url.ParseQuery(string(body))
			for _, name := range []string{"code", "code_verifier", "refresh_token", "token"} {
				s.add(name, form.Get(name))
			}
		}
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		s.answered(r.URL.Path, answer)
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
}

func (s *secrets) answered(path string, answer *httptest.ResponseRecorder) {
	if back, err := url.Parse(answer.Header().Get("Location")); err == nil {
		s.add("code", back.Query().Get("code"))
	}
	s.add("session", answer.Header().Get("X-Goog-Upload-URL"))
	if strings.HasSuffix(path, "/uploads") && answer.Code == http.StatusOK {
		s.add("upload token", answer.Body.String())
	}
	var tokens map[string]any
	if json.Unmarshal(answer.Body.Bytes(), &tokens) == nil {
		for _, name := range []string{"access_token", "refresh_token", "id_token"} {
			value, _ := tokens[name].(string)
			s.add(name, value)
		}
	}
}

// search reports every secret in a text, as it is, escaped or encoded.
func (s *secrets) search(tb testing.TB, where string, text []byte) {
	tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for value, name := range s.names {
		for _, form := range []string{
			value, url.QueryEscape(value), strings.ReplaceAll(value, "/", `\/`), strings.ReplaceAll(value, "&", `\u0026`),
			base64.StdEncoding.EncodeToString([]byte(value)), base64.URLEncoding.EncodeToString([]byte(value)),
		} {
			if bytes.Contains(text, []byte(form)) {
				tb.Errorf("%s holds the %s %.12s…", where, name, value)
				break
			}
		}
	}
}

// searchAll looks through the log, every message of the bridge and every file of
// its data folder. What a person published is not the bridge's.
func (e *env) searchAll(kinds ...string) {
	e.Helper()
	e.secrets.search(e, "the log", []byte(e.Bridge.Output()))
	messages := e.Messages()
	for _, m := range messages {
		if !strings.Contains(m.Topic, "/request/") {
			e.secrets.search(e, m.Topic, m.Payload)
		}
	}
	readable := 0 // files in which the name of an account is found, which is no secret
	err := filepath.WalkDir(e.Data, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && !d.Type().IsRegular() {
			return nil // the store replaces its files as it works
		}
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(adaAddress)) {
			readable++
		}
		e.secrets.search(e, path, content)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	e2etest.Must(e, err)
	known := slices.Collect(maps.Values(e.secrets.names))
	for _, name := range append(kinds, "client secret", "code", "code_verifier", "access_token", "refresh_token") {
		if !slices.Contains(known, name) {
			e.Errorf("no %s was looked for", name)
		}
	}
	if readable == 0 || len(messages) == 0 {
		e.Errorf("%d readable files and %d messages", readable, len(messages))
	}
}
