package photosim

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestRawUploadToken(t *testing.T) {
	m := newSim(t, Config{})
	r := m.call("POST", "/v1/uploads", "bytes", "X-Goog-Upload-Protocol", "raw")
	if r.status != 200 || !strings.HasPrefix(r.header.Get("Content-Type"), "text/plain") || len(r.body) < 300 || strings.ContainsAny(r.body, "\" \n{") {
		t.Errorf("answer %d %v %q", r.status, r.header, r.body)
	}
}

func TestRawUploadRefusals(t *testing.T) {
	m := newSim(t, Config{MaxPhoto: 2000, MaxVideo: 3000})
	sum := sha1.Sum([]byte("other bytes"))
	jpeg := string(photo(1))
	tests := []struct {
		name, body string
		header     []string
		status     int
		text       string
	}{
		{"no protocol", "x", nil, 400, "X-Goog-Upload-Protocol"},
		{"unknown protocol", "x", []string{"X-Goog-Upload-Protocol", "multipart"}, 400, "X-Goog-Upload-Protocol"},
		{"empty", "", []string{"X-Goog-Upload-Protocol", "raw"}, 400, "Payload must not be empty"},
		{"content type", "x", []string{"X-Goog-Upload-Protocol", "raw", "Content-Type", "image/jpeg"}, 400, "Content-Type"},
		{"media type", "x", []string{"X-Goog-Upload-Protocol", "raw", "X-Goog-Upload-Content-Type", "jpeg"}, 400, "X-Goog-Upload-Content-Type"},
		{"file name outside ASCII", "x", []string{"X-Goog-Upload-Protocol", "raw", "X-Goog-Upload-File-Name", "Ä.jpg"}, 400, "percent-encoded"},
		{"checksum of other bytes", "x", []string{"X-Goog-Upload-Protocol", "raw", "X-Goog-Hash", "sha1=" + base64.StdEncoding.EncodeToString(sum[:])}, 400, "Checksum from header does not match received payload content."},
		{"checksum that is none", "x", []string{"X-Goog-Upload-Protocol", "raw", "X-Goog-Hash", "sha1=!"}, 400, "X-Goog-Hash"},
		{"photo too large", jpeg + strings.Repeat("x", 2000), []string{"X-Goog-Upload-Protocol", "raw"}, 413, "too large"},
		{"anything too large", strings.Repeat("x", 3001), []string{"X-Goog-Upload-Protocol", "raw"}, 413, "too large"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := m.call("POST", "/v1/uploads", tt.body, tt.header...)
			var status rpcStatus
			r.decode(t, &status)
			if r.status != tt.status || status.Code != rpcInvalidArgument || !strings.Contains(status.Message, tt.text) {
				t.Errorf("answer %d %q, want %d with %q", r.status, r.body, tt.status, tt.text)
			}
		})
	}
	if r := m.call("POST", "/v1/uploads", "", "X-Goog-Upload-Protocol", "raw"); r.body != "{\n  \"code\": 3,\n  \"message\": \"Payload must not be empty\"\n}\n" {
		t.Errorf("empty: %q", r.body)
	}
	good := sha1.Sum([]byte(jpeg))
	r := m.call("POST", "/v1/uploads", jpeg, "X-Goog-Upload-Protocol", "raw", "X-Goog-Hash", "sha1="+base64.StdEncoding.EncodeToString(good[:]),
		"X-Goog-Upload-File-Name", "%C3%84%20b.jpg")
	if r.status != 200 {
		t.Fatalf("right checksum: %d %s", r.status, r.body)
	}
	body := text(t, map[string]any{"newMediaItems": []any{map[string]any{"simpleMediaItem": map[string]string{"uploadToken": r.body}}}})
	m.call("POST", "/v1/mediaItems:batchCreate", body)
	if items := m.Library()[0].Items; len(items) != 1 || items[0].FileName != "Ä b.jpg" {
		t.Errorf("items %+v: the header's file name counts when batchCreate has none", items)
	}
}

func TestUploadTooLargeWithoutLength(t *testing.T) {
	m := newSim(t, Config{MaxPhoto: 1000})
	body := io.MultiReader(bytes.NewReader(photo(1)), strings.NewReader(strings.Repeat("x", 1000)))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, m.target.Library+"/v1/uploads", io.NopCloser(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+m.token)
	req.Header.Set("X-Goog-Upload-Protocol", "raw")
	if r, err := m.send(req); err != nil || r.status != 413 {
		t.Errorf("answer %d %v", r.status, err)
	}
}

func TestLargeUploadsAreSpilled(t *testing.T) {
	dir := t.TempDir()
	m := newSim(t, Config{Dir: dir, MemoryPerFile: 600 << 10})
	data := append(photo(7), bytes.Repeat([]byte("0123456789abcdef"), 100_000)...)
	id := m.item(data)
	m.item(photo(8))
	files, err := filepath.Glob(filepath.Join(dir, "photosim-*", "media-*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %v %v, want one", files, err)
	}
	var i mediaItem
	m.call("GET", "/v1/mediaItems/"+id, "").decode(t, &i)
	if r := m.call("GET", i.BaseURL+"=d", ""); r.body != string(data) {
		t.Errorf("%d bytes came back, want %d", len(r.body), len(data))
	}
	if err := m.Delete(id); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(files[0]); !os.IsNotExist(err) {
		t.Errorf("the file of a deleted item: %v", err)
	}
	m.item(append(data, 1))
	m.Reset()
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 0 {
		t.Errorf("left after reset: %v", left)
	}
}

func TestRefusedUploadLeavesNoFile(t *testing.T) {
	dir := t.TempDir()
	m := newSim(t, Config{Dir: dir, MemoryPerFile: 1000, MaxPhoto: 400_000})
	for range 2 {
		r := m.call("POST", "/v1/uploads", string(photo(1))+strings.Repeat("x", 500_000), "X-Goog-Upload-Protocol", "raw")
		if r.status != 413 {
			t.Fatalf("status %d", r.status)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "photosim-*", "*")); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestUploadTokenLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newSim(t, Config{AccessTokenLife: 100 * time.Hour})
		early, late := m.upload(photo(1)), m.upload(photo(2))
		time.Sleep(24*time.Hour - time.Second)
		if _, out := m.create("", early); out.Results[0].Status.Code != 0 {
			t.Errorf("a second before its end: %+v", out)
		}
		time.Sleep(time.Second)
		if status, out := m.create("", late); status != 200 || out.Results[0].Status.Code != 3 || out.Results[0].Status.Message != failedItem {
			t.Errorf("after a day: %d %+v", status, out)
		}
	})
}

func TestDeadUploadsAreSwept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newSim(t, Config{AccessTokenLife: 1000 * time.Hour})
		m.upload(photo(1))
		m.startSession(10)
		time.Sleep(8 * 24 * time.Hour)
		m.upload(photo(2))
		m.mu.Lock()
		defer m.mu.Unlock()
		if len(m.uploads.tokens) != 1 || len(m.uploads.sessions) != 0 {
			t.Errorf("%d tokens and %d sessions are left", len(m.uploads.tokens), len(m.uploads.sessions))
		}
	})
}
