package photosim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
)

// benchSim is a server and a client for benchmarks.
func benchSim(b *testing.B) (*Server, func(method, path string, body []byte) []byte) {
	b.Helper()
	s := New(Config{Dir: b.TempDir()})
	b.Cleanup(func() { s.Close() })
	g, err := s.Grant(GrantRequest{})
	if err != nil {
		b.Fatal(err)
	}
	client := &http.Client{Transport: s.Transport()}
	return s, func(method, path string, body []byte) []byte {
		req, err := http.NewRequestWithContext(b.Context(), method, "https://photoslibrary.googleapis.com"+path, bytes.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+g.AccessToken)
		req.Header.Set("X-Goog-Upload-Protocol", "raw")
		resp, err := client.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		defer resp.Body.Close()
		out, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			b.Fatalf("%s: %d %s %v", path, resp.StatusCode, out, err)
		}
		return out
	}
}

// BenchmarkTwoHundredPhotos is what the simulator itself costs in the end-to-end measurement: 200 uploads of 27 KB and 4 batches.
func BenchmarkTwoHundredPhotos(b *testing.B) {
	s, call := benchSim(b)
	file := append(photo(1), make([]byte, 27<<10)...)
	for b.Loop() {
		for range 4 {
			var items []any
			for n := range 50 {
				file[len(file)-1], file[len(file)-2] = byte(n), file[len(file)-2]+1
				items = append(items, map[string]any{"simpleMediaItem": map[string]string{"uploadToken": string(call("POST", "/v1/uploads", file)), "fileName": fmt.Sprint(n)}})
			}
			body, err := json.Marshal(map[string]any{"newMediaItems": items})
			if err != nil {
				b.Fatal(err)
			}
			call("POST", "/v1/mediaItems:batchCreate", body)
		}
		b.StopTimer()
		s.ResetLibrary()
		b.StartTimer()
	}
}

// BenchmarkLargeUpload spills to a file.
func BenchmarkLargeUpload(b *testing.B) {
	s, call := benchSim(b)
	file := append(photo(1), make([]byte, 64<<20)...)
	b.SetBytes(int64(len(file)))
	for b.Loop() {
		call("POST", "/v1/uploads", file)
		b.StopTimer()
		s.ResetLibrary()
		b.StartTimer()
	}
}

// BenchmarkPage lists a page of 100 in the middle of 100,000 items.
func BenchmarkPage(b *testing.B) {
	s, call := benchSim(b)
	if err := s.Seed(Seed{Items: 100_000}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		call("GET", "/v1/mediaItems?pageSize=100", nil)
	}
}
