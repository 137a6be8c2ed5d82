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
	"testing"

	"gphotos2mqtt/e2e/e2etest"
	"gphotos2mqtt/photos/photosim"
)

// Uploads of all payload forms go through Mosquitto while the bridge is killed,
// Mosquitto restarted, both connections are cut, and Google throws random faults. There is
// one item for each upload, a result that names it, and nothing else left.
func TestChaos(t *testing.T) {
	uploads, kills, restarts, cuts := 60, 5, 2, 5
	if e2etest.Acceptance() {
		uploads, kills, restarts, cuts = 500, 30, 10, 30
	}
	e := newEnv(t)
	before := e.goroutines()
	e.faults(chaosFaults...)
	photos := make([][]byte, uploads)
	var troubles []func()
	for range kills {
		troubles = append(troubles, func() {
			e.KillBridge()
			e.StartBridge()
		})
	}
	for range restarts {
		troubles = append(troubles, func() {
			e.Broker.Stop(0)
			e.StartBroker()
		})
	}
	for range cuts {
		troubles = append(troubles, e.ToBroker.Cut, e.ToGoogle.Cut)
	}
	rand.Shuffle(len(troubles), func(i, j int) { troubles[i], troubles[j] = troubles[j], troubles[i] })

	var publishers sync.WaitGroup
	next := make(chan int)
	for range 4 {
		publishers.Go(func() {
			for n := range next {
				e.upload(e.command(n, photos[n]))
			}
		})
	}
	// The troubles are spread over the uploads.
	for n := range uploads {
		size := 10_000
		if n%25 == 0 {
			size = 6 << 20 // in a session
		}
		photos[n] = e2etest.Photo(n, size)
		e2etest.Must(t, os.WriteFile(e.file(n), photos[n], 0o600))
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
	e.Until("all results", func() bool { return len(e.missing(photos)) == 0 })
	e.faults()
	e.NoJobs()
	e.wantEach(t, photos)
	const kept = 2 * 25 // a connection to Google that is kept for the next of 25 uploads has two
	if n := e.goroutines(); n > before+kept+10 {
		t.Errorf("%d goroutines, and %d before", n, before)
	}
	e.wantEmpty()
}

// chaosFaults are what Google throws: no quota, which would only be long.
var chaosFaults = []photosim.Fault{
	{Route: "uploads.*", Probability: 0.05, Seed: 1, Mode: photosim.Refuse, Error: "unavailable"},
	{Route: "uploads.*", Probability: 0.05, Seed: 2, Mode: photosim.Lose},
	{Route: "uploads.*", Probability: 0.05, Seed: 3, Mode: photosim.Cut, After: new(int64(4000))},
	{Route: "uploads.*", Probability: 0.02, Seed: 4, Mode: photosim.Garble},
	{Route: "mediaItems.batchCreate", Probability: 0.1, Seed: 5, Mode: photosim.Refuse, Error: "internal"},
	{Route: "mediaItems.batchCreate", Probability: 0.1, Seed: 6, Mode: photosim.Lose},
	{Route: "mediaItems.batchCreate", Probability: 0.05, Seed: 7, ItemCode: 13, Items: []int{0, 3}},
	{Route: "albums.*", Probability: 0.1, Seed: 8, Mode: photosim.Lose},
	{Route: "albums.*", Probability: 0.1, Seed: 9, Mode: photosim.Cut},
}

// troublesLeft is how many of all troubles are to come after the n-th upload.
func troublesLeft(uploads, n, all int) int { return all - (n+1)*all/uploads }

// command makes the n-th command, in one of the forms of the contract.
func (e *env) command(n int, photo []byte) []byte {
	fields := map[string]any{"transaction": n, "id": fmt.Sprint("chaos-", n), "album": fmt.Sprint("Album ", n/6%3)}
	switch n % 6 {
	case 0:
		fields["path"] = e.file(n)
	case 1:
		fields["data"] = base64.StdEncoding.EncodeToString(photo)
	case 2:
		return []byte("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(photo))
	case 3:
		return photo
	case 4:
		return []byte(e.file(n))
	case 5:
		return []byte(base64.URLEncoding.EncodeToString(photo))
	}
	command, err := json.Marshal(fields)
	if err != nil {
		panic(err) // texts and numbers only
	}
	return command
}

func (e *env) file(n int) string { return filepath.Join(e.Media, fmt.Sprintf("%d.jpg", n)) }

// missing are the uploads without a result that names their item. JSON commands
// are known by their transaction, the others by the item's bytes.
func (e *env) missing(photos [][]byte) (missing []int) {
	results := e.Results()
	if len(results) < len(photos) {
		return []int{-1}
	}
	item := map[string]string{} // by content
	for _, i := range e.library().Items {
		item[i.SHA256] = i.ID
	}
	for n, photo := range photos {
		sum := sha256.Sum256(photo)
		id := item[hex.EncodeToString(sum[:])]
		names := func(r e2etest.Result) bool {
			return r.Status == "done" && len(r.Items) == 1 && r.Items[0].MediaItemID == id && (n%6 > 1 || r.Transaction == float64(n))
		}
		if id == "" || !slices.ContainsFunc(results, names) {
			missing = append(missing, n)
		}
	}
	return missing
}

// wantEach checks that Google has exactly these photos, each in its album, and
// that no upload failed.
func (e *env) wantEach(t *testing.T, photos [][]byte) {
	t.Helper()
	has := e.library()
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
	for _, r := range e.Results() {
		if r.Status != "done" {
			t.Errorf("result: %+v", r)
		}
	}
}

// goroutines are how many the bridge says to have, once its connection to the broker
// has been cut, which it tells of.
func (e *env) goroutines() int {
	e.Helper()
	e.Forget("gphotos/bridge/health")
	e.ToBroker.Cut()
	var health struct {
		Goroutines  int
		Connections map[string]struct{ Connected bool }
	}
	e.Expect("gphotos/bridge/health", "both connections", func(payload []byte) bool {
		return json.Unmarshal(payload, &health) == nil && health.Connections["home"].Connected && health.Connections["bridge"].Connected
	})
	return health.Goroutines
}
