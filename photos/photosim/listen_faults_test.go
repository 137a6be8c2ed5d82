package photosim

import (
	"fmt"
	"testing"
)

// TestFaultsOverTheWire breaks connections of both protocols, as the in-process tests do.
func TestFaultsOverTheWire(t *testing.T) {
	for _, http2 := range []bool{true, false} {
		t.Run(fmt.Sprintf("http2=%v", http2), func(t *testing.T) {
			m := newSim(t, Config{})
			ca := authority(t)
			m.http = proxied(t, listening(t, m, ca), ca, http2)
			data := bigPhoto(8*granularity + 100)
			url := m.startSession(len(data))
			m.set(
				Fault{Route: "uploads.send", Calls: Calls{1}, Mode: Cut, After: new(int64(5*granularity + 7))},
				Fault{Route: "uploads.send", Calls: Calls{2}, Mode: Refuse, Error: "unauthenticated", After: new(int64(granularity))},
				Fault{Route: "uploads.send", Calls: Calls{3}, Mode: Lose},
				Fault{Route: "albums.create", Mode: Lose},
			)
			if _, err := m.try("POST", url, string(data), "X-Goog-Upload-Command", "upload, finalize", "X-Goog-Upload-Offset", "0"); err == nil {
				t.Error("the cut was not seen")
			}
			m.checkReceived(url, 5*granularity)
			if r := m.chunk(url, "upload, finalize", 5*granularity, data[5*granularity:]); r.status != 401 {
				t.Errorf("refused in the middle: %d", r.status)
			}
			m.checkReceived(url, 6*granularity)
			rest := string(data[6*granularity:])
			if _, err := m.try("POST", url, rest, "X-Goog-Upload-Command", "upload, finalize", "X-Goog-Upload-Offset", fmt.Sprint(6*granularity)); err == nil {
				t.Error("the answer was not lost")
			}
			if r := m.chunk(url, "query", 0, nil); r.header.Get("X-Goog-Upload-Status") != "final" || r.body == "" {
				t.Errorf("query: %v %q", r.header, r.body)
			}
			if _, err := m.try("POST", "/v1/albums", `{"album":{"title":"a"}}`); err == nil || len(m.Library()[0].Albums) != 1 {
				t.Errorf("lost album: %v", err)
			}
		})
	}
}

// TestRefusedLargeUpload answers while the client still sends; the answer must arrive all the same.
func TestRefusedLargeUpload(t *testing.T) {
	for _, http2 := range []bool{true, false} {
		m := newSim(t, Config{MaxPhoto: 1000})
		ca := authority(t)
		m.http = proxied(t, listening(t, m, ca), ca, http2)
		r, err := m.try("POST", "/v1/uploads", string(bigPhoto(10<<20)), "X-Goog-Upload-Protocol", "raw")
		if err != nil || r.status != 413 {
			t.Errorf("http2=%v: %d %v", http2, r.status, err)
		}
	}
}
