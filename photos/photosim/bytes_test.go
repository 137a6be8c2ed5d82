package photosim

import (
	"bytes"
	"image"
	_ "image/gif"
	"image/png"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// baseOf is a fresh base URL of an item.
func (m *sim) baseOf(id string) string {
	m.t.Helper()
	var i mediaItem
	m.call("GET", "/v1/mediaItems/"+id, "").decode(m.t, &i)
	return i.BaseURL
}

// videoOf is the address that a video's base URL leads to.
func (m *sim) videoOf(base string) string {
	m.t.Helper()
	r := m.call("GET", base+"=dv", "")
	to := r.header.Get("Location")
	if r.status != http.StatusFound || !strings.HasPrefix(to, "https://video-downloads.googleusercontent.com/") {
		m.t.Fatalf("answer %d to %q", r.status, to)
	}
	return to
}

func pngPhoto(w, h int) []byte {
	var buf bytes.Buffer
	if err := png.Encode(&buf, image.NewGray(image.Rect(0, 0, w, h))); err != nil {
		panic(err)
	}
	return buf.Bytes()
}

func TestSuffixes(t *testing.T) {
	m := newSim(t, Config{})
	jpegFile, pngFile, film := photo(1), pngPhoto(40, 20), []byte("\x00\x00\x00\x14ftypqt  film")
	p, g, v := m.baseOf(m.item(jpegFile)), m.baseOf(m.item(pngFile)), m.baseOf(m.item(film))
	heic := m.baseOf(m.item([]byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00 photo")))
	tests := []struct {
		name, url     string
		status        int
		kind          string
		width, height int
		body          []byte
	}{
		{"original", p + "=d", 200, "image/jpeg", 16, 12, jpegFile},
		{"fit", p + "=w8-h8", 200, "image/jpeg", 8, 6, nil},
		{"never larger", p + "=w2048-h1024", 200, "image/jpeg", 16, 12, nil},
		{"crop", p + "=w4-h9-c", 200, "image/jpeg", 4, 9, nil},
		{"png stays png", g + "=h10", 200, "image/png", 20, 10, nil},
		{"png original", g + "=d", 200, "image/png", 40, 20, pngFile},
		{"no decoder", heic + "=w100", 200, "image/jpeg", 100, 56, nil},
		{"video", v + "=dv", 302, "text/html", 0, 0, nil},
		{"video's file", m.videoOf(v), 200, "video/quicktime", 0, 0, film},
		{"no video's file", "https://video-downloads.googleusercontent.com/x", 404, "image/png", 96, 96, nil},
		{"address of a photo there", strings.Replace(p, "lh3.googleusercontent.com/lr", "video-downloads.googleusercontent.com", 1), 404, "image/png", 96, 96, nil},
		{"video frame", v + "=w160-h160-no", 200, "image/jpeg", 160, 90, nil},
		{"video as image", v + "=d", 200, "image/jpeg", 1280, 720, nil},
		{"photo as video", p + "=dv", 400, "text/plain", 0, 0, nil},
		{"bare", p, 400, "text/plain", 0, 0, nil},
		{"unknown suffix", p + "=z9", 400, "text/plain", 0, 0, nil},
		{"empty suffix", p + "=", 400, "text/plain", 0, 0, nil},
		{"no number", p + "=w", 400, "text/plain", 0, 0, nil},
		{"zero", p + "=w0", 400, "text/plain", 0, 0, nil},
		{"too large", p + "=w16384", 400, "text/plain", 0, 0, nil},
		{"two kinds", p + "=d-w10", 400, "text/plain", 0, 0, nil},
		{"crop without a box", p + "=w10-c", 400, "text/plain", 0, 0, nil},
		{"unknown", "https://lh3.googleusercontent.com/lr/unknown=d", 404, "image/png", 96, 96, nil},
		{"damaged", strings.Replace(p, "/lr/", "/lr/A", 1) + "=d", 404, "image/png", 96, 96, nil},
		{"other path", "https://lh3.googleusercontent.com/x=d", 404, "image/png", 96, 96, nil},
	}
	m.token = "" // base URLs need no Authorization header
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := m.call("GET", tt.url, "")
			if r.status != tt.status || !strings.HasPrefix(r.header.Get("Content-Type"), tt.kind) {
				t.Fatalf("answer %d %v", r.status, r.header)
			}
			if tt.body != nil && r.body != string(tt.body) {
				t.Error("other bytes than were uploaded")
			}
			if tt.width == 0 {
				return
			}
			c, _, err := image.DecodeConfig(strings.NewReader(r.body))
			if err != nil || c.Width != tt.width || c.Height != tt.height {
				t.Errorf("picture %dx%d %v, want %dx%d", c.Width, c.Height, err, tt.width, tt.height)
			}
		})
	}
}

