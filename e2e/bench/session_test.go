package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"gphotos2mqtt/e2e/e2etest"
	"gphotos2mqtt/photos/photosim"
)

// A gate holds the first batchCreate until it is opened, so that what comes meanwhile is
// there as a whole, however fast the machine is; and, when told to, uploads before that.
type gate struct {
	once    sync.Once
	reached chan struct{} // closed when the first batchCreate is there
	open    chan struct{} // closed to let it pass
	holding atomic.Bool   // uploads wait
	waiting atomic.Int32  // so many
	pass    chan struct{} // closed to let them pass
}

func newGate() *gate {
	return &gate{reached: make(chan struct{}), open: make(chan struct{}), pass: make(chan struct{})}
}

func (g *gate) wrap(google http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch {
		case strings.HasSuffix(req.URL.Path, ":batchCreate"):
			g.once.Do(func() { close(g.reached) })
			<-g.open
		case strings.HasSuffix(req.URL.Path, "/v1/uploads") && g.holding.Load():
			g.waiting.Add(1)
			<-g.pass
		}
		google.ServeHTTP(w, req)
	})
}

const atATime = 8 // uploads of what is counted, whatever the default is

// countedEnv runs a bridge in which little depends on the machine: when it collects
// garbage depends on that, and what it has to collect is counted as allocations.
func countedEnv(r *run, g *gate, settings ...string) *env {
	settings = append(settings, "GOMAXPROCS=1", "GODEBUG=asyncpreemptoff=1", "GOGC=off", "GOMEMLIMIT=2GiB", fmt.Sprint("GPHOTOS_UPLOADS=", atATime))
	return newEnv(r, e2etest.Config{Wrap: g.wrap, Settings: settings})
}

// gated uploads a photo, and while that is created 100 more; held is called when all of
// them are accepted and as many as may be are on their way.
func (e *env) gated(g *gate, held func()) {
	e.Helper()
	const photos = 100
	e.upload(e2etest.Photo(0, small))
	<-g.reached
	e.Expect(e2etest.ResultTopic, "accepted", accepted)
	g.holding.Store(true)
	sent := e.calls("uploads.raw")
	e.Send(photos, func(n int) []byte { return e2etest.Photo(1+n, small) })
	for range photos {
		e.Expect(e2etest.ResultTopic, "accepted", accepted)
	}
	e2etest.Until(e, "uploads on their way", func() bool { return g.waiting.Load() == atATime })
	held()
	close(g.pass)
	e2etest.Until(e, "all uploads", func() bool { return e.calls("uploads.raw") >= sent+photos })
	close(g.open)
	e.done(1 + photos)
}

// alone uploads a photo and waits until that is told everywhere, so that the next one
// finds nothing under way whose cost it could share.
func (e *env) alone(photo []byte) {
	e.Helper()
	var state struct{ Totals struct{ Uploaded int } }
	e.Last("gphotos/home/state", &state)
	before := state.Totals.Uploaded
	e.upload(photo)
	var done e2etest.Result
	e.Expect(e2etest.ResultTopic, "done", func(payload []byte) bool {
		return json.Unmarshal(payload, &done) == nil && done.Status == "done"
	})
	id := []byte(`"` + done.Items[0].MediaItemID + `"`)
	e.Expect("gphotos/home/media", "the photo", func(payload []byte) bool { return bytes.Contains(payload, id) })
	e.Until("the count of photos", func() bool {
		return e.Last("gphotos/home/state", &state) && state.Totals.Uploaded == before+1
	})
}

// received is how many bytes of media have reached Google.
func (e *env) received() (sum float64) {
	routes := e.Google.Stats().Routes
	return float64(routes["uploads.raw"].BytesIn + routes["uploads.send"].BytesIn)
}

// cutFilm uploads a film of 20 MB whose connection is cut twice, and says how many bytes
// Google got more than that.
func (e *env) cutFilm() float64 {
	e.Helper()
	const size = 20_000_000
	path := filepath.Join(e.Media, "door.mp4")
	e2etest.Must(e, os.WriteFile(path, e2etest.FilmHead(size), 0o600))
	e2etest.Must(e, os.Truncate(path, size))
	e2etest.Must(e, e2etest.EndFilm(path))
	e2etest.Must(e, e.Google.Faults(photosim.Fault{Route: "uploads.send", Mode: photosim.Cut, Calls: photosim.Calls{1, 2}, After: new(int64(5_000_000))}))
	before := e.received()
	e.upload([]byte(path))
	e.done(1)
	return e.received() - before - size
}
