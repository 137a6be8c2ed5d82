package photosim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestTransportHoldsClientsToTheirLength(t *testing.T) {
	m := newSim(t, Config{})
	for name, tt := range map[string]struct {
		promised int64
		ok       bool
	}{"exact": {600, true}, "unknown": {-1, true}, "too short": {500, false}, "too long": {700, false}} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, m.target.Library+"/v1/uploads", io.NopCloser(bytes.NewReader(bigPhoto(600))))
			if err != nil {
				t.Fatal(err)
			}
			req.ContentLength = tt.promised
			req.Header.Set("Authorization", "Bearer "+m.token)
			req.Header.Set("X-Goog-Upload-Protocol", "raw")
			r, err := m.send(req)
			if (err == nil) != tt.ok {
				t.Errorf("answer %d %v", r.status, err)
			}
		})
	}
}

// TestTransportStreams reads a large answer while the handler still writes it, and leaves in the middle.
func TestTransportStreams(t *testing.T) {
	m := newSim(t, Config{MemoryPerFile: 1000})
	data := bigPhoto(5 << 20)
	base := m.baseOf(m.item(data))
	get := func(ctx context.Context) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"=d", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := m.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	resp := get(t.Context())
	if resp.ContentLength != int64(len(data)) || resp.Request == nil || resp.Status != "200 OK" {
		t.Errorf("head %+v", resp)
	}
	head := make([]byte, 10)
	if _, err := io.ReadFull(resp.Body, head); err != nil || !bytes.Equal(head, data[:10]) {
		t.Errorf("%q %v", head, err)
	}
	if err := resp.Body.Close(); err != nil { // the handler ends though most is unread
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	resp = get(ctx)
	cancel()
	if _, err := io.Copy(io.Discard, resp.Body); !errors.Is(err, context.Canceled) {
		t.Errorf("reading after the context ended: %v", err)
	}
	resp.Body.Close()
	resp = get(t.Context())
	defer resp.Body.Close()
	if n, err := io.Copy(io.Discard, resp.Body); err != nil || n != int64(len(data)) {
		t.Errorf("%d bytes, %v", n, err)
	}
}

func TestTransportCancelledUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newSim(t, Config{})
		body := newSlowBody(100)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.target.Library+"/v1/uploads", body)
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = 100
		req.Header.Set("Authorization", "Bearer "+m.token)
		req.Header.Set("X-Goog-Upload-Protocol", "raw")
		if _, err := m.send(req); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		if n := len(m.uploads.tokens); n != 0 {
			t.Errorf("%d upload tokens", n)
		}
	})
}

func TestTransportRefusesWhenClosed(t *testing.T) {
	s := New(Config{})
	client := &http.Client{Transport: s.Transport()}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	s.Reset()
	resp, err := client.Get("https://photoslibrary.googleapis.com/v1/albums")
	if err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("error %v", err)
		resp.Body.Close()
	}
	if resp, err = s.Transport().RoundTrip(&http.Request{Body: http.NoBody}); err == nil {
		t.Error("a request without an address was accepted")
		resp.Body.Close()
	}
}

// TestManyAtOnce uploads and creates from many goroutines while others look and reset statistics.
func TestManyAtOnce(t *testing.T) {
	m := newSim(t, Config{})
	var wg sync.WaitGroup
	tokens := make([]string, 64)
	for n := range tokens {
		wg.Go(func() { tokens[n] = m.upload(photo(n)) })
		wg.Go(func() { m.call("GET", "/v1/mediaItems", "") })
		wg.Go(func() { m.Stats(); m.Library() })
	}
	wg.Wait()
	for n := 0; n < len(tokens); n += 16 {
		if status, _ := m.create("", tokens[n:n+16]...); status != 200 {
			t.Errorf("create: %d", status)
		}
	}
	if got := len(m.Library()[0].Items); got != len(tokens) {
		t.Errorf("%d items", got)
	}
	if s := m.Stats(); s.Routes["uploads.raw"].Requests != 64 || s.Current != 0 || fmt.Sprint(s.BatchSizes) != "[16 16 16 16]" || s.Writes.Peak != 1 {
		t.Errorf("stats %+v", s)
	}
}
