package photosim

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func (m *sim) startSession(size int) string {
	m.t.Helper()
	r := m.call("POST", "/v1/uploads", "", "X-Goog-Upload-Command", "start", "X-Goog-Upload-Protocol", "resumable",
		"X-Goog-Upload-Content-Type", "image/jpeg", "X-Goog-Upload-Raw-Size", strconv.Itoa(size))
	if r.status != 200 || r.body != "" || r.header.Get("X-Goog-Upload-Status") != "active" ||
		r.header.Get("X-Goog-Upload-Chunk-Granularity") != "262144" {
		m.t.Fatalf("start: %d %v %q", r.status, r.header, r.body)
	}
	return r.header.Get("X-Goog-Upload-URL")
}

func (m *sim) chunk(url, command string, offset int, data []byte) reply {
	m.t.Helper()
	return m.call("POST", url, string(data), "X-Goog-Upload-Command", command, "X-Goog-Upload-Offset", strconv.Itoa(offset))
}

// checkReceived queries a session.
func (m *sim) checkReceived(url string, want int) {
	m.t.Helper()
	r := m.chunk(url, "query", 0, nil)
	if r.status != 200 || r.header.Get("X-Goog-Upload-Status") != "active" || r.header.Get("X-Goog-Upload-Size-Received") != strconv.Itoa(want) {
		m.t.Errorf("query: %d %v, want %d received", r.status, r.header, want)
	}
}

func bigPhoto(size int) []byte {
	return append(photo(3), bytes.Repeat([]byte("x"), size)...)[:size]
}

func TestResumableInOneRequest(t *testing.T) {
	for _, command := range []string{"upload, finalize", "upload,finalize"} {
		m := newSim(t, Config{})
		data := bigPhoto(300_000)
		url := m.startSession(len(data))
		if !strings.HasPrefix(url, "https://photoslibrary.googleapis.com/v1/uploads?upload_id=") {
			t.Errorf("session address %s", url)
		}
		m.checkReceived(url, 0)
		r := m.chunk(url, command, 0, data)
		if r.status != 200 || r.header.Get("X-Goog-Upload-Status") != "final" || r.body == "" {
			t.Fatalf("finalize: %d %v %q", r.status, r.header, r.body)
		}
		again := m.chunk(url, "query", 0, nil)
		if again.body != r.body || again.header.Get("X-Goog-Upload-Status") != "final" {
			t.Errorf("query of a finished session: %v %q, want the same token", again.header, again.body)
		}
		if status, out := m.create("", r.body); status != 200 || out.Results[0].Item == nil || m.Library()[0].Items[0].Bytes != int64(len(data)) {
			t.Errorf("create: %d %+v", status, out)
		}
	}
}

func TestResumableInChunks(t *testing.T) {
	m := newSim(t, Config{})
	data := bigPhoto(2*granularity + 1000)
	url := m.startSession(len(data))
	for _, at := range []int{0, granularity} {
		r := m.chunk(url, "upload", at, data[at:at+granularity])
		if r.status != 200 || r.header.Get("X-Goog-Upload-Status") != "active" || r.body != "" {
			t.Fatalf("chunk at %d: %d %v %q", at, r.status, r.header, r.body)
		}
		m.checkReceived(url, at+granularity)
	}
	r := m.chunk(url, "upload, finalize", 2*granularity, data[2*granularity:])
	if r.status != 200 || r.body == "" {
		t.Fatalf("finalize: %d %s", r.status, r.body)
	}
	_, out := m.create("", r.body)
	var i mediaItem
	m.call("GET", "/v1/mediaItems/"+out.Results[0].Item.ID, "").decode(t, &i)
	if got := m.call("GET", i.BaseURL+"=d", ""); got.body != string(data) {
		t.Error("other bytes came back")
	}
}

