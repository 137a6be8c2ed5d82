package bench

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"gphotos2mqtt/e2e/e2etest"
	"gphotos2mqtt/photos/photosim"
)

const small = 27_000 // bytes of a camera's photo

// How long Google takes. In both a listing takes 100 ms.
const (
	modelA = "A" // an upload 200 ms, a batchCreate 800 ms
	modelB = "B" // an upload 300 ms, a batchCreate 500 ms and 30 ms for each item
)

func delays(model string) map[string]photosim.Delay {
	const ms = time.Millisecond
	upload, create := photosim.Delay{Base: 200 * ms}, photosim.Delay{Base: 800 * ms}
	if model == modelB {
		upload, create = photosim.Delay{Base: 300 * ms}, photosim.Delay{Base: 500 * ms, PerItem: 30 * ms}
	}
	list := photosim.Delay{Base: 100 * ms}
	return map[string]photosim.Delay{
		"uploads.*": upload, "mediaItems.batchCreate": create,
		"albums.list": list, "mediaItems.list": list, "mediaItems.search": list, "mediaItems.batchGet": list,
	}
}

// An env is an environment with the entry linked.
type env struct {
	*e2etest.Env
	r *run
}

// newEnv has its data on a real disk, because what is written to it is measured.
func newEnv(r *run, config e2etest.Config) *env {
	r.Helper()
	config.Bridge, config.Settings = r.bridge, slices.Concat(config.Settings, r.settings)
	if config.Topics == nil { // uploads themselves are not read by the subscriber
		config.Topics = []string{
			"gphotos/home/availability", "gphotos/home/state", "gphotos/home/response/#", e2etest.ResultTopic,
			"gphotos/home/media", "gphotos/home/albums/#",
		}
	}
	e := &env{e2etest.New(r, config), r}
	var disk unix.Statfs_t
	e2etest.Must(r, unix.Statfs(e.Dir, &disk))
	if disk.Type == unix.TMPFS_MAGIC {
		r.Fatalf("%s is in memory: set TMPDIR to a folder on a disk", e.Dir)
	}
	e.Link()
	e.Expect("gphotos/home/media", "a listing", nil)
	return e
}

// upload publishes a command or the bytes of a photo.
func (e *env) upload(payload []byte) { e.Publish("gphotos/home/upload", payload) }

// command is an upload command with the bytes of a photo in base64.
func (e *env) command(photo []byte, album string) []byte {
	values := map[string]any{"data": photo}
	if album != "" {
		values["album"] = album
	}
	command, err := json.Marshal(values)
	e2etest.Must(e, err)
	return command
}

// burst publishes commands for so many photos of a size, and measures until the last is
// done. The first has number from: equal bytes are one item to Google.
func (e *env) burst(from, photos, size int, album string) time.Duration {
	e.Helper()
	began := e.send(from, photos, size, album)
	e.done(photos)
	return time.Since(began)
}

// send publishes the commands of a burst, and says when it began.
func (e *env) send(from, photos, size int, album string) (began time.Time) {
	e.Helper()
	commands := make([][]byte, photos)
	for i := range commands {
		commands[i] = e.command(e2etest.Photo(from+i, size), album)
	}
	began = time.Now()
	e.Send(photos, func(n int) []byte { return commands[n] })
	return began
}

// done waits for the ends of so many uploads, and returns the last one.
func (e *env) done(uploads int) (last []byte) {
	e.Helper()
	for range uploads {
		m := e.Expect(e2etest.ResultTopic, "an end", func(p []byte) bool { return !accepted(p) })
		if !bytes.Contains(m.Payload, []byte(`"status":"done"`)) {
			e.Fatalf("%s", m)
		}
		last = m.Payload
	}
	e.Forget(e2etest.ResultTopic)
	return last
}

func accepted(payload []byte) bool { return bytes.Contains(payload, []byte(`"status":"accepted"`)) }

// quiet waits until Google has not been asked for anything for a while: what is measured
// next is not what came before.
func (e *env) quiet() {
	e.Helper()
	const while = 2 * time.Second
	for last, since := e.requests(), time.Now(); time.Since(since) < while; time.Sleep(50 * time.Millisecond) {
		if now := e.requests(); now != last {
			last, since = now, time.Now()
		}
	}
}

// requests is how many of the day's requests were made so far.
func (e *env) requests() int { return requestsOf(e.Google) }

func requestsOf(google *photosim.Server) (n int) {
	for route, of := range google.Stats().Routes {
		if !isOAuth(route) && route != "bytes" {
			n += of.Requests
		}
	}
	return n
}

func isOAuth(route string) bool { return strings.HasPrefix(route, "oauth.") }

// calls is how many requests of some routes were made so far.
func (e *env) calls(routes ...string) (n int) {
	stats := e.Google.Stats()
	for _, route := range routes {
		n += stats.Routes[route].Requests
	}
	return n
}

// busy keeps every core busy with a process of its own until the function is called,
// which tells what the cores have left idle all the same, in percent.
func (r *run) busy() (end func() (idle float64)) {
	r.Helper()
	var spinners []*exec.Cmd
	for range runtime.NumCPU() {
		spinner := exec.Command("sh", "-c", "while :; do :; done")
		e2etest.Must(r, spinner.Start())
		spinners = append(spinners, spinner)
	}
	idleBefore, allBefore := r.processors()
	end = func() float64 {
		idle, all := r.processors()
		for _, spinner := range spinners {
			_ = spinner.Process.Kill()
			_ = spinner.Wait() // it was killed
		}
		spinners = nil
		return 100 * (idle - idleBefore) / max(1, all-allBefore)
	}
	r.Cleanup(func() { end() })
	return end
}

// processors are the ticks that all of them were idle, and all their ticks.
// Source: https://man7.org/linux/man-pages/man5/proc_stat.5.html
func (r *run) processors() (idle, all float64) {
	text, err := os.ReadFile("/proc/stat")
	e2etest.Must(r, err)
	line, _, _ := strings.Cut(string(text), "\n")
	for n, field := range strings.Fields(line)[1:] {
		ticks, err := strconv.ParseFloat(field, 64)
		e2etest.Must(r, err)
		switch n {
		case 3, 4: // idle, and idle until a disk answers
			idle += ticks
		case 8, 9: // guests are in the first two
			continue
		}
		all += ticks
	}
	return idle, all
}

func megabytes(bytes int64) float64 { return float64(bytes) / 1e6 }

func ms(d time.Duration) float64 { return d.Seconds() * 1000 }
