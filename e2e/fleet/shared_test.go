package fleet

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gphotos2mqtt/e2e/e2etest"
	"gphotos2mqtt/photos/photosim"
)

// A large file stays on the machine that has seen it: the entry goes there, and back for another one, and waits for one that is on a machine
// without a process.
func TestFilesOfMachines(t *testing.T) {
	w := newWorld(t, "home")
	media := filepath.Join(t.TempDir(), "media") // the same path on all machines, each with files of its own
	e2etest.Must(t, os.Mkdir(media, 0o755))
	machine := func(name string) *bridge {
		t.Helper()
		return w.start(name, "GPHOTOS_MEDIA_DIRS="+media, "GPHOTOS_SPOOL_COPY=1KiB")
	}
	one := machine("one")
	w.online()
	w.link(one)
	e2etest.Must(t, w.google.Faults(photosim.Fault{Route: "uploads.raw", Mode: photosim.Refuse, Error: "unavailable"}))
	e2etest.Must(t, os.WriteFile(filepath.Join(media, "large.jpg"), e2etest.Photo(1, 50_000), 0o600))
	w.Publish("gphotos/home/upload", []byte(filepath.Join(media, "large.jpg")))
	e2etest.Until(w, "an attempt to send it", func() bool { return w.google.Stats().Routes["uploads.raw"].Requests > 0 })
	one.Stop(0)
	e2etest.Must(t, os.Rename(filepath.Join(media, "large.jpg"), filepath.Join(media, "of one")))
	e2etest.Must(t, os.WriteFile(filepath.Join(media, "large.jpg"), e2etest.Photo(2, 50_000), 0o600)) // another file
	e2etest.Must(t, w.google.Faults())

	two := machine("two")
	w.online()
	w.Until("the reason for which it waits", func() bool {
		var state struct {
			Queue struct {
				Waits struct{ Reason, Message string }
			}
		}
		w.Last("gphotos/home/state", &state)
		return state.Queue.Waits.Reason == "file_elsewhere" && strings.Contains(state.Queue.Waits.Message, "machine one")
	})
	if n := len(w.finished("home")); n > 0 {
		t.Errorf("it has ended: %+v", w.finished("home"))
	}
	e2etest.Must(t, os.Rename(filepath.Join(media, "of one"), filepath.Join(media, "large.jpg")))
	w.Until("the result", func() bool { return len(w.finished("home")) == 1 })
	two.Stop(0)
	w.itemsOnce(1)
}

// An entry goes to the machine of a file, when there is a process.
func TestEntryMovesToItsFile(t *testing.T) {
	w := newWorld(t, "home")
	one := w.start("one", "GPHOTOS_SPOOL_COPY=1KiB")
	w.online()
	w.link(one)
	file := filepath.Join(one.media, "large.jpg")
	e2etest.Must(t, w.google.Faults(photosim.Fault{Route: "uploads.raw", Mode: photosim.Refuse, Error: "unavailable"}))
	e2etest.Must(t, os.WriteFile(file, e2etest.Photo(1, 50_000), 0o600))
	w.Publish("gphotos/home/upload", []byte(file))
	e2etest.Until(w, "an attempt to send it", func() bool { return w.google.Stats().Routes["uploads.raw"].Requests > 0 })
	one.Stop(0)
	two := w.start("two", "GPHOTOS_SPOOL_COPY=1KiB")
	e2etest.Until(w, "the other one to take it", func() bool { return two.holds("home") })
	e2etest.Must(t, w.google.Faults())
	w.start("one-again", "GPHOTOS_SPOOL_COPY=1KiB", "GPHOTOS_MACHINE=one", "GPHOTOS_MEDIA_DIRS="+one.media)
	w.Until("the result", func() bool { return len(w.finished("home")) == 1 })
	two.Expect(`msg="entry moves to where a file is"`)
	w.itemsOnce(1)
}

// Two jobs need two machines: the entry first does what it can where it is, and then moves, once.
func TestFilesOfTwoMachines(t *testing.T) {
	w := newWorld(t, "home")
	one := w.start("one", "GPHOTOS_SPOOL_COPY=1KiB")
	w.online()
	w.link(one)
	e2etest.Must(t, w.google.Faults(photosim.Fault{Route: "uploads.raw", Mode: photosim.Refuse, Error: "unavailable"}))
	job := func(on *bridge, n int) {
		t.Helper()
		file := filepath.Join(on.media, "large.jpg")
		e2etest.Must(t, os.WriteFile(file, e2etest.Photo(n, 50_000), 0o600))
		before := w.google.Stats().Routes["uploads.raw"].Requests
		w.Publish("gphotos/home/upload", []byte(file))
		e2etest.Until(w, "an attempt to send it", func() bool { return w.google.Stats().Routes["uploads.raw"].Requests > before })
	}
	job(one, 1)
	one.Stop(0)
	two := w.start("two", "GPHOTOS_SPOOL_COPY=1KiB")
	e2etest.Until(w, "the other one to take it", func() bool { return two.holds("home") })
	w.online()
	job(two, 2)
	again := w.start("one-again", "GPHOTOS_SPOOL_COPY=1KiB", "GPHOTOS_MACHINE=one", "GPHOTOS_MEDIA_DIRS="+one.media)
	e2etest.Must(t, w.google.Faults())
	w.Until("both results", func() bool { return len(w.finished("home")) == 2 })
	if n := strings.Count(two.Output()+again.Output(), "entry moves to where a file is"); n != 1 {
		t.Errorf("the entry has moved %d times for a file", n)
	}
	w.itemsOnce(2)
}