func TestStartRefusals(t *testing.T) {
	m := newSim(t, Config{MaxPhoto: 1000, MaxVideo: 5000})
	good := map[string]string{"X-Goog-Upload-Command": "start", "X-Goog-Upload-Protocol": "resumable", "X-Goog-Upload-Content-Type": "image/jpeg", "X-Goog-Upload-Raw-Size": "10"}
	tests := []struct {
		name, header, value, body string
		status                    int
	}{
		{"no size", "X-Goog-Upload-Raw-Size", "", "", 400},
		{"size that is no number", "X-Goog-Upload-Raw-Size", "ten", "", 400},
		{"negative size", "X-Goog-Upload-Raw-Size", "-1", "", 400},
		{"empty file", "X-Goog-Upload-Raw-Size", "0", "", 400},
		{"photo too large", "X-Goog-Upload-Raw-Size", "1001", "", 413},
		{"with a body", "X-Goog-Upload-Raw-Size", "10", "x", 400},
		{"raw protocol", "X-Goog-Upload-Protocol", "raw", "", 400},
		{"no command", "X-Goog-Upload-Command", "", "", 400},
		{"all at once", "X-Goog-Upload-Command", "start, upload, finalize", "", 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var header []string
			for k, v := range good {
				if k == tt.header {
					v = tt.value
				}
				header = append(header, k, v)
			}
			r := m.call("POST", "/v1/uploads", tt.body, header...)
			if r.status != tt.status || r.header.Get("X-Goog-Upload-Status") != "final" || r.header.Get("X-Goog-Upload-URL") != "" {
				t.Errorf("answer %d %v %q, want %d", r.status, r.header, r.body, tt.status)
			}
		})
	}
}

func TestChunkRefusals(t *testing.T) {
	m := newSim(t, Config{Accounts: []Account{{ID: "1", Email: "a@b.c"}, {ID: "2", Email: "d@e.f"}}})
	url := m.startSession(granularity + 10)
	full := bigPhoto(granularity + 11)
	tests := []struct {
		name, command string
		offset, bytes int
		status        int
	}{
		{"wrong offset", "upload", granularity, granularity, 400},
		{"misaligned chunk", "upload", 0, 1000, 400},
		{"more than announced", "upload, finalize", 0, granularity + 11, 400},
		{"fewer than announced", "upload, finalize", 0, granularity, 400},
		{"finalize alone, too early", "finalize", 0, 0, 400},
		{"unknown command", "append", 0, 10, 400},
		{"no command", "", 0, 10, 400},
		{"start again", "start", 0, 0, 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := m.chunk(url, tt.command, tt.offset, full[:tt.bytes])
			if r.status != tt.status || r.header.Get("X-Goog-Upload-Status") != "active" || r.body == "" {
				t.Errorf("answer %d %v %q", r.status, r.header, r.body)
			}
			m.checkReceived(url, 0)
		})
	}
	if r := m.call("POST", url, "", "X-Goog-Upload-Command", "upload", "X-Goog-Upload-Offset", ""); r.status != 400 {
		t.Errorf("no offset: %d", r.status)
	}
	if r := m.call("POST", url, "", "X-Goog-Upload-Command", "query", "Authorization", ""); r.status != 401 {
		t.Errorf("no bearer: %d", r.status)
	}
	if r := m.as(GrantRequest{Account: "2"}).chunk(url, "query", 0, nil); r.status != 404 {
		t.Errorf("session of somebody else: %d", r.status)
	}
	if r := m.chunk(strings.Replace(url, "upload_id=", "upload_id=x", 1), "query", 0, nil); r.status != 404 {
		t.Errorf("unknown session: %d", r.status)
	}
}

