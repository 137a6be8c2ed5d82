package survival

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"gphotos2mqtt/e2e/e2etest"
)

// A video whose connection is cut again and again goes on where Google has it: at
// most 1 MiB is sent twice for a cut. Its bytes are never in memory.
func TestVideoOnABadConnection(t *testing.T) {
	size, every := int64(128<<20), int64(16<<20)
	if e2etest.Acceptance() {
		size, every = 1<<30, 100_000_000
	}
	e := newEnv(t)
	path := filepath.Join(e.Media, "door.mp4")
	e2etest.Must(t, os.WriteFile(path, e2etest.FilmHead(size), 0o600))
	e2etest.Must(t, os.Truncate(path, size)) // between its ends is a hole in the file
	e2etest.Must(t, e2etest.EndFilm(path))
	command, err := json.Marshal(map[string]any{"path": path, "album": "Front door", "transaction": 1})
	e2etest.Must(t, err)
	e.ToGoogle.Cut()
	e.ToGoogle.CutEvery(every)
	e.upload(command)
	r := e.awaitResults(1)[0]
	sent, cuts := e.ToGoogle.Carried()
	peak := e.Bridge.Peak()
	t.Logf("%d MiB in %d cuts: %d KiB sent twice, %d MB resident at most", size>>20, cuts, (sent-size)>>10, peak/1e6)
	if r.Status != "done" {
		t.Errorf("result: %+v", r)
	}
	const requests = 1 << 20 // all the others, with their headers
	if least := int(size / every); cuts < least || sent-size > int64(cuts)<<20+requests {
		t.Errorf("%d bytes were sent for %d in %d cuts", sent, size, cuts)
	}
	if peak > 64_000_000 {
		t.Errorf("%d bytes resident", peak)
	}
	if has := e.library(); len(has.Items) != 1 || has.Items[0].Bytes != size {
		t.Errorf("library: %+v", has)
	}
	e.NoJobs()
	e.wantEmpty()
}