// All processes are in bridge/health, their warnings in bridge/log, the requests of the day are those of all, and each process answers for an
// entry of another one, and says whether it is well.
func TestOneBridge(t *testing.T) {
	w := newWorld(t, "a", "b")
	one, two := w.start("one"), w.start("two")
	w.shared(1, one, two)
	w.online()
	var health struct {
		Processes map[string]struct {
			Machine            string
			Leads              bool
			Entries, Connected int
		}
		Counters map[string]int
	}
	w.within(5*time.Second, "the entries of both on health", func() {
		w.Until("the entries of both", func() bool {
			w.Last("gphotos/bridge/health", &health)
			n := 0
			for _, p := range health.Processes {
				n += p.Entries * p.Connected
			}
			return len(health.Processes) == 2 && n == 2
		})
	})
	w.link(two)
	for _, b := range []*bridge{one, two} {
		for _, path := range []string{"/entry/a", "/entry/b", "/health"} {
			answer, err := browser.Get("http://" + b.pages + path)
			e2etest.Must(t, err)
			text, _ := io.ReadAll(answer.Body)
			e2etest.Must(t, answer.Body.Close())
			if answer.StatusCode != http.StatusOK || strings.HasPrefix(path, "/entry") && !strings.Contains(string(text), "is linked") {
				t.Errorf("%s of %s: %s\n%s", path, b.Name, answer.Status, text)
			}
		}
	}
	said := map[string]bool{}
	w.Until("lines of both processes", func() bool {
		for _, payload := range w.All("gphotos/bridge/log") {
			var line struct{ Message, Process string }
			_ = json.Unmarshal(payload, &line)
			said[line.Process] = line.Process != ""
		}
		return len(said) == 2
	})
	for i, entry := range w.entries {
		for n := range 3 {
			w.Publish("gphotos/"+entry+"/upload", e2etest.Photo(10*i+n, 5_000))
		}
	}
	w.Until("all results", func() bool { return len(w.finished("a")) == 3 && len(w.finished("b")) == 3 })
	made := 0
	for route, r := range w.google.Stats().Routes {
		if strings.HasPrefix(route, "uploads.") || strings.HasPrefix(route, "mediaItems.") || strings.HasPrefix(route, "albums.") {
			made += r.Requests
		}
	}
	counted := func(entry string) int {
		var state struct {
			Quota struct {
				Requests int `json:"requests_today"`
			}
		}
		w.Last("gphotos/"+entry+"/state", &state)
		return state.Quota.Requests
	}
	w.Until("both to count the requests of both", func() bool { return counted("a") == counted("b") && counted("a") >= made })
	leads := func() (n int) {
		for _, p := range health.Processes {
			if p.Leads {
				n++
			}
		}
		return n
	}
	w.Until("health of both", func() bool {
		w.Last("gphotos/bridge/health", &health)
		return len(health.Processes) == 2 && health.Counters["uploaded"] == 6 && leads() == 1
	})
	for _, b := range []*bridge{one, two} {
		if b.holds("bridge") {
			b.Stop(0)
			break
		}
	}
	w.within(20*time.Second, "another one to lead", func() {
		w.Until("the other one to lead", func() bool {
			health.Processes = nil
			w.Last("gphotos/bridge/health", &health)
			return len(health.Processes) == 1 && leads() == 1
		})
	})
}

// Two entries in two processes have one account: when one is unlinked, the other one's access is not ended with it.
func TestOneAccount(t *testing.T) {
	w := newWorld(t, "a", "b")
	one, two := w.start("one"), w.start("two")
	w.shared(1, one, two)
	w.online()
	w.linked("a", one, w.allowAs("a", 0))
	w.linked("b", one, w.allowAs("b", 0))
	if r := w.request("a", "unlink"); r.Status != "ok" {
		t.Fatalf("unlink: %+v", r)
	}
	w.Publish("gphotos/b/upload", e2etest.Photo(1, 5_000))
	w.Until("the other one's upload", func() bool { return len(w.finished("b")) == 1 })
	if r := w.finished("b")[0]; r.Status != "done" {
		t.Errorf("the other one's upload: %+v", r)
	}
}