func TestCancelAndFinal(t *testing.T) {
	m := newSim(t, Config{})
	url := m.startSession(granularity)
	if r := m.chunk(url, "cancel", 0, nil); r.status != 200 || r.header.Get("X-Goog-Upload-Status") != "cancelled" {
		t.Errorf("cancel: %d %v", r.status, r.header)
	}
	if r := m.chunk(url, "query", 0, nil); r.status != 200 || r.header.Get("X-Goog-Upload-Status") != "cancelled" {
		t.Errorf("query: %d %v", r.status, r.header)
	}
	if r := m.chunk(url, "upload", 0, bigPhoto(granularity)); r.status != http.StatusGone {
		t.Errorf("upload after cancel: %d", r.status)
	}
	url = m.startSession(granularity)
	m.chunk(url, "upload", 0, bigPhoto(granularity))
	r := m.chunk(url, "finalize", granularity, nil)
	if r.status != 200 || r.body == "" {
		t.Errorf("finalize alone, all bytes there: %d %q", r.status, r.body)
	}
	if r := m.chunk(url, "upload", granularity, nil); r.status != 400 || r.header.Get("X-Goog-Upload-Status") != "final" {
		t.Errorf("upload to a finished session: %d %v", r.status, r.header)
	}
	if r := m.chunk(url, "cancel", 0, nil); r.header.Get("X-Goog-Upload-Status") != "final" {
		t.Errorf("cancel of a finished session: %v", r.header)
	}
}

// TestCutKeepsWholeGranules cuts the connection in the middle of the body and goes on where the session is.
func TestCutKeepsWholeGranules(t *testing.T) {
	m := newSim(t, Config{})
	data := bigPhoto(3*granularity + 500)
	url := m.startSession(len(data))
	if err := m.Faults(Fault{Route: "uploads.send", Calls: []int{1}, Mode: Cut, After: new(int64(granularity + 1000))}); err != nil {
		t.Fatal(err)
	}
	if _, err := m.try("POST", url, string(data), "X-Goog-Upload-Command", "upload, finalize", "X-Goog-Upload-Offset", "0"); err == nil {
		t.Fatal("the cut was not seen")
	}
	m.checkReceived(url, granularity)
	if r := m.chunk(url, "upload, finalize", granularity, data[granularity:]); r.status != 200 || r.body == "" {
		t.Errorf("rest: %d %s", r.status, r.body)
	}
}

// TestLostFinalAnswer does the last step and loses the answer: the query tells.
func TestLostFinalAnswer(t *testing.T) {
	m := newSim(t, Config{})
	data := bigPhoto(1000)
	url := m.startSession(len(data))
	if err := m.Faults(Fault{Route: "uploads.send", Mode: Lose}); err != nil {
		t.Fatal(err)
	}
	if _, err := m.try("POST", url, string(data), "X-Goog-Upload-Command", "upload, finalize", "X-Goog-Upload-Offset", "0"); err == nil {
		t.Fatal("the answer was not lost")
	}
	r := m.chunk(url, "query", 0, nil)
	if r.header.Get("X-Goog-Upload-Status") != "final" || r.body == "" {
		t.Errorf("query: %v %q", r.header, r.body)
	}
}

func TestSessionLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newSim(t, Config{AccessTokenLife: 1000 * time.Hour})
		url := m.startSession(10)
		time.Sleep(7*24*time.Hour - time.Second)
		m.checkReceived(url, 0)
		time.Sleep(time.Second)
		if r := m.chunk(url, "query", 0, nil); r.status != 404 {
			t.Errorf("after seven days: %d", r.status)
		}
	})
}

// TestSecondSenderWaits lets an upload hang and tries again: the second sender waits a little, then is told to come back.
func TestSecondSenderWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newSim(t, Config{})
		url := m.startSession(granularity)
		slow := newSlowBody(granularity)
		done := make(chan error)
		go func() {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, slow)
			if err != nil {
				done <- err
				return
			}
			req.ContentLength = granularity
			req.Header.Set("Authorization", "Bearer "+m.token)
			req.Header.Set("X-Goog-Upload-Command", "upload, finalize")
			req.Header.Set("X-Goog-Upload-Offset", "0")
			_, err = m.send(req)
			done <- err
		}()
		synctest.Wait()
		m.checkReceived(url, 0) // a query does not wait
		before := time.Now()
		if r := m.chunk(url, "upload, finalize", 0, bigPhoto(granularity)); r.status != 409 || time.Since(before) != lockWait {
			t.Errorf("second sender: %d after %v", r.status, time.Since(before))
		}
		close(slow.release)
		if err := <-done; err != nil {
			t.Errorf("first sender: %v", err)
		}
	})
}