func TestBytesByHeadAndRange(t *testing.T) {
	m := newSim(t, Config{})
	p := m.baseOf(m.item(photo(1)))
	if r := m.call("POST", p+"=d", ""); r.status != 405 {
		t.Errorf("POST: %d", r.status)
	}
	if r := m.call("HEAD", p+"=d", ""); r.status != 200 || r.body != "" || r.header.Get("Content-Length") == "0" {
		t.Errorf("HEAD: %d %v", r.status, r.header)
	}
	r := m.call("GET", p+"=d", "", "Range", "bytes=2-4")
	if r.status != http.StatusPartialContent || r.body != string(photo(1)[2:5]) || r.header.Get("Content-Disposition") != "attachment; filename=fa.jpg" {
		t.Errorf("range: %d %v", r.status, r.header)
	}
}

func TestBaseURLLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newSim(t, Config{AccessTokenLife: 10 * time.Hour})
		id := m.item(photo(1))
		old := m.baseOf(id)
		time.Sleep(time.Hour - time.Second)
		if r := m.call("GET", old+"=d", ""); r.status != 200 {
			t.Errorf("a second before its end: %d", r.status)
		}
		time.Sleep(time.Second)
		if r := m.call("GET", old+"=d", ""); r.status != 403 {
			t.Errorf("after an hour: %d", r.status)
		}
		fresh := m.baseOf(id)
		if r := m.call("GET", fresh+"=d", ""); r.status != 200 {
			t.Errorf("fresh: %d", r.status)
		}
		if err := m.Expire(BaseURLs); err != nil {
			t.Fatal(err)
		}
		if r := m.call("GET", fresh+"=d", ""); r.status != 403 {
			t.Errorf("expired by control: %d", r.status)
		}
		fresh = m.baseOf(id)
		if err := m.Delete(id); err != nil {
			t.Fatal(err)
		}
		if r := m.call("GET", fresh+"=d", ""); r.status != 404 {
			t.Errorf("of a deleted item: %d", r.status)
		}
	})
}

func TestByteQuota(t *testing.T) {
	m := newSim(t, Config{Quotas: true})
	base := m.baseOf(m.item(photo(1)))
	m.mu.Lock()
	m.quota.bytes[DefaultProject] = dailyBytes - 1
	m.mu.Unlock()
	if r := m.call("GET", base+"=d", ""); r.status != 200 {
		t.Errorf("the last of the day: %d", r.status)
	}
	checkError(t, m.call("GET", base+"=d", ""), 429, "RESOURCE_EXHAUSTED", "per day")
}

func TestSeededItemsHavePictures(t *testing.T) {
	m := seeded(t, Seed{Items: 3, VideoEvery: 3, Width: 64, Height: 48})
	for n, want := range []string{"IMG_000001.jpg", "IMG_000002.jpg", "VID_000003.mp4"} {
		i := m.Library()[0].Items[n]
		if i.FileName != want || i.Width != 64 {
			t.Errorf("item %+v", i)
		}
		address := m.baseOf(i.ID) + "=d"
		if n == 2 {
			address = m.videoOf(m.baseOf(i.ID))
		}
		if r := m.call("GET", address, ""); r.status != 200 || len(r.body) == 0 {
			t.Errorf("%s: %d %v", i.FileName, r.status, r.header)
		}
	}
}

// TestLengths holds addresses and ids to the lengths that were recorded.
func TestLengths(t *testing.T) {
	m := newSim(t, Config{})
	if err := m.Seed(Seed{Items: 10, Albums: 1, AlbumItems: 10}); err != nil {
		t.Fatal(err)
	}
	var page itemPage
	m.call("GET", "/v1/mediaItems", "").decode(t, &page)
	for _, i := range page.Items {
		if len(i.BaseURL) != 871 || len(i.ID) < 98 || len(i.ID) > 102 {
			t.Errorf("address of %d characters, id of %d", len(i.BaseURL), len(i.ID))
		}
		if r := m.call("GET", i.BaseURL+"=w10", ""); r.status != 200 {
			t.Errorf("bytes of %s: %d", i.ID, r.status)
		}
	}
	if id := m.Library()[0].Albums[0].ID; len(id) != 76 {
		t.Errorf("album id of %d characters", len(id))
	}
}
