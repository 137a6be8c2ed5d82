package survival

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// A video whose connection is cut again and again goes on where Google has it: at
// most 1 MiB crosses the line twice for a cut. Its bytes are never in memory.
func TestVideoOnABadLine(t *testing.T) {
	size, every := int64(128<<20), int64(16<<20)
	if *long {
		size, every = 1<<30, 100_000_000
	}
	h := newHouse(t)
	path := filepath.Join(h.media, "door.mp4")
	h.must(os.WriteFile(path, []byte("\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"), 0o600))
	h.must(os.Truncate(path, size)) // the rest is a hole in the file
	command, err := json.Marshal(map[string]any{"path": path, "album": "Front door", "transaction": 1})
	h.must(err)
	h.toGoogle.cut()
	h.toGoogle.cutEvery(every)
	h.publish("gphotos/home/upload", command)
	h.ear.await(t, "the result", func() bool { return len(h.ear.results()) > 0 })
	sent, cuts := h.toGoogle.carried()
	peak := h.peak()
	t.Logf("%d MiB in %d cuts: %d KiB sent twice, %d MB resident at most", size>>20, cuts, (sent-size)>>10, peak/1e6)
	if r := h.ear.results()[0]; r.Status != "done" {
		t.Errorf("result: %+v", r)
	}
	const requests = 1 << 20 // all the others, with their headers
	if least := int(size / every); cuts < least || sent-size > int64(cuts)<<20+requests {
		t.Errorf("%d bytes were sent for %d in %d cuts", sent, size, cuts)
	}
	if peak > 64_000_000 {
		t.Errorf("%d bytes resident", peak)
	}
	if has := h.library(); len(has.Items) != 1 || has.Items[0].Bytes != size {
		t.Errorf("library: %+v", has)
	}
	h.awaitNoJobs()
	h.wantEmpty()
}
