package survival

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// Each call to Google on the way of an upload goes wrong in each way, and the bridge
// is killed at that moment and started again. bridge/survive_test.go has the same without
// the kill.
func TestKilledAtEveryCall(t *testing.T) {
	h := newHouse(t)
	faults := map[string]string{
		"refused":     `"mode": "refuse", "error": "unavailable"`,
		"answer lost": `"mode": "lose"`,
		"cut":         `"mode": "cut", "after": 40`,
		"stalls":      `"mode": "stall", "after": 40, "for": "20s"`,
	}
	n := 0
	for _, call := range []string{
		"uploads.raw", "uploads.start", "uploads.send", "uploads.query", "albums.list", "albums.create", "mediaItems.batchCreate",
	} {
		for how, fault := range faults {
			n++
			t.Run(call+"/"+how, func(t *testing.T) { h.killedAt(t, n, call, fault) })
		}
	}
	h.awaitNoJobs()
	h.wantEmpty()
}

func (h *house) killedAt(t *testing.T, n int, call, fault string) {
	t.Helper()
	size := 20_000
	if call != "uploads.raw" && call != "albums.list" && call != "albums.create" && call != "mediaItems.batchCreate" {
		size = 6 << 20
	}
	photo := photo(uint64(n), size)
	path := filepath.Join(h.media, fmt.Sprintf("%d.jpg", n))
	h.must(os.WriteFile(path, photo, 0o600))
	title := fmt.Sprint("Album ", n)
	command, err := json.Marshal(map[string]any{"path": path, "album": title, "transaction": n})
	h.must(err)

	list := fmt.Sprintf(`{"route": %q, "calls": [1], %s}`, call, fault)
	want := 1
	if call == "uploads.query" { // which is only asked after a break
		list += `, {"route": "uploads.send", "calls": [1], "mode": "cut", "after": 1048576}`
		want = 2
	}
	if call == "albums.list" { // which is only asked when the bridge has just started
		h.kill()
	}
	var before struct{ Faults int }
	h.sim("GET", "stats", "", &before)
	h.sim("POST", "faults", "["+list+"]", nil)
	h.publish("gphotos/home/upload", command)
	if call == "albums.list" {
		h.startBridge()
	}
	h.awaitFaults(before.Faults + want)
	h.kill()
	h.startBridge()

	var done []result
	h.ear.await(t, "the result", func() bool {
		done = nil
		for _, r := range h.ear.results() {
			if r.Transaction == float64(n) {
				done = append(done, r)
			}
		}
		return len(done) > 0
	})
	for _, r := range done {
		if r.Status != "done" || r.Job != done[0].Job {
			t.Errorf("results: %+v", done)
		}
	}
	h.wantOne(t, photo, title)
}

// wantOne checks that Google has one item of these bytes, in one album of that title.
func (h *house) wantOne(t *testing.T, photo []byte, title string) {
	t.Helper()
	sum := sha256.Sum256(photo)
	has := h.library()
	items, albums := 0, 0
	for _, i := range has.Items {
		if i.SHA256 == hex.EncodeToString(sum[:]) && len(i.Albums) == 1 {
			items++
		}
	}
	for _, a := range has.Albums {
		if a.Title == title && len(a.Items) == 1 {
			albums++
		}
	}
	if items != 1 || albums != 1 {
		t.Errorf("%d items in %d albums", items, albums)
	}
}

// photo is a JPEG of a size in bytes that differs for each seed: a valid picture
// with its rest in bytes that no reader looks at.
func photo(seed uint64, size int) []byte {
	head := []byte{
		0xFF, 0xD8, 0xFF, 0xE0, 0, 16, 'J', 'F', 'I', 'F', 0, 1, 1, 0, 0, 1, 0, 1, 0, 0,
		0xFF, 0xC0, 0, 11, 8, 0, 48, 0, 64, 1, 1, 0x11, 0, 0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0,
	}
	data := make([]byte, size)
	noise := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)})
	_, _ = noise.Read(data)
	for i, b := range data {
		data[i] = b & 0x7F // never 0xFF, which would begin a marker
	}
	copy(data, head)
	copy(data[size-2:], []byte{0xFF, 0xD9})
	return data
}
