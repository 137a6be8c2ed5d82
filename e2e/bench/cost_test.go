package bench

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"gphotos2mqtt/e2e/e2etest"
	"gphotos2mqtt/photos/photosim"
)

// photoCost measures the bridge's processor time, and what it writes to disks, for a
// photo of 27 KB over the whole way: 200 at once, and 100 one after another.
func photoCost(r *run) {
	e := newEnv(r, e2etest.Config{})
	e.quiet()
	e.burst(0, burst, small, "Warm") // the first of all pay for connections and the database's first pages
	e.quiet()
	from := burst
	var cpu, written []float64
	for range 5 {
		before, disk := e.Bridge.CPU(), e.Bridge.Written()
		e.burst(from, burst, small, "Warm")
		e.quiet() // their listings are a part of what they cost
		cpu = append(cpu, ms(e.Bridge.CPU()-before)/burst)
		written = append(written, float64(e.Bridge.Written()-disk)/1000/burst)
		from += burst
	}
	r.atMost(2, "processor for a photo of 27 KB, 200 at once", "ms", cpu...)
	r.atMost(50, "written to disk for each of them", "KB", written...)
	for _, album := range []string{"", "Warm"} {
		e.quiet()
		into := " alone, one after another"
		if album != "" {
			into += ", into an album"
		}
		cpu, written = nil, nil
		for range 3 {
			const alone = 50
			before, disk := e.Bridge.CPU(), e.Bridge.Written()
			for range alone {
				e.burst(from, 1, small, album)
				from++
			}
			e.quiet()
			cpu = append(cpu, ms(e.Bridge.CPU()-before)/alone)
			written = append(written, float64(e.Bridge.Written()-disk)/1000/alone)
		}
		r.figure("processor for a photo of 27 KB"+into, "ms", cpu...)
		r.atMost(140, "written to disk for each of them"+into, "KB", written...)
	}
}

// stream measures 4 files of 256 MB, by their paths, against curl with the same files and
// the same Google.
func stream(r *run) {
	const files, size = 4, 256 << 20
	e := newEnv(r, e2etest.Config{})
	var paths []string
	for n := range files {
		path := filepath.Join(e.Media, fmt.Sprintf("clip-%d.mp4", n))
		e2etest.Must(r, os.WriteFile(path, fmt.Append(e2etest.FilmHead(size), n), 0o600))
		e2etest.Must(r, os.Truncate(path, size)) // the rest is a hole in the file
		e2etest.Must(r, e2etest.EndFilm(path))
		_, err := os.ReadFile(path) // so that the first reader does not pay for the second
		e2etest.Must(r, err)
		paths = append(paths, path)
	}
	const total = files * size / 1e6
	e.quiet()
	e.Bridge.ForgetPeak()
	before, began := e.Bridge.CPU(), time.Now()
	for _, path := range paths {
		e.upload([]byte(path))
	}
	e.done(files)
	used := ms(e.Bridge.CPU()-before) / total
	r.figure("4 files of 256 MB", "s", time.Since(began).Seconds())
	r.atMost(40, "resident memory at most meanwhile", "MB", megabytes(e.Bridge.Peak()))
	r.figure("processor for a MB of them", "ms", used)
	curl, err := exec.LookPath("curl")
	if err != nil {
		r.note("curl is not installed: there is nothing to compare with")
		return
	}
	sim, google := curlGoogle(r, e.Dir)
	token, err := sim.Grant(photosim.GrantRequest{})
	e2etest.Must(r, err)
	var theirs time.Duration
	for _, path := range paths {
		upload := exec.Command(curl, "-sSf", "-X", "POST", "-T", path, "-H", "Authorization: Bearer "+token.AccessToken, "-H", "X-Goog-Upload-Protocol: raw",
			"-H", "Content-Type: application/octet-stream", google+"/library/v1/uploads")
		var out bytes.Buffer
		upload.Stdout, upload.Stderr = &out, &out
		if err := upload.Run(); err != nil {
			r.Fatalf("curl: %v: %s", err, out.String())
		}
		theirs += upload.ProcessState.UserTime() + upload.ProcessState.SystemTime()
	}
	r.figure("the same of curl -T", "ms", ms(theirs)/total)
	r.atMost(1.5, "processor for a MB, times curl's", "", used/(ms(theirs)/total))
}

// curlGoogle is a Google of its own: what one client has sent may be known to it.
func curlGoogle(r *run, dir string) (*photosim.Server, string) {
	return e2etest.StartGoogle(r, photosim.Config{Dir: dir}, nil)
}
