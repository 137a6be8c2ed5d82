package photosim

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sim is a server with one caller who is signed in.
type sim struct {
	*Server
	t      *testing.T
	http   *http.Client
	token  string
	target Endpoints
}

func newSim(t *testing.T, cfg Config) *sim {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	s := New(cfg)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	m := &sim{Server: s, t: t, http: &http.Client{Transport: s.Transport(), CheckRedirect: noRedirect}, target: s.Endpoints("")}
	m.token = m.grant(GrantRequest{}).AccessToken
	return m
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func (m *sim) grant(r GrantRequest) Grant {
	m.t.Helper()
	g, err := m.Grant(r)
	if err != nil {
		m.t.Fatalf("grant: %v", err)
	}
	return g
}

// as is the same simulator with another caller.
func (m *sim) as(r GrantRequest) *sim {
	other := *m
	other.token = m.grant(r).AccessToken
	return &other
}

// reply is an answer read to its end.
type reply struct {
	status int
	header http.Header
	body   string
}

func (r reply) decode(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.body), v); err != nil {
		t.Fatalf("answer %d %q: %v", r.status, r.body, err)
	}
}

func (m *sim) send(req *http.Request) (reply, error) {
	resp, err := m.http.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, string(body)}, err
}

// call sends a request to the Library API; a body beginning with { is JSON. Headers come in pairs.
func (m *sim) call(method, path, body string, header ...string) reply {
	m.t.Helper()
	r, err := m.try(method, path, body, header...)
	if err != nil {
		m.t.Fatalf("%s %s: %v", method, path, err)
	}
	return r
}

func (m *sim) try(method, path, body string, header ...string) (reply, error) {
	m.t.Helper()
	address := path
	if strings.HasPrefix(path, "/") {
		address = m.target.Library + path
	}
	req, err := http.NewRequestWithContext(m.t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		m.t.Fatal(err)
	}
	if m.token != "" {
		req.Header.Set("Authorization", "Bearer "+m.token)
	}
	if strings.HasPrefix(body, "{") {
		req.Header.Set("Content-Type", "application/json")
	}
	for n := 0; n+1 < len(header); n += 2 {
		if header[n+1] == "" {
			req.Header.Del(header[n])
		} else {
			req.Header.Set(header[n], header[n+1])
		}
	}
	return m.send(req)
}

// upload sends bytes by the raw protocol and returns the upload token.
func (m *sim) upload(data []byte) string {
	m.t.Helper()
	r := m.call("POST", "/v1/uploads", string(data), "X-Goog-Upload-Protocol", "raw", "Content-Type", "application/octet-stream",
		"X-Goog-Upload-Content-Type", "image/jpeg")
	if r.status != http.StatusOK {
		m.t.Fatalf("upload: %d %s", r.status, r.body)
	}
	return r.body
}

// create makes items of upload tokens and returns the results with the HTTP status.
func (m *sim) create(albumID string, tokens ...string) (int, batchCreateAnswer) {
	m.t.Helper()
	items := make([]map[string]any, 0, len(tokens))
	for n, token := range tokens {
		items = append(items, map[string]any{"simpleMediaItem": map[string]any{"uploadToken": token, "fileName": "f" + string(rune('a'+n)) + ".jpg"}})
	}
	r := m.call("POST", "/v1/mediaItems:batchCreate", text(m.t, map[string]any{"albumId": albumID, "newMediaItems": items}))
	var out batchCreateAnswer
	if r.status < 300 {
		r.decode(m.t, &out)
	}
	return r.status, out
}

// item uploads a photo and returns its id.
func (m *sim) item(data []byte) string {
	m.t.Helper()
	_, out := m.create("", m.upload(data))
	if len(out.Results) != 1 || out.Results[0].Item == nil {
		m.t.Fatalf("create: %+v", out)
	}
	return out.Results[0].Item.ID
}

func (m *sim) album(title string) string {
	m.t.Helper()
	var a wireAlbum
	m.call("POST", "/v1/albums", text(m.t, map[string]any{"album": map[string]string{"title": title}})).decode(m.t, &a)
	return a.ID
}

func text(t *testing.T, v any) string {
	t.Helper()
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// photo is a small JPEG whose bytes depend on n.
func photo(n int) []byte {
	img := image.NewRGBA(image.Rect(0, 0, 16, 12))
	img.Set(n%16, n/16%12, color.RGBA{uint8(n), 200, uint8(n >> 8), 255})
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, img, nil); err != nil {
		panic(err)
	}
	return append(buf.Bytes(), byte(n), byte(n>>8)) // what follows the picture makes equal pictures differ
}

// checkError compares a refusal's status and text.
func checkError(t *testing.T, r reply, code int, status, message string) {
	t.Helper()
	var e envelope
	if r.status != code {
		t.Fatalf("status %d, want %d: %s", r.status, code, r.body)
	}
	r.decode(t, &e)
	if e.Error.Code != code || e.Error.Status != status || !strings.Contains(e.Error.Message, message) {
		t.Errorf("error %+v, want %d %s with %q", e.Error, code, status, message)
	}
}
