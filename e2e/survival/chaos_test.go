package survival

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
)

// Uploads of all payload forms go through Mosquitto while the bridge is killed,
// Mosquitto restarted, both lines are cut, and Google throws random faults. There is
// one item for each upload, a result that names it, and nothing else left.
func TestChaos(t *testing.T) {
	uploads, kills, restarts, cuts := 60, 5, 2, 5
	if *long {
		uploads, kills, restarts, cuts = 500, 30, 10, 30
	}
	h := newHouse(t)
	calm := h.goroutines()
	h.sim("POST", "faults", chaosFaults, nil)
	photos := make([][]byte, uploads)
	var troubles []func()
	for range kills {
		troubles = append(troubles, func() {
			h.kill()
			h.startBridge()
		})
	}
	for range restarts {
		troubles = append(troubles, func() {
			_ = h.broker.cmd.Process.Signal(syscall.SIGTERM)
			h.broker.exited(0)
			h.startBroker()
		})
	}
	for range cuts {
		troubles = append(troubles, h.toBroker.cut, h.toGoogle.cut)
	}
	rand.Shuffle(len(troubles), func(i, j int) { troubles[i], troubles[j] = troubles[j], troubles[i] })

	var publishers sync.WaitGroup
	next := make(chan int)
	for range 4 {
		publishers.Go(func() {
			for n := range next {
				h.publish("gphotos/home/upload", h.command(n, photos[n]))
			}
		})
	}
	// The troubles are spread over the uploads.
	for n := range uploads {
		size := 10_000
		if n%25 == 0 {
			size = 6 << 20 // in a session
		}
		photos[n] = photo(uint64(n), size)
		h.must(os.WriteFile(h.file(n), photos[n], 0o600))
		next <- n
		for len(troubles) > troublesLeft(uploads, n, kills+restarts+2*cuts) {
			troubles[0]()
			troubles = troubles[1:]
		}
	}
	close(next)
	publishers.Wait()
	for _, trouble := range troubles {
		trouble()
	}
	h.ear.await(t, "all results", func() bool { return len(h.missing(photos)) == 0 })
	h.sim("POST", "faults", "[]", nil)
	h.awaitNoJobs()
	h.wantEach(t, photos)
	if n := h.goroutines(); n > calm+10 {
		t.Errorf("%d goroutines, and %d before", n, calm)
	}
	h.wantEmpty()
}

// chaosFaults are what Google throws: no quota, which would only be long.
const chaosFaults = `[
	{"route": "uploads.*", "probability": 0.05, "seed": 1, "mode": "refuse", "error": "unavailable"},
	{"route": "uploads.*", "probability": 0.05, "seed": 2, "mode": "lose"},
	{"route": "uploads.*", "probability": 0.05, "seed": 3, "mode": "cut", "after": 4000},
	{"route": "uploads.*", "probability": 0.02, "seed": 4, "mode": "garble"},
	{"route": "mediaItems.batchCreate", "probability": 0.1, "seed": 5, "mode": "refuse", "error": "internal"},
	{"route": "mediaItems.batchCreate", "probability": 0.1, "seed": 6, "mode": "lose"},
	{"route": "mediaItems.batchCreate", "probability": 0.05, "seed": 7, "item_code": 13, "items": [0, 3]},
	{"route": "albums.*", "probability": 0.1, "seed": 8, "mode": "lose"},
	{"route": "albums.*", "probability": 0.1, "seed": 9, "mode": "cut"}
]`

// troublesLeft is how many of all troubles are to come after the n-th upload.
func troublesLeft(uploads, n, all int) int { return all - (n+1)*all/uploads }

// command makes the n-th command, in one of the forms of the contract.
func (h *house) command(n int, photo []byte) []byte {
	fields := map[string]any{"transaction": n, "id": fmt.Sprint("chaos-", n), "album": fmt.Sprint("Album ", n/6%3)}
	switch n % 6 {
	case 0:
		fields["path"] = h.file(n)
	case 1:
		fields["data"] = base64.StdEncoding.EncodeToString(photo)
	case 2:
		return []byte("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(photo))
	case 3:
		return photo
	case 4:
		return []byte(h.file(n))
	case 5:
		return []byte(base64.URLEncoding.EncodeToString(photo))
	}
	command, err := json.Marshal(fields)
	if err != nil {
		panic(err) // texts and numbers only
	}
	return command
}

func (h *house) file(n int) string { return filepath.Join(h.media, fmt.Sprintf("%d.jpg", n)) }

// missing are the uploads without a result that names their item. JSON commands
// are known by their transaction, the others by the item's bytes.
func (h *house) missing(photos [][]byte) (missing []int) {
	results := h.ear.results()
	if len(results) < len(photos) {
		return []int{-1}
	}
	item := map[string]string{} // by content
	for _, i := range h.library().Items {
		item[i.SHA256] = i.ID
	}
	for n, photo := range photos {
		sum := sha256.Sum256(photo)
		id := item[hex.EncodeToString(sum[:])]
		told := func(r result) bool {
			return r.Status == "done" && len(r.Items) == 1 && r.Items[0].MediaItemID == id && (n%6 > 1 || r.Transaction == float64(n))
		}
		if id == "" || !slices.ContainsFunc(results, told) {
			missing = append(missing, n)
		}
	}
	return missing
}

// wantEach checks that Google has exactly these photos, each in its album, and
// that no upload failed.
func (h *house) wantEach(t *testing.T, photos [][]byte) {
	t.Helper()
	has := h.library()
	if len(has.Items) != len(photos) {
		t.Errorf("%d items of %d uploads", len(has.Items), len(photos))
	}
	in := 0
	for _, a := range has.Albums {
		in += len(a.Items)
	}
	if want := len(photos)/6*2 + min(len(photos)%6, 2); in != want || len(has.Albums) != 3 {
		t.Errorf("%d items in %d albums, want %d in 3", in, len(has.Albums), want)
	}
	for _, r := range h.ear.results() {
		if r.Status != "done" {
			t.Errorf("result: %+v", r)
		}
	}
}

// goroutines are how many the bridge says to have, once its line to the broker has
// been cut, which it tells of.
func (h *house) goroutines() int {
	h.t.Helper()
	n := h.ear.count("gphotos/bridge/health", "")
	h.toBroker.cut()
	var health struct {
		Goroutines  int
		Connections map[string]struct{ Connected bool }
	}
	h.ear.await(h.t, "the bridge's health", func() bool {
		h.ear.last("gphotos/bridge/health", &health)
		return h.ear.count("gphotos/bridge/health", "") > n && health.Connections["home"].Connected && health.Connections["bridge"].Connected
	})
	return health.Goroutines
}
